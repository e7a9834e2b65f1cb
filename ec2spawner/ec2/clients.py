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
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

from .answers import Answers, count_answer, count_failure
from .errors import EC2Error, check_whose, from_botocore, has_expired
from .errors.kinds import Kind
from .throttle import LIMITS, RetryBudget, Throttle, UnknownActionError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_pricing import PricingClient
    from mypy_boto3_ssm import SSMClient

T = TypeVar("T")

# Making sessions and clients is not thread-safe; using clients is
# (boto3 guide, "Multithreading or multiprocessing with clients").
_making = threading.Lock()

# Seconds before the first repetition, doubled for each one more.
_BACKOFF = {Kind.THROTTLED: 1.0, Kind.AMBIGUOUS: 0.1}
_LONGEST_BACKOFF = 20.0

# The metadata service of the Hub's computer: boto3 asks once, for a second.
_METADATA_ATTEMPTS = 5
_METADATA_SECONDS = 2
# Looking for credentials where there are none takes several times as long.
_NO_CREDENTIALS_SECONDS = 5.0


# In one region for the whole account (AWS General Reference, "AWS Free Tier").
_AT_HOME = {"freetier": "us-east-1"}


class NotSent(Exception):
    """A launch was no longer wanted when its turn came: EC2 was not asked."""


class NeedsTokenError(TypeError):
    """A call that may be repeated has no client token: a mistake of ours."""


# They leave a lane as they are.
_OURS = (EC2Error, NotSent, NeedsTokenError, UnknownActionError)


@dataclass(frozen=True)
class Account:
    """Which EC2 to talk to, with the credentials of boto3's default chain.

    ``endpoint_url`` is EC2's alone: other services are not to be had there.
    """

    region: str
    endpoint_url: str = ""


