"""What a user is to know of their machine, as events that are remembered. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .event import Event
from .events import EndedByItself
from .state import LastStop, Phase, ServerState

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
class Kept(Event):
    """Its user has asked to keep the server, though nobody may use it.

    :ivar press: which press of the button it was
    :ivar until: to when it is kept
    :ivar seconds: what all presses of this start have given
    """

    press: float
    until: float
    seconds: float
    phases = frozenset({Phase.READY})
    serving = True

    def _after(self, state: ServerState) -> ServerState:
        return state.with_launch(
            kept_press=self.press, kept_until=self.until, kept_seconds=self.seconds
        )


@dataclass(frozen=True)
class OutOfTime(Event):
    """Nobody has used the server for so long, or it has run for so long: it stops.

    :ivar text: why, for the user
    :ivar stop: the same as facts, which outlive the next start
    """

    text: str
    stop: LastStop
    phases = frozenset({Phase.READY})
    serving = True

    def _after(self, state: ServerState) -> ServerState:
        ended = EndedByItself(self.text).after(state)
        return replace(ended, last_stop=self.stop)


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
