"""Our own queue in front of AWS's request limits, so that nobody is turned away."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """AWS's buckets for one action, per account and region.

    :ivar burst: how many requests may come at once
    :ivar per_second: how many more may come each second after that
    :ivar resources: likewise for the machines that the requests name or make
    """

    burst: float
    per_second: float
    resources: tuple[float, float] | None = None


_READ = Limit(100, 20)
_READ_ALL = Limit(50, 10)
_CHANGE = Limit(50, 5)
_OF_THEIR_OWN = Limit(100, 5)

# EC2 developer guide, "Request throttling for the Amazon EC2 API", the tables of
# request and resource token buckets: "each API is evaluated individually". SSM:
# AWS general reference, "Systems Manager endpoints and quotas", default throughput.
# A call without a row here is refused by the clients: add it with its figures. Rows
# are for calls that we make and for no others.
LIMITS: Mapping[str, Limit] = {
    "RunInstances": Limit(5, 2, resources=(1000, 2)),
    "StartInstances": Limit(5, 2, resources=(1000, 2)),
    "StopInstances": Limit(50, 5, resources=(1000, 20)),
    "TerminateInstances": Limit(100, 5, resources=(1000, 20)),
    "CreateTags": Limit(100, 10),
    "CopyImage": Limit(100, 1),
    # Of the price list, for which AWS states nothing: once a day, and never in a hurry.
    "GetProducts": Limit(5, 1),
    # Nor for these: a command asks, a few times.
    "DescribeKey": Limit(5, 5),
    "GetCallerIdentity": Limit(5, 5),
    "GetServiceQuota": Limit(5, 5),
    "GetAccountPlanState": Limit(5, 5),
    "GetRole": Limit(5, 5),
    **dict.fromkeys(
        (
            "CreateSnapshot",
            "CreateVolume",
            "DeleteNetworkInterface",
            "DeleteSnapshot",
            "DeleteVolume",
            "DeregisterImage",
        ),
        _OF_THEIR_OWN,
    ),
    **dict.fromkeys(
        (
            "AttachVolume",
            "CreateImage",
            "DetachVolume",
            "ModifyImageAttribute",
            "ModifyInstanceAttribute",
            "ModifySnapshotAttribute",
            "ModifyVolume",
            "ReleaseAddress",
        ),
        _CHANGE,
    ),
    **dict.fromkeys(
        (
            "DescribeAddresses",
            "DescribeImages",
            "DescribeInstanceStatus",
            "DescribeInstanceTypeOfferings",
            "DescribeInstanceTypes",
            "DescribeInstances",
            "DescribeKeyPairs",
            "DescribeNetworkAcls",
            "DescribeNetworkInterfaces",
            "DescribeRouteTables",
            "DescribeSecurityGroups",
            "DescribeSnapshots",
            "DescribeSpotPriceHistory",
            "DescribeSubnets",
            "DescribeTags",
            "DescribeVolumes",
            "DescribeVpcAttribute",
            "GetConsoleOutput",
        ),
        _READ,
    ),
    # With neither filter nor ids nor pages.
    **dict.fromkeys(
        (
            "DescribeInstances (unfiltered)",
            "DescribeInstanceStatus (unfiltered)",
            "DescribeNetworkInterfaces (unfiltered)",
            "DescribeSnapshots (unfiltered)",
            "DescribeVolumes (unfiltered)",
        ),
        _READ_ALL,
    ),
    "GetParameter": Limit(40, 40),
}

# Calls that leave here one after the other may arrive together, and the admin's
# own tools draw on the same buckets.
BURST_SHARE = 0.8
RATE_SHARE = 0.95
# After AWS has turned a call away all the same: others use the bucket.
_SLOW_SECONDS = 30.0
_SLOW_SHARE = 0.5
# Sums of floats that should be 0.
_NOTHING = 1e-9


class TokenBucket:
    """Tells when calls may leave, as AWS's bucket of the same size would take them.

    Safe to use from many threads.

    :param burst: how many calls may come at once
    :param per_second: how many more may come each second after that
    """

    def __init__(
        self,
        burst: float,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        # Below zero: that many calls have been promised a token still to come.
        self._tokens = burst
        self._at = clock()
        self._slow_until = -math.inf
        self._lock = threading.Lock()

    def wait(self, tokens: float = 1) -> float:
        """Seconds until there are so many tokens."""
        with self._lock:
            return self._wait(tokens)

    def reserve(self, tokens: float = 1) -> float:
        """Take tokens that may be still to come; seconds to wait for them."""
        with self._lock:
            wait = self._wait(tokens)
            self._tokens -= tokens
            return wait

    def slow_down(self) -> None:
        """AWS turned a call away: its bucket is empty, whatever we thought."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, 0.0)
            self._slow_until = self._at + _SLOW_SECONDS

    def _wait(self, tokens: float) -> float:
        self._refill()
        missing = tokens - self._tokens
        if missing <= _NOTHING:
            return 0.0
        slow_left = max(0.0, self._slow_until - self._at)
        gained_slowly = slow_left * self._per_second * _SLOW_SHARE
        if missing <= gained_slowly:
            return missing / (self._per_second * _SLOW_SHARE)
        return slow_left + (missing - gained_slowly) / self._per_second

    def _refill(self) -> None:
        now = self._clock()
        slowly = max(0.0, min(now, self._slow_until) - self._at)
        seconds = now - self._at - slowly * (1 - _SLOW_SHARE)
        self._tokens = min(self._burst, self._tokens + seconds * self._per_second)
        self._at = now


