"""What a Hub does in the order in which it does it, with what its database then says.

Two lists that are equal afterwards do not tell which came first. Here everything that
others can see is in one: commits, calls to EC2, requests to the Hub, and its answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from ec2spawner.core.state import ServerState

from .virtual_hub import Hub
from .virtual_world import saved


@dataclass(frozen=True)
class Event:
    """One of these.

    :ivar what: "commit", an action of EC2 that is about to be sent, a request to the
        Hub such as "POST /hub/api/...", or its answer such as "200 POST /hub/api/..."
    :ivar state: what a Hub that is killed at this moment would remember of the server
    :ivar sent: the parameters of a call to EC2
    """

    what: str
    at: float
    state: ServerState
    sent: dict[str, str]


class Events:
    """All events of a Hub from now on, as they concern the server of one user."""

    def __init__(self, hub: Hub, user: str = "alice") -> None:
        self.all: list[Event] = []
        self._hub, self._user = hub, user
        hub.observer = self._note

    def _note(self, what: str, sent: dict[str, str]) -> None:
        _, state = saved(self._hub).get((self._user, ""), (False, ServerState()))
        self.all.append(Event(what, self._hub.world.time.now, state, sent))

    def of(self, what: str) -> list[Event]:
        return [event for event in self.all if event.what == what]

    def between(self, first: str, last: str) -> list[Event]:
        """What happened between the first event of that kind, and the next of this."""
        names = [event.what for event in self.all]
        begin = names.index(first)
        return self.all[begin + 1 : names.index(last, begin)]
