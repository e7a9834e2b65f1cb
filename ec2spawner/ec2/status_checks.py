"""Which machines fail EC2's status checks: one shared listing, once a minute."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from .again import OnlyNews, every
from .clients import Lane
from .errors import EC2Error

# EC2 runs its checks every minute (EC2 user guide, "Status checks").
INTERVAL = 60.0
_CHECKS = ("instance-status.status", "system-status.status")


async def impaired_machines(lane: Lane) -> frozenset[str]:
    """The ids of all machines in the account that fail a check of EC2's.

    DescribeInstanceStatus has no filter by tag. What fails is rare, so listing
    that alone, of everybody, is less than listing all of ours.
    """

    def work(lane: Lane) -> frozenset[str]:
        return frozenset(
            status["InstanceId"]
            for check in _CHECKS
            for page in lane.ec2.get_paginator("describe_instance_status").paginate(
                Filters=[{"Name": check, "Values": ["impaired"]}]
            )
            for status in page["InstanceStatuses"]
        )

    return await lane.run("DescribeInstanceStatus", work)


class StatusChecks:
    """Remembers since when machines have been impaired, in seconds since the epoch.

    :param lister: the ids of those that are impaired now
    """

    def __init__(
        self, lister: Callable[[], Awaitable[frozenset[str]]], log: logging.Logger
    ) -> None:
        self._lister = lister
        self._log = log
        self._since: Mapping[str, float] = {}
        self._news = OnlyNews(log, logging.WARNING)
        self._task: asyncio.Task[None] | None = None

    def impaired_since(self, instance_id: str) -> float | None:
        """None while EC2 reports nothing wrong."""
        return self._since.get(instance_id)

    def start(self) -> None:
        """Begin to look, if it has not begun."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(
                every(INTERVAL, self._look, self._cannot_look, at_once=True)
            )

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        impaired = await self._lister()
        self._news.over("checks")
        for instance_id in impaired - set(self._since):
            self._log.info("EC2 reports that machine %s is impaired", instance_id)
        now = time.time()
        self._since = {id: self._since.get(id, now) for id in impaired}

    def _cannot_look(self, error: Exception) -> None:
        # Words for users, no more: nothing depends on it.
        self._news.say(
            "checks",
            "failing",
            "Cannot read EC2's status checks, no user is told of them: %s",
            error,
            trace=not isinstance(error, EC2Error),
        )
