"""Our own queue in front of AWS's request limits, so that nobody is turned away."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable


class TokenBucket:
    """Lets calls through as AWS's bucket of the same size would, first come first.

    :param burst: how many calls may come at once
    :param per_second: how many more may come each second after that
    """

    def __init__(
        self,
        burst: float,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._sleep = sleep
        # Below zero: that many calls have been promised a token still to come.
        self._tokens = burst
        self._at = clock()

    @property
    def ahead(self) -> int:
        """How many calls wait already."""
        self._refill()
        return max(0, math.ceil(-self._tokens))

    @property
    def wait(self) -> float:
        """Seconds that one more call would wait."""
        self._refill()
        return max(0.0, (1 - self._tokens) / self._per_second)

    async def take(self) -> None:
        """Wait for a token."""
        wait = self.wait
        self._tokens -= 1
        try:
            if wait:
                await self._sleep(wait)
        except asyncio.CancelledError:
            self._tokens += 1
            raise

    def _refill(self) -> None:
        now = self._clock()
        gained = (now - self._at) * self._per_second
        self._tokens = min(self._burst, self._tokens + gained)
        self._at = now
