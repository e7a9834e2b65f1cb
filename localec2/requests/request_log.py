"""What was asked of the API: every request, all parameters, the outcome."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .request import ApiRequest, readable


@dataclass
class LoggedRequest:
    """One request. ``status`` 0: still at work; -1: the connection was cut."""

    number: int
    time: float
    service: str
    region: str
    action: str
    params: dict[str, str]
    body: str
    user_agent: str
    #: the user-data as a person would read it: decoded, gunzipped
    user_data: str | None = None
    #: the user-data as it was sent, base64
    user_data_base64: str | None = None
    status: int = 0
    error: str | None = None
    seconds: float = 0.0
    #: ids of the instances this call made, when it made any
    instance_ids: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


class RequestLog:
    """The newest requests, oldest first. Safe to use from many threads."""

    def __init__(self, size: int = 100_000) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._entries: deque[LoggedRequest] = deque(maxlen=size)

    def open(self, request: ApiRequest) -> LoggedRequest:
        raw = request.user_data()
        entry = LoggedRequest(
            number=next(self._numbers),
            time=time.time(),
            service=request.service,
            region=request.region,
            action=request.action,
            params=dict(request.params),
            body=request.body.decode("utf-8", "replace"),
            user_agent=request.agent,
            user_data=None if raw is None else readable(raw),
            user_data_base64=(
                None if raw is None else base64.b64encode(raw).decode("ascii")
            ),
        )
        with self._lock:
            self._entries.append(entry)
        return entry

    def close(self, entry: LoggedRequest, status: int, error: str | None) -> None:
        entry.status = status
        entry.error = error
        entry.seconds = time.time() - entry.time

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        with self._lock:
            entries = [entry for entry in self._entries if entry.number > number]
        return [entry.as_dict() for entry in entries]
