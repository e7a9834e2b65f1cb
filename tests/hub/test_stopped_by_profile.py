"""What becomes of a machine is the business of the profile that it was started with."""

import asyncio

import pytest

from ec2spawner.demo.visitor import Visitor

from .conftest import eventually, living
from .test_stopped_machines import gone, is_stopped


def profile(name, **override):
    return {"display_name": name, "ec2spawner_override": override}


SETTINGS = {
    "home": "user",
    "profile_list": [
        profile("Ends"),
        profile("Rests", on_stop="stop", stopped_ttl=3600),
        profile("Spot", on_stop="stop", market="spot", home="none"),
    ],
}


@pytest.fixture
async def hub(make_quick_hub):
    """A hub whose machines end, and whose users may choose otherwise."""
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    return hub


async def start(hub, ec2, name):
    await hub.start_server("alice", options={"profile": name})
    await hub.wait_ready("alice")
    (machine,) = [m for m in living(ec2) if m.state == "running"]
    return machine


@pytest.mark.slow
async def test_a_machine_is_stopped_by_its_profile_also_after_a_restart_of_the_hub(
    hub, ec2
):
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        form = " ".join((await alice.form()).split())
    assert (
        "Ends</strong> <span" in form and form.count("It is stopped when you stop") == 1
    )
    assert form.count("It ends when you stop") == 2
    assert form.count("download what you want to keep") == 1
    machine = await start(hub, ec2, "rests")
    home = hub.remembers("alice").home_id
    hub.kill()
    await hub.start()
    await hub.stop_server("alice")
    await is_stopped(ec2, machine)
    stopped = hub.remembers("alice").stopped
    assert stopped.until - stopped.since == 3600
    # What cannot be changed on a machine that exists is what it was launched with.
    fresh = await start(hub, ec2, "ends")
    assert fresh.instance_id != machine.instance_id
    await gone(ec2, machine)
    assert hub.remembers("alice").home_id == home
    hub.kill()
    await hub.start()
    await hub.stop_server("alice")
    await asyncio.to_thread(eventually, lambda: not living(ec2))
    assert not hub.remembers("alice").stopped


@pytest.mark.slow
async def test_a_spot_machine_ends_whatever_the_profile_says(hub, ec2):
    machine = await start(hub, ec2, "spot")
    assert not hub.remembers("alice").home
    await hub.stop_server("alice")
    await gone(ec2, machine)
    # EC2 would refuse it (docs/reference/local-ec2.md), so it is not asked.
    assert ec2.requests("StopInstances") == []
