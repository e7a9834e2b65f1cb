"""boto3 behind three lanes, so that a hanging launch never holds up a stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .errors import from_botocore

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient

T = TypeVar("T")

# Making sessions and clients is not thread-safe; using clients is
# (boto3 guide, "Multithreading or multiprocessing with clients").
_making = threading.Lock()


@dataclass(frozen=True)
class Account:
    """Which EC2 to talk to, with the credentials of boto3's default chain."""

    region: str
    endpoint_url: str = ""


class Lane:
    """One boto3 client with time-outs, retries and threads of its own."""

    def __init__(self, account: Account, name: str, config: Config, threads: int):
        self._account = account
        self._config = config
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"ec2-{name}")
        # Making a client takes up to a second: not when a user waits for it.
        self._pool.submit(lambda: self.ec2)

    @cached_property
    def ec2(self) -> EC2Client:
        with _making:
            return boto3.Session(region_name=self._account.region).client(
                "ec2",
                endpoint_url=self._account.endpoint_url or None,
                config=self._config,
            )

    @cached_property
    def ssm(self) -> SSMClient:
        with _making:
            return boto3.Session(region_name=self._account.region).client(
                "ssm",
                endpoint_url=self._account.endpoint_url or None,
                config=self._config,
            )

    async def run(self, action: str, work: Callable[[Lane], T]) -> T:
        """Run ``work(self)`` in this lane's threads, parsing included.

        When the caller is cancelled the thread goes on to its end: whoever
        needs the answer all the same must shield this call.

        :raises EC2Error: for whatever boto3 raised
        """

        def call() -> T:
            try:
                return work(self)
            except (ClientError, BotoCoreError, OSError) as e:
                raise from_botocore(action, e) from e

        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _config(attempts: int, connect: float, read: float, threads: int) -> Config:
    return Config(
        # total_max_attempts counts calls; max_attempts would count retries.
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=connect,
        read_timeout=read,
        max_pool_connections=threads,
        user_agent_extra="ec2spawner",
    )


class Clients:
    """The lanes of one account and region."""

    def __init__(self, account: Account) -> None:
        self.account = account
        # No SDK retries: InsufficientInstanceCapacity is an HTTP 500, which the
        # SDK would repeat, and a repeated launch is ours to decide.
        self.launching = Lane(account, "launch", _config(1, 5, 30, 8), 8)
        self.reading = Lane(account, "read", _config(3, 5, 15, 8), 8)
        self.killing = Lane(account, "kill", _config(4, 5, 15, 8), 8)

    def close(self) -> None:
        for lane in (self.launching, self.reading, self.killing):
            lane.close()
