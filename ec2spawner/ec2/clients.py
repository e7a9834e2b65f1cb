"""boto3 behind three lanes, so that a hanging launch never holds up a stop.

This is the only way to AWS: each lane's clients pay for every request from the
buckets of ``throttle.py``, whoever wrote the call, and the SDK repeats none by itself.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .errors import EC2Error, from_botocore
from .errors.kinds import Kind
from .throttle import LIMITS, RetryBudget, Throttle

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient

T = TypeVar("T")

# Making sessions and clients is not thread-safe; using clients is
# (boto3 guide, "Multithreading or multiprocessing with clients").
_making = threading.Lock()

# Seconds before the first repetition, doubled for each one more.
_BACKOFF = {Kind.THROTTLED: 1.0, Kind.AMBIGUOUS: 0.1}
_LONGEST_BACKOFF = 20.0


@dataclass(frozen=True)
class Account:
    """Which EC2 to talk to, with the credentials of boto3's default chain."""

    region: str
    endpoint_url: str = ""


class Lane:
    """One boto3 client with time-outs, repetitions and threads of its own.

    :param attempts: how often a call may be made while its answer is in doubt or
        AWS is throttling; 1 leaves that to the caller
    """

    def __init__(
        self,
        account: Account,
        name: str,
        throttle: Throttle,
        retries: RetryBudget,
        attempts: int,
        read_timeout: float,
        threads: int,
    ) -> None:
        self._account = account
        self._config = Config(
            # The SDK's own repetitions would pass by our buckets.
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=read_timeout,
            max_pool_connections=threads,
            user_agent_extra="ec2spawner",
        )
        self._throttle = throttle
        self._retries = retries
        self._attempts = attempts
        self._paid = threading.local()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"ec2-{name}")
        # Making a client takes up to a second: not when a user waits for it.
        self._pool.submit(lambda: self.ec2)

    @cached_property
    def ec2(self) -> EC2Client:
        client: EC2Client = self._client("ec2")
        return client

    @cached_property
    def ssm(self) -> SSMClient:
        client: SSMClient = self._client("ssm")
        return client

    def _client(self, service: str) -> Any:
        with _making:
            session = boto3.Session(region_name=self._account.region)
            client = session.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self._account.endpoint_url or None,
                config=self._config,
            )
        client.meta.events.register_first(
            "before-parameter-build", self._check_repeatable
        )
        client.meta.events.register("before-call", self._pay)
        return client

    def _check_repeatable(self, params: Any, model: Any, **_: Any) -> None:
        """Refuse to let the SDK invent the token of a call that we may repeat.

        It would invent another for the repetition, which then makes a second
        thing (EC2 developer guide, "Ensuring idempotency").
        """
        missing = set(model.idempotent_members) - set(params)
        if missing and self._attempts > 1:
            raise TypeError(
                f"{model.name} may be repeated: give it {', '.join(sorted(missing))}"
            )

    def _pay(self, model: Any, params: Mapping[str, Any], **_: Any) -> None:
        """Before each request leaves, in its thread: the first was paid in run()."""
        action = str(model.name)
        body = params.get("body")
        if isinstance(body, Mapping) and _unfiltered(body):
            if f"{action} (unfiltered)" in LIMITS:
                action += " (unfiltered)"
        if getattr(self._paid, "action", None) == action:
            self._paid.action = None
        elif wait := self._throttle.reserve(action):
            time.sleep(wait)

    async def run(
        self, action: str, work: Callable[[Lane], T], resources: int = 1
    ) -> T:
        """Run ``work(self)`` in this lane's threads, parsing included.

        When the caller is cancelled the thread goes on to its end: whoever
        needs the answer all the same must shield this call.

        :param action: the first call that ``work`` makes
        :param resources: how many machines that call names or makes
        :raises EC2Error: for whatever boto3 raised, repetitions included
        """
        for attempt in range(1, self._attempts + 1):
            await self._throttle.take(action, resources)
            self._retries.called()
            try:
                return await self._once(action, work)
            except EC2Error as e:
                if e.kind is Kind.THROTTLED:
                    self._throttle.throttled(action)
                if not self._may_repeat(e, attempt):
                    raise
                backoff = min(_BACKOFF[e.kind] * 2 ** (attempt - 1), _LONGEST_BACKOFF)
                await asyncio.sleep(backoff * random.uniform(0.5, 1))
        raise AssertionError("the loop above returns or raises")

    def _may_repeat(self, error: EC2Error, attempt: int) -> bool:
        return (
            attempt < self._attempts
            and error.kind in _BACKOFF
            and self._retries.allow()
        )

    async def _once(self, action: str, work: Callable[[Lane], T]) -> T:
        def call() -> T:
            self._paid.action = action
            try:
                return work(self)
            except (ClientError, BotoCoreError, OSError) as e:
                raise from_botocore(action, e) from e
            finally:
                self._paid.action = None

        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _unfiltered(body: Mapping[str, Any]) -> bool:
    """Neither filters nor ids nor pages: AWS has smaller buckets for these."""
    return not any(
        name.startswith(("Filter.", "MaxResults", "NextToken"))
        or re.search(r"Id\.\d+$", name)
        for name in body
    )


class Clients:
    """The lanes of one account and region, and what they share."""

    def __init__(self, account: Account, throttle: Throttle | None = None) -> None:
        self.account = account
        self.throttle = throttle or Throttle()
        #: for whoever repeats calls on their own
        self.retries = RetryBudget()
        # What a launch repeats, and when, is the fleet's to decide. Threads for as
        # many launches as the bucket lets through within a time-out: a launch that
        # has its token must leave at once, or many would leave together.
        self.launching = self._lane("launch", attempts=1, read_timeout=30, threads=64)
        self.reading = self._lane("read", attempts=3, read_timeout=15, threads=8)
        self.killing = self._lane("kill", attempts=4, read_timeout=15, threads=8)

    def _lane(self, name: str, **options: Any) -> Lane:
        return Lane(self.account, name, self.throttle, self.retries, **options)

    def close(self) -> None:
        for lane in (self.launching, self.reading, self.killing):
            lane.close()
