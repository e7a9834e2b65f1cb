"""What a user is to know of their machine, as events that are remembered. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .event import Event
from .events import EndedByItself
from .state import Phase, ServerState

_UNDER_WAY = frozenset(set(Phase) - {Phase.OVER})


@dataclass(frozen=True)
class Announced(Event):
    """EC2 has announced something on the machine."""

    text: str
    phases = _UNDER_WAY

    def _after(self, state: ServerState) -> ServerState:
        return state.with_launch(announced=self.text)


@dataclass(frozen=True)
class Rescued(Event):
    """The machine goes on without the home, which cannot be mounted."""

    text: str
    phases = _UNDER_WAY

    def _after(self, state: ServerState) -> ServerState:
        return state.with_launch(rescued=self.text)


@dataclass(frozen=True)
class Silent(Event):
    """The machine's agent says nothing since then; 0 when it has spoken again."""

    since: float
    phases = frozenset({Phase.READY})

    def _after(self, state: ServerState) -> ServerState:
        return state.with_launch(silent_since=self.since)


@dataclass(frozen=True)
class OutOfBudget(Event):
    """A budget is used up: the machine is stopped, and not ended, whatever the settings
    say of stops.

    :ivar text: why, for the user
    """

    text: str
    phases = _UNDER_WAY
    serving = True

    def _after(self, state: ServerState) -> ServerState:
        on_stop = state.current.on_stop or "stop"
        return EndedByItself(self.text).after(state).with_launch(on_stop=on_stop)
