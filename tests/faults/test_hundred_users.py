"""A hundred users click at once, at an EC2 that throttles as AWS does.

All get a machine, AWS turns no call away, and the last launch leaves when AWS's own
bucket would let it, give or take ten percent.
``tests/unit/ec2/test_throttle.py`` proves the arithmetic without a clock,
``tests/ec2/test_fleet.py`` a class of fifteen in each run;
the whole hundred takes minutes: ``pytest -m slow tests/faults``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ec2spawner.core.ids import new_launch_id
from ec2spawner.ec2.clients import Account
from ec2spawner.fleet.fleet import Fleet, FleetKey
from ec2spawner.launch.attempts import Reporter
from ec2spawner.launch.plan import LaunchIdentity, plan_launch
from ec2spawner.settings import LaunchSettings
from localec2 import AWS_THROTTLE, LocalCloudProcess, LocalSettings

from ..hub.hub_process import TINY_SERVER, HubProcess

pytestmark = pytest.mark.slow

USERS = 100
# RunInstances: 5 at once, 2 a second after that.
ARITHMETIC = (USERS - 5) / 2


@pytest.fixture
def make_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    made: list[LocalCloudProcess] = []

    def make(machines: str) -> LocalCloudProcess:
        settings = LocalSettings(machines=machines, throttle=AWS_THROTTLE)
        made.append(LocalCloudProcess(settings))
        return made[-1].__enter__()

    yield make
    for cloud in made:
        cloud.__exit__(None, None, None)


def check_requests(cloud: LocalCloudProcess) -> None:
    """One launch for each user, and nothing was turned away, whatever it was."""
    asked = cloud.control.requests()
    assert [r for r in asked if r.error is not None] == []
    launches = [r for r in asked if r.action == "RunInstances"]
    assert len(launches) == USERS
    # What AWS's bucket does not allow cannot have happened. What the hub's own
    # line makes of it is in the words that users read, see below.
    seconds = launches[-1].time - launches[0].time
    assert seconds >= ARITHMETIC * 0.99
    print(f"the last of {USERS} launches left {seconds:.1f} s after the first")


def check_words(told: list[str]) -> None:
    """Users read their places; the last one's wait is what the arithmetic says."""
    found = [re.search(r"(\d+) launches are ahead .*about (\d+) s", t) for t in told]
    places = [(int(f[1]), int(f[2])) for f in found if f]
    ahead, wait = max(places)
    assert ahead >= USERS - 10
    assert wait <= ARITHMETIC * 1.1
    assert sorted(places) == sorted(places, key=lambda place: place[1])


async def test_the_fleet_serves_a_hundred(make_cloud):
    cloud = make_cloud("none")
    world = cloud.control.resources()
    key = FleetKey("hub-of-a-hundred", Account(cloud.region, cloud.endpoint_url))
    fleet = Fleet(key, fast=0.5, slow=5, log=logging.getLogger("test"))
    image = await fleet.images.resolve(world.image_id, [])
    settings = LaunchSettings(subnets=list(world.subnet_ids.values()))
    told: list[str] = []
    reporter = Reporter(lambda attempt: None, lambda token: None, told.append)

    async def launch(number: int) -> str:
        who = LaunchIdentity(fleet.hub_id, f"server-{number}", new_launch_id())
        plan = plan_launch(settings, image, who, b"#!/bin/sh\n")
        with fleet.inventory.hurry():
            return (await fleet.attempts(plan, reporter).next()).id

    ids = await asyncio.gather(*map(launch, range(USERS)))
    assert len(set(ids)) == USERS
    check_words(told)
    # They leave together, too.
    assert all(await asyncio.gather(*(fleet.terminate(id, 60) for id in ids)))
    assert len(cloud.control.requests("TerminateInstances")) <= 5
    fleet.close()
    check_requests(cloud)


async def test_the_hub_serves_a_hundred(make_cloud, tmp_path: Path):
    cloud = make_cloud("process")
    hub = HubProcess(
        tmp_path,
        cloud,
        settings={
            "cmd": [sys.executable, str(TINY_SERVER)],
            "start_timeout": 900,
            "claim_timeout": 800,
            "http_timeout": 300,
            "poll_interval": 30,
            "fast_interval": 0.5,
            "slow_interval": 15,
        },
    )
    users = [f"user-{n:03}" for n in range(USERS)]
    try:
        await hub.start()
        for name in users:
            await hub.api("POST", f"/users/{name}")
        answers = await asyncio.gather(*map(hub.start_server, users))
        assert {status for status, _ in answers} <= {201, 202}
        for name in users:
            await hub.wait_ready(name, timeout=900)
        check_words(hub.log.splitlines())
        machines = [m for m in cloud.control.machines() if m.state == "running"]
        assert len(machines) == USERS
        assert len({m.tags["ec2spawner:owner"] for m in machines}) == USERS
    finally:
        hub.kill()
    check_requests(cloud)
