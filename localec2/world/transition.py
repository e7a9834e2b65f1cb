"""States that last for a while: ``creating``, ``pending``, ``modifying``."""

from __future__ import annotations

import time
from concurrent.futures import Future


class Ripening:
    """Something that takes its time, and at least until some work is done."""

    def __init__(self, seconds: float, work: Future[None] | None = None) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds
        self._work = work

    @property
    def percent(self) -> int:
        """How far it is; 100 only when nothing is left to do."""
        if self.ripe:
            return 100
        left = max(0.0, self._at - time.monotonic())
        return min(99, int(100 - 100 * left / self._seconds)) if self._seconds else 0

    @property
    def ripe(self) -> bool:
        done = self._work is None or self._work.done()
        return done and time.monotonic() >= self._at

    def wait(self) -> None:
        """Until the work is done; raises what it has raised."""
        if self._work is not None:
            self._work.result()

    @property
    def failed(self) -> bool:
        work = self._work
        return work is not None and work.done() and work.exception() is not None

    @property
    def problem(self) -> str:
        """Why the work has failed; empty if it has not."""
        return str(self._work.exception()) if self.failed and self._work else ""