class Session:
    """boto3's session, one for all lanes: who has credentials, has them for each.

    Safe to use from many threads.
    """

    def __init__(
        self, account: Account, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._account = account
        self._clock = clock
        self._lock = threading.Lock()
        self._session: Any = None
        self._found_none_at = float("-inf")
        #: counts the sessions, each of which looks for credentials anew
        self.number = 0

    def client(self, service: str, config: Config) -> tuple[int, Any]:
        """A new client, and the number of the session that it is of.

        :raises NoCredentialsError: while there are none. No client is made without:
            it would never have any.
        """
        with self._lock:
            session = self._with_credentials()
            url = self._account.endpoint_url if service == "ec2" else ""
            where = {"region_name": _AT_HOME[service]} if service in _AT_HOME else {}
            with _making:
                return self.number, session.client(
                    service, endpoint_url=url or None, config=config, **where
                )

    @property
    def credentials_from(self) -> str:
        """How boto3 has found them, in its word: ``iam-role``, ``env``, ...; empty
        while there are none."""
        with self._lock:
            found = self._session.get_credentials() if self._session else None
        return str(getattr(found, "method", "")) if found else ""

    def renew(self, number: int) -> None:
        """Look for credentials anew, if that was the last session to do so."""
        with self._lock:
            if self.number == number:
                self._session = None
                self.number += 1

    def _with_credentials(self) -> Any:
        if self._clock() - self._found_none_at < _NO_CREDENTIALS_SECONDS:
            raise NoCredentialsError()
        if self._session is None:
            with _making:
                self._session = _new_session(self._account.region)
        if self._session.get_credentials() is None:
            self._found_none_at = self._clock()
            raise NoCredentialsError()
        return self._session


def _new_session(region: str) -> Any:
    core = botocore.session.get_session()
    for name, least in (
        ("metadata_service_num_attempts", _METADATA_ATTEMPTS),
        ("metadata_service_timeout", _METADATA_SECONDS),
    ):
        core.set_config_variable(name, max(least, core.get_config_variable(name)))
    return boto3.Session(botocore_session=core, region_name=region)


class Lane:
    """One boto3 client with time-outs, repetitions and threads of its own.

    :param attempts: how often a call may be made while its answer is in doubt or
        AWS is throttling; 1 leaves that to the caller
    """

    def __init__(
        self,
        session: Session,
        name: str,
        throttle: Throttle,
        retries: RetryBudget,
        attempts: int,
        read_timeout: float,
        threads: int,
    ) -> None:
        self._session = session
        # service -> its client, and the number of the session that it is of
        self._made: dict[str, tuple[int, Any]] = {}
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
        #: who reads them before boto3 does
        self.answers = Answers()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"ec2-{name}")
        # Making a client takes up to a second: not when a user waits for it.
        self._pool.submit(self._prepare)

    @property
    def ec2(self) -> EC2Client:
        client: EC2Client = self._client("ec2")
        return client

    @property
    def ssm(self) -> SSMClient:
        client: SSMClient = self._client("ssm")
        return client

    @property
    def pricing(self) -> PricingClient:
        client: PricingClient = self._client("pricing")
        return client

    @property
    def sts(self) -> Any:
        return self._client("sts")

    @property
    def kms(self) -> Any:
        return self._client("kms")

    @property
    def iam(self) -> Any:
        return self._client("iam")

    @property
    def freetier(self) -> Any:
        return self._client("freetier")

    @property
    def quotas(self) -> Any:
        return self._client("service-quotas")

    def _client(self, service: str) -> Any:
        with self._lock:
            number, client = self._made.get(service, (-1, None))
            if number != self._session.number:
                number, client = self._session.client(service, self._config)
                self._watch(client, service)
                self._made[service] = number, client
            return client

    def _watch(self, client: Any, service: str) -> None:
        client.meta.events.register_first(
            "before-parameter-build", self._check_repeatable
        )
        client.meta.events.register("before-call", self._pay)
        if service == "ec2":
            client.meta.events.register("after-call", check_whose)
        client.meta.events.register("before-parse", self.answers.hand_over)
        client.meta.events.register_first("after-call", count_answer)
        client.meta.events.register("after-call-error", count_failure)

    def _prepare(self) -> None:
        with suppress(Exception):  # the first call will say it
            self._client("ec2")

    def _check_repeatable(self, params: Any, model: Any, **_: Any) -> None:
        """Refuse to let the SDK invent the token of a call that we may repeat.

        It would invent another for the repetition, which then makes a second
        thing (EC2 developer guide, "Ensuring idempotency").
        """
        missing = set(model.idempotent_members) - set(params)
        if missing and self._attempts > 1:
            raise NeedsTokenError(
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
        self,
        action: str,
        work: Callable[[Lane], T],
        resources: int = 1,
        doubted: Callable[[], None] = lambda: None,
    ) -> T:
        """Run ``work(self)`` in this lane's threads, parsing included.

        When the caller is cancelled the thread goes on to its end: whoever
        needs the answer all the same must shield this call.

        :param action: the first call that ``work`` makes
        :param resources: how many machines that call names or makes
        :param doubted: is told of each call whose answer is lost: EC2 may act on it
        :raises EC2Error: for whatever boto3 raised, repetitions included, or the
            reading of its answer: nothing else leaves here
        :raises NotSent: when ``work`` does
        """
        for attempt in range(1, self._attempts + 1):
            await self._throttle.take(action, resources)
            self._retries.called()
            try:
                return await self._once(action, work)
            except EC2Error as e:
                if e.kind is Kind.THROTTLED:
                    self._throttle.throttled(action)
                if e.kind is Kind.AMBIGUOUS:
                    doubted()
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
                return self._with_fresh_credentials(work)
            except _OURS:
                raise
            except Exception as e:
                if isinstance(e, NoCredentialsError):
                    # Roles may be attached later.
                    self._session.renew(self._session.number)
                raise from_botocore(action, e) from e
            finally:
                self._paid.action = None

        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def _with_fresh_credentials(self, work: Callable[[Lane], T]) -> T:
        """Do it again, once, when AWS finds the credentials too old.

        AWS has refused the call, so nothing has come of it.
        """
        number = self._session.number
        try:
            return work(self)
        except Exception as e:
            if not has_expired(e):
                raise
        self._session.renew(number)
        return work(self)

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
        self.session = Session(account)
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
        return Lane(self.session, name, self.throttle, self.retries, **options)

    def close(self) -> None:
        for lane in (self.launching, self.reading, self.killing):
            lane.close()
