"""CPU seconds to list all machines of a hub, against boto3's own reading of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator

from ec2spawner.ec2.clients import Account
from ec2spawner.fleet.fleet import Fleet, FleetKey

from .log import LOG
from .results import Row
from .stub_ec2 import Stub

HUB = "benchmark"
#: what has changed since the last listing, as a share of all machines
CHANGES = {"nothing has changed": 0.0, "1 % have changed": 0.01}


def run(quick: bool) -> Iterator[Row]:
    os.environ.update(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any")
    for count in (20,) if quick else (100, 1000, 5000):
        with Stub() as stub:
            yield from asyncio.run(_rows(stub, count))


async def _rows(stub: Stub, count: int) -> list[Row]:
    stub.seed(HUB, count)
    rows = []
    ours, theirs = await _measure(stub, count, True), await _measure(stub, count, False)
    for what in ours:
        rows.append(
            Row(
                f"{count:,} machines, {what}",
                "CPU s",
                ours[what],
                theirs[what],
                "read by boto3",
            )
        )
    return rows


async def _measure(stub: Stub, count: int, cuts: bool) -> dict[str, float]:
    stub.cut(cuts)
    account = Account(stub.region, stub.endpoint_url)
    fleet = Fleet(FleetKey(HUB, account), fast=3600, slow=3600, log=LOG)
    await asyncio.to_thread(lambda: fleet.clients.reading.ec2)
    list_all: Callable[[], Awaitable[object]] = fleet.inventory._lister

    async def once() -> float:
        began = time.process_time()
        await list_all()
        return time.process_time() - began

    found = {"the first time": await once()}
    for what, share in CHANGES.items():
        seconds = []
        for _ in range(3):
            stub.change(int(count * share))
            seconds.append(await once())
        found[what] = min(seconds)
    fleet.close()
    return found
