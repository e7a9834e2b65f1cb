"""Token buckets per action, as EC2 throttles requests."""

from __future__ import annotations

import fnmatch
import threading
import time

from ..errors import AwsError
from ..settings import Throttle


class Buckets:
    """One account's request buckets, those of each Region.

    Safe to use from many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(
        self, limits: Throttle, action: str, unfiltered: bool, region: str = ""
    ) -> None:
        """Take one token or raise RequestLimitExceeded (HTTP 503)."""
        name = _bucket(limits, action, unfiltered)
        if name is None:
            return
        size, refill = limits[name]
        now = time.monotonic()
        # A pattern gives a bucket per action that it matches, as on AWS.
        key = f"{region} {name}" + ("" if ":" in name else f" {action}")
        with self._lock:
            left, at = self._left.get(key, (float(size), now))
            left = min(float(size), left + (now - at) * refill)
            if left < 1:
                self._left[key] = (left, now)
                raise AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
            self._left[key] = (left - 1, now)

    def reset(self) -> None:
        with self._lock:
            self._left.clear()


def limit_for(
    limits: Throttle, action: str, unfiltered: bool
) -> tuple[float, float] | None:
    """(size, refill per second) of the bucket that a request draws on."""
    name = _bucket(limits, action, unfiltered)
    return limits[name] if name else None


def _bucket(limits: Throttle, action: str, unfiltered: bool) -> str | None:
    if unfiltered and f"{action}:unfiltered" in limits:
        return f"{action}:unfiltered"
    if action in limits:
        return action
    for pattern in limits:
        if ":" not in pattern and fnmatch.fnmatchcase(action, pattern):
            return pattern
    return None
