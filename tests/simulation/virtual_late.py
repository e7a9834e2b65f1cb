"""Calls that are so late that boto3 has given up when they arrive, or their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from .virtual_hub import Hub
    from .virtual_time import EventQueue

#: what the lane that launches waits for, and the others (ec2/clients.py)
LAUNCHING_SECONDS, OTHERS_SECONDS = 30.0, 15.0
_OTHERS = ("Describe", "Get", "Terminate", "Stop", "Delete", "Release", "CreateTags")


@dataclass
class _Late:
    action: str
    times: int | None
    #: until EC2 has the request; 0: it has it at once, and its answer is late
    seconds: float


class LateCalls:
    """A delay at the local EC2 is one of real time, and costs nothing here."""

    def __init__(self, events: EventQueue) -> None:
        self._events = events
        self._late: list[_Late] = []

    def add(self, action: str, times: int | None, seconds: float) -> None:
        self._late.append(_Late(action, times, seconds))

    def clear(self) -> None:
        self._late.clear()

    @property
    def expected(self) -> bool:
        """Some call is to be late."""
        return bool(self._late)

    def on_its_way(self, hub: Hub, action: str, request: Any) -> None:
        """What boto3 raises when no answer comes in time, if that is scripted."""
        late = next((each for each in self._late if each.action == action), None)
        if late is None:
            return
        if late.times is not None:
            late.times -= 1
            if not late.times:
                self._late.remove(late)
        if late.seconds:
            self._events.later(late.seconds, self._arrive, request)
        else:
            self._arrive(request)
        others = action.startswith(_OTHERS)
        hub.waited = OTHERS_SECONDS if others else LAUNCHING_SECONDS
        raise ReadTimeoutError(endpoint_url=request.url)

    def _arrive(self, request: Any) -> None:
        """At EC2. Whatever it answers, nobody hears it."""
        URLLib3Session().send(request)
