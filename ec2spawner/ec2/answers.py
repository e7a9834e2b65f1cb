"""What is done with the answers to calls, by handlers of botocore's events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..core.metrics import API_REQUESTS


class Answers:
    """Lets those who have asked read the answers before boto3 does.

    A call is made and read in one thread, so it is by the thread that they are told
    from others' answers.
    """

    def __init__(self) -> None:
        self._thread = threading.local()

    @contextmanager
    def read_by(self, reader: Callable[..., None]) -> Iterator[None]:
        """Give this thread's answers to a handler of ``before-parse``."""
        self._thread.reader = reader
        try:
            yield
        finally:
            self._thread.reader = None

    def hand_over(self, **answer: Any) -> None:
        """The one handler of ``before-parse`` that a client has."""
        if reader := getattr(self._thread, "reader", None):
            reader(**answer)


def count_answer(model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
    """Of botocore, for each answer, in the thread of its request."""
    code = parsed.get("Error", {}).get("Code") or "ok"
    API_REQUESTS.labels(str(model.name), str(code)).inc()


def count_failure(event_name: str, exception: Exception, **_: Any) -> None:
    """Of botocore, for each request that has no answer: ``after-call-error.ec2.X``."""
    API_REQUESTS.labels(event_name.split(".")[-1], type(exception).__name__).inc()
