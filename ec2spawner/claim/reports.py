"""What of a machine's reports counts, and what of it is worth a line in the log.

Root on a machine may say anything, as often as the rate limits let it. A report that
does not count costs nothing: no commit, no step, no line.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..core.state import Phase
from .messages import Report, Step
from .rate_limits import Bucket

# In the order in which an agent takes them. Each counts once, and none after a later
# one, but for those that say how far they are: HOME and SETUP.
_BOOT = (
    Step.ACCOUNT,
    Step.HOME,
    Step.MOUNTED,
    Step.RESCUE,
    Step.DATA,
    Step.SETUP,
    Step.STARTING,
    Step.READY,
)
_NOTICES = frozenset({Step.INTERRUPTION, Step.REBALANCE})


class Hearing:
    """What one machine has said since it claimed, or since the Hub was started."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._reached = -1
        self._over = False
        self._notices = Bucket(3, 1 / 60, clock)
        # A setup_script may say a line a second for ten minutes.
        self._setup_lines = Bucket(20, 0.25, clock)
        self._warning_lines = Bucket(35, 0.25, clock)

    @property
    def reached(self) -> Step | None:
        """How far the boot has come, by the machine's word."""
        return _BOOT[self._reached] if self._reached >= 0 else None

    def counts(self, report: Report, phase: Phase) -> bool:
        """Whether anything is to be done about a report.

        :param phase: of its launch
        """
        step = report.step
        if step in _BOOT:
            return self._boots(step, phase)
        if step in _NOTICES:
            return self._notices.take()
        if step in (Step.FAILED, Step.EXITED):
            first, self._over = not self._over, True
            return first
        return True

    def _boots(self, step: Step, phase: Phase) -> bool:
        at = _BOOT.index(step)
        if phase is not Phase.CLAIMED or at < self._reached:
            return False
        again, self._reached = at == self._reached, at
        return not again or step in (Step.HOME, Step.SETUP, Step.READY)

    def boots_again(self) -> None:
        """The machine has begun anew; what it may say in a time stays the same."""
        self._reached, self._over = -1, False

    def has_room_for_setup(self) -> bool:
        """Whether a line of the setup_script is worth one in the log."""
        return self._setup_lines.take()

    def log_of(self, report: Report) -> str | None:
        """As much of the end of its log as there is room for; None for no line."""
        lines = report.log.splitlines()
        if report.step in (Step.FAILED, Step.EXITED):
            return report.log  # it comes once, and is what an admin needs most
        kept = lines[-room:] if (room := self._warning_lines.left - 1) > 0 else []
        if not self._warning_lines.take(1 + len(kept)):
            return None
        return "\n".join(kept)
