"""States that last for a while: ``creating``, ``pending``, ``modifying``."""

from __future__ import annotations

import time
from concurrent.futures import Future


class Ripening:
    """Something that takes its time, and at least until some work is done."""

    def __init__(self, seconds: float, work: Future[None] | None = None) -> None:
        self._at = time.monotonic() + seconds
        self._work = work

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
