"""Calls to EC2 a minute when nothing happens, against one for each server's poll."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack

from ec2spawner.ec2.clients import Account
from ec2spawner.fleet.fleet import Fleet, FleetKey
from ec2spawner.settings import LaunchSettings

from .log import LOG
from .results import Row
from .stub_ec2 import Stub

HUB = "benchmark"
#: of JupyterHub: Spawner.poll_interval
_POLL_SECONDS = 30
_THAN = "a DescribeInstances for each poll"


def run(quick: bool) -> Iterator[Row]:
    os.environ.update(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any")
    counts, minutes = ((3,), 0.02) if quick else ((10, 100, 1000, 5000), 2.0)
    with ExitStack() as stack:
        stubs = {count: stack.enter_context(Stub()) for count in counts}
        found = asyncio.run(_calls(stubs, minutes))
    for count, calls in found.items():
        polls = count * 60 / _POLL_SECONDS
        goal = "24" if count == 5000 else ""
        yield Row(
            f"{count:,} servers", "calls/min", calls / minutes, polls, _THAN, goal
        )


async def _calls(stubs: dict[int, Stub], minutes: float) -> dict[int, int]:
    settings = LaunchSettings()
    fleets = []
    for count, stub in stubs.items():
        stub.seed(HUB, count)
        key = FleetKey(HUB, Account(stub.region, stub.endpoint_url))
        fast, slow = settings.fast_interval, settings.slow_interval
        fleets.append(Fleet(key, fast, slow, LOG))
    for fleet in fleets:
        fleet.inventory.start()
        fleet.status_checks.start()
        await fleet.inventory.newer_than(float("-inf"), 120)
    for stub in stubs.values():
        stub.calls(clear=True)
    await asyncio.sleep(minutes * 60)
    found = {count: sum(stub.calls().values()) for count, stub in stubs.items()}
    for fleet in fleets:
        fleet.close()
    return found
