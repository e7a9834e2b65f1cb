"""A class that clicks within a second, under AWS's limits, against those limits alone.

In the simulation's virtual time (``tests/simulation``): a real Hub, the local EC2 with
AWS's buckets, machines that claim. What the Hub itself computes takes no time there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from localec2 import AWS_THROTTLE

from .results import Row

#: RunInstances (EC2 developer guide, "Request throttling"): at once, and each second
_BURST, _PER_SECOND = 5, 2
#: of JupyterHub, unless ``setup()`` sets it
_SPAWNS_AT_ONCE = 100
_PATIENCE = 900
_GOALS = {100: "4.5 s", 320: "6 s"}


def run(quick: bool) -> Iterator[Row]:
    from tests.simulation.virtual_world import one_cloud

    with one_cloud() as make:
        for users in (7,) if quick else (100, 320):
            yield from _rows(make, users)


def _rows(make: Callable[[], Any], users: int) -> Iterator[Row]:
    found = _class(make, users)
    bucket = max(0, users - _BURST) / _PER_SECOND
    what, than = f"{users} users at once", "a call for each, by AWS's bucket"
    goal = _GOALS.get(users, "")
    yield Row(f"{what}: the last is admitted", "s", found["last"], bucket, than, goal)
    yield Row(f"{what}: the last is ready", "s", found["ready"], bucket, than)
    away = float(max(0, users - _SPAWNS_AT_ONCE))
    than = "JupyterHub without setup()"
    if away:
        what_away = f"{what}: turned away by the Hub"
        yield Row(what_away, "users", found["away"], away, than)
    yield Row(
        f"{what}: calls that EC2 refuses",
        "calls",
        found["refused"],
        0,
        "what is wanted",
    )


def _class(make: Callable[[], Any], users: int) -> dict[str, float]:
    from tests.hub.hub_process import ADMIN_TOKEN
    from tests.simulation.scenarios import SETTINGS
    from tests.simulation.virtual_world import SETTINGS as CLOUD

    world = make()
    world.cloud.settings = CLOUD.changed({"throttle": dict(AWS_THROTTLE)})
    hub = world.hub(
        **{
            **SETTINGS,
            "home": "none",
            "fast_interval": 5,
            "slow_interval": 60,
            "sweep_interval": 3600,
            "start_timeout": _PATIENCE,
            "claim_timeout": _PATIENCE,
            "max_machines": 0,
        }
    )
    hub.start()
    # As setup() does.
    hub.app.tornado_application.settings["concurrent_spawn_limit"] = 500
    names = [f"user-{number:03}" for number in range(users)]
    for name in names:
        hub.call("POST", f"/users/{name}")
    hub.pass_time(2)
    world.cloud.log.clear()
    began, wall = world.time.now, world.time.time()
    statuses: list[int] = []

    async def click(name: str) -> None:
        uri = f"/hub/api/users/{name}/server"
        statuses.append((await hub.request("POST", uri, {}, token=ADMIN_TOKEN))[0])

    async def click_all() -> None:
        await asyncio.gather(*map(click, names))

    hub.run(click_all())
    admitted = sum(status in (201, 202) for status in statuses)
    hub.pass_until(lambda: len(hub.serving()) >= admitted, _PATIENCE)
    ready = world.time.now - began
    asked = world.cloud.log.since()
    launches = [each["time"] for each in asked if each["action"] == "RunInstances"]
    found = {
        "last": max(launches) - wall,
        "ready": ready,
        "away": float(users - admitted),
        "refused": float(sum(bool(each["error"]) for each in asked)),
    }
    world.close()
    return found
