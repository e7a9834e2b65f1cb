"""When launches fail at boot again and again: stop, wait, let one try. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Failures that lie further apart have nothing to do with each other.
_WINDOW_SECONDS = 600.0
# What one user alone cannot start may be the user's own doing.
_USERS = 2


@dataclass
class _Kind:
    """The failures in a row of launches of one kind."""

    failures: list[tuple[float, str]] = field(default_factory=list)
    #: user -> when a launch of theirs has failed last, whosever fault it was
    failed: dict[str, float] = field(default_factory=dict)
    closed_until: float = 0.0
    #: the launch that tries whether all is well again
    trial: str = ""


@dataclass(frozen=True)
class Tripped:
    """Launches of a kind are stopped: after how many failures, for how long yet."""

    failures: int
    seconds: float


class Breaker:
    """A circuit breaker: counts failed boots for each kind of launch."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def admit(self, kind: str, launch_id: str, user: str) -> Tripped | None:
        """Let a launch through, or say why not. One is let through for a trial.

        Never one of a user who has just failed, whose own doing it may be, unless
        nobody else comes for as long again.
        """
        state = self._kinds.get(kind)
        if state is None or not state.closed_until:
            return None
        now = self._clock()
        opens = state.closed_until
        if user in state.failed:
            opens = max(opens, state.failed[user]) + _WINDOW_SECONDS
        if opens > now or state.trial:
            return Tripped(len(state.failures), max(opens - now, 0.0))
        state.trial = launch_id
        return None

    def good(self, kind: str) -> None:
        """A server of this kind has started: all is forgotten."""
        self._kinds.pop(kind, None)

    def bad(
        self, kind: str, launch_id: str, user: str, limit: int, pause: float
    ) -> bool:
        """A machine came and did not serve; True when that stops further launches.

        :param limit: how many in a row are too many; 0 for no number
        :param pause: seconds for which to stop
        """
        state, now = self._failed(kind, user), self._clock()
        trial = state.trial == launch_id
        if not trial:
            recent = [f for f in state.failures if now - f[0] < _WINDOW_SECONDS]
            state.failures = recent
        state.failures.append((now, user))
        if trial:
            state.trial = ""
        elif state.closed_until:
            return False  # it had been launched before
        users = {user for _, user in state.failures}
        if trial or limit and len(state.failures) >= limit and len(users) >= _USERS:
            state.closed_until = now + pause
            return True
        return False

    def own(self, kind: str, launch_id: str, user: str) -> None:
        """A launch has failed by what is its user's own: it says nothing of its kind,
        and the next trial is somebody else's."""
        self._failed(kind, user)
        self.undecided(kind, launch_id)

    def _failed(self, kind: str, user: str) -> _Kind:
        state, now = self._kinds.setdefault(kind, _Kind()), self._clock()
        if not state.closed_until:
            long_ago = now - _WINDOW_SECONDS
            state.failed = {u: at for u, at in state.failed.items() if at > long_ago}
        state.failed[user] = now
        return state

    def undecided(self, kind: str, launch_id: str) -> None:
        """A launch has ended for reasons that say nothing about its kind."""
        state = self._kinds.get(kind)
        if state is not None and state.trial == launch_id:
            state.trial = ""