class UnknownActionError(LookupError):
    """A call whose limits nobody has looked up: a mistake of ours, not of AWS."""


class _Line:
    """Those who wait for the buckets of one action, first come first."""

    def __init__(self, limit: Limit, clock: Callable[[], float]) -> None:
        def bucket(burst: float, per_second: float) -> TokenBucket:
            return TokenBucket(burst * BURST_SHARE, per_second * RATE_SHARE, clock)

        self.requests = bucket(limit.burst, limit.per_second)
        self.resources = bucket(*limit.resources) if limit.resources else None
        self.turn = asyncio.Lock()
        self.waiting = 0

    def wait(self, resources: int) -> float:
        """Seconds that the first in line has to wait."""
        wait = self.requests.wait()
        return max(wait, self.resources.wait(resources)) if self.resources else wait

    def pay(self, resources: int) -> float:
        wait = self.requests.reserve()
        return max(wait, self.resources.reserve(resources)) if self.resources else wait


class Throttle:
    """The lines of one account and region, one for each action."""

    def __init__(
        self,
        limits: Mapping[str, Limit] = LIMITS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[str, _Line] = {}
        self._lock = threading.Lock()

    def _line(self, action: str) -> _Line:
        limit = self._limits.get(action)
        if limit is None:
            raise UnknownActionError(
                f"{action} has no row in LIMITS of ec2/throttle.py: add AWS's figures"
            )
        with self._lock:
            if action not in self._lines:
                self._lines[action] = _Line(limit, self._clock)
            return self._lines[action]

    def ahead(self, action: str) -> int:
        """How many requests of this kind wait already."""
        return self._line(action).waiting

    def wait(self, action: str) -> float:
        """Seconds that one more request of this kind would wait."""
        line = self._line(action)
        return line.requests.wait(line.waiting + 1)

    async def take(self, action: str, resources: int = 1) -> None:
        """Wait until a request may be sent.

        Tokens are taken by whoever leaves, and not before: when this computer
        stands still for a while, no crowd leaves together afterwards.

        :param resources: how many machines it names or makes
        :raises UnknownActionError: for an action without a row in the table
        """
        line = self._line(action)
        line.waiting += 1
        try:
            async with line.turn:
                while wait := line.wait(resources):
                    await self._sleep(wait)
                line.pay(resources)
        finally:
            line.waiting -= 1

    def reserve(self, action: str) -> float:
        """Take a token that may be still to come; seconds to wait for it.

        For those who cannot stand in line: further pages, in their threads.
        """
        return self._line(action).pay(1)

    def throttled(self, action: str) -> None:
        """AWS has turned a request of this kind away."""
        line = self._line(action)
        line.requests.slow_down()
        if line.resources:
            line.resources.slow_down()


class RetryBudget:
    """Lets repetitions be a share of all calls and no more.

    When most calls fail, repeating each of them several times makes an outage
    worse and a recovery later.

    :param share: of the calls in the window
    :param floor: repetitions that are always allowed in a window
    :param window: seconds
    """

    def __init__(
        self,
        share: float = 0.2,
        floor: int = 10,
        window: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._floor = floor
        self._window = window
        self._clock = clock
        self._calls: deque[float] = deque()
        self._retries: deque[float] = deque()

    def called(self) -> None:
        """Count a call."""
        self._forget()
        self._calls.append(self._clock())

    def allow(self) -> bool:
        """Whether one more call may be repeated; counts it when it may."""
        self._forget()
        allowed = max(self._floor, int(self._share * len(self._calls)))
        if len(self._retries) >= allowed:
            return False
        self._retries.append(self._clock())
        return True

    def _forget(self) -> None:
        old = self._clock() - self._window
        for moments in (self._calls, self._retries):
            while moments and moments[0] <= old:
                moments.popleft()
