"""Rate limits: how often machines, and strangers, may ask something of the Hub.

A token bucket (``Bucket``) for each source address and for each launch. Nothing here
waits: who is over a limit is told so.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

# More addresses at once than a hub has machines; each costs some 200 bytes.
_MOST_KEYS = 4096


class Bucket:
    """A token bucket: so many at once, and then so many a second."""

    def __init__(
        self,
        burst: float,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._rate, self._clock = burst, per_second, clock
        self._left, self._at = burst, clock()

    @property
    def left(self) -> int:
        """How many may be taken now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        return int(self._left)

    def take(self, count: int = 1) -> bool:
        """Take so many, or none when there are not so many."""
        if self.left < count:
            return False
        self._left -= count
        return True


class Buckets:
    """A bucket for each key. Keys that were not seen for longest are forgotten."""

    def __init__(
        self,
        burst: float,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        most: int = _MOST_KEYS,
    ) -> None:
        self._limit = burst, per_second, clock
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str) -> bool:
        """Take one from the bucket of a key."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(*self._limit)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take()


class RateLimits:
    """All limits of one Hub. A machine that boots asks three times a second at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        #: requests of one address, whatever they are
        self.sources = Buckets(60, 10, clock)
        #: requests of a machine that has shown whose it is
        self.launches = Buckets(40, 5, clock)
        #: lines in the log about refused requests: of one address, and of all
        self._refusals = Buckets(10, 1 / 30, clock)
        self._all_refusals = Bucket(100, 1, clock)

    def worth_a_line(self, source: str) -> bool:
        """Whether a refused request is to be told in the log."""
        return self._refusals.take(source) and self._all_refusals.take()
