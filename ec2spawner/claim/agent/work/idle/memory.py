"""What all looks so far say: since when nobody is here, and nothing runs. Pure."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from .rules import human_ago, what_runs
from .sight import Sight

_STARTING = ("starting", "restarting", "autorestarting")
# One that never comes further, as nobody has ever asked it anything, runs nothing.
_START_SECONDS = 600.0
_REASONS = 5


class Memory:
    """Seconds are of a clock that nobody sets."""

    def __init__(self, now: float) -> None:
        #: the machine is in use when it begins
        self.human = self.computed = now
        self.why: Tuple[str, ...] = ()
        self.sees_people = False
        self.keep = 0.0
        self.kept_at: Optional[float] = None
        self.starting: Optional[float] = None

    def add(self, sight: Sight, now: float) -> None:
        """Take note of a look."""
        self.note_people(sight, now)
        self.why = what_runs(self._without_old_starts(sight, now))
        if self.why:
            self.computed = now

    def note_people(self, sight: Sight, now: float) -> bool:
        """Take note of people only; whether somebody has pressed Keep since."""
        self.sees_people = sight.sees_people
        ago = human_ago(sight)
        if ago is not None:
            self.human = max(self.human, now - ago)
        pressed = bool(sight.keep) and sight.keep != self.keep
        if pressed:
            self.keep, self.kept_at = sight.keep, now
        return pressed

    def _without_old_starts(self, sight: Sight, now: float) -> Sight:
        if not any(kernel.state in _STARTING for kernel in sight.kernels):
            self.starting = None
            return sight
        if self.starting is None:
            self.starting = now
        if now - self.starting < _START_SECONDS:
            return sight
        return sight._replace(
            kernels=[each for each in sight.kernels if each.state not in _STARTING]
        )

    def seen(self, now: float) -> Dict[str, Any]:
        """What the Hub is told."""
        return {
            "human_idle": round(now - self.human, 1),
            "compute_idle": round(now - self.computed, 1),
            "why_active": list(self.why[:_REASONS]),
            "sees_people": self.sees_people,
            "keep": self.keep,
        }

    def idle(self, now: float, keep_seconds: float) -> float:
        """For how long nobody has used the machine and nothing has run: 0 when it
        cannot see people, or somebody has asked to keep it."""
        if not self.sees_people or self.why:
            return 0.0
        last = max(self.human, self.computed)
        if self.kept_at is not None:
            last = max(last, self.kept_at + keep_seconds)
        return max(now - last, 0.0)
