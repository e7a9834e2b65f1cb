"""What batches and the shared listing are worth, against one call for each server.

Both ways run one after the other on the same local EC2, which throttles as AWS
documents.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import boto3

from ec2spawner.core.tags import HUB_TAG
from ec2spawner.ec2.clients import Account, Clients
from ec2spawner.ec2.inventory.listing import list_machines
from ec2spawner.ec2.machines import read_machine, terminate_machines
from ec2spawner.fleet.fleet import Fleet, FleetKey
from localec2 import AWS_THROTTLE, LocalCloudProcess, LocalSettings

from .results import Row

HUB = "benchmark"


def make_machines(cloud: LocalCloudProcess, count: int) -> list[str]:
    world = cloud.control.resources()
    answer = boto3.client(
        "ec2", region_name=cloud.region, endpoint_url=cloud.endpoint_url
    ).run_instances(
        ImageId=world.image_id,
        InstanceType="t3.small",
        SubnetId=next(iter(world.subnet_ids.values())),
        MinCount=count,
        MaxCount=count,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": HUB_TAG, "Value": HUB}]}
        ],
    )
    return [machine["InstanceId"] for machine in answer["Instances"]]


async def warm(clients: Clients) -> None:
    """Making boto3's clients takes longer than what is measured."""
    for lane in (clients.reading, clients.killing):
        await asyncio.to_thread(lambda: lane.ec2)


async def measure(
    cloud: LocalCloudProcess, work: Callable[[], Awaitable[Any]]
) -> dict[str, float]:
    cloud.control.clear_requests()
    began, cpu = time.perf_counter(), time.process_time()
    await work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    asked = cloud.control.requests()
    return {
        "calls": len(asked),
        "throttled": sum(r.error == "RequestLimitExceeded" for r in asked),
        "seconds": round(seconds, 2),
        "cpu_seconds_of_the_hub": round(cpu, 2),
    }


async def polls(
    cloud: LocalCloudProcess, ids: list[str]
) -> dict[str, dict[str, float]]:
    """The state of every machine, known once."""
    clients = Clients(Account(cloud.region, cloud.endpoint_url))

    await warm(clients)

    async def look_at(id: str) -> None:
        def work(lane: Any) -> Any:
            answer = lane.ec2.describe_instances(InstanceIds=[id])
            return read_machine(answer["Reservations"][0]["Instances"][0])

        await clients.reading.run("DescribeInstances", work)

    async def one_by_one() -> None:
        await asyncio.gather(*map(look_at, ids))

    async def together() -> None:
        found = await list_machines(clients.reading, HUB)
        assert set(ids) <= set(found)

    result = {
        "shared listing": await measure(cloud, together),
        "one call for each server": await measure(cloud, one_by_one),
    }
    clients.close()
    return result


async def ends(cloud: LocalCloudProcess, count: int) -> dict[str, dict[str, float]]:
    """Everybody leaves at the same moment."""
    key = FleetKey(HUB, Account(cloud.region, cloud.endpoint_url))
    fleet = Fleet(key, fast=0.5, slow=60, log=logging.getLogger("benchmark"))
    alone = Clients(key.account)
    await warm(alone)
    await warm(fleet.clients)

    async def one_by_one(ids: list[str]) -> None:
        await asyncio.gather(*(terminate_machines(alone.killing, [id]) for id in ids))

    async def together(ids: list[str]) -> None:
        assert all(await asyncio.gather(*(fleet.terminate(id, 600) for id in ids)))

    result = {}
    for name, way in (("batched", together), ("one call for each", one_by_one)):
        ids = make_machines(cloud, count)
        result[name] = await measure(cloud, lambda: way(ids))
    fleet.close()
    alone.close()
    return result


WHAT = {
    "calls": "calls",
    "throttled": "calls that were turned away",
    "seconds": "s",
    "cpu_seconds_of_the_hub": "CPU s of the Hub",
}


def rows(what: str, result: dict[str, dict[str, float]]) -> Iterator[Row]:
    (_, ours), (than, theirs) = result.items()
    for key, unit in WHAT.items():
        yield Row(what, unit, ours[key], theirs[key], than)


async def _run(machines: int) -> list[Row]:
    settings = LocalSettings(machines="none", throttle=AWS_THROTTLE)
    with LocalCloudProcess(settings) as cloud:
        ids = make_machines(cloud, machines)
        return [
            *rows(
                f"to know the states of {machines} machines", await polls(cloud, ids)
            ),
            *rows(f"to end {machines} machines", await ends(cloud, machines)),
        ]


def run(quick: bool) -> Iterator[Row]:
    os.environ.update(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any")
    yield from asyncio.run(_run(3 if quick else 200))
