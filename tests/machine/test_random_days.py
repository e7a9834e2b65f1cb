"""Days on which the network or the Hub is away from machines that boot."""

import asyncio
import time

import aiohttp
import pytest

from ..hub.conftest import eventually, living


async def answers(hub, path="/user/alice/x"):
    """Whether somebody's request reaches the server on the machine, in some seconds."""
    limit = aiohttp.ClientTimeout(total=4)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session:
            async with session.get(hub.url + path, allow_redirects=False) as got:
                return got.status == 200
    except (aiohttp.ClientError, asyncio.TimeoutError):
        return False


async def start_alice(hub, ec2):
    """Start a server; returns its machine before that has booted."""
    ec2.change_settings(pending_seconds=3)
    asked = asyncio.ensure_future(hub.start_server("alice"))
    asked.add_done_callback(lambda task: task.exception())
    (machine,) = await asyncio.to_thread(eventually, lambda: living(ec2))
    return machine


@pytest.mark.slow
async def test_a_machine_that_is_cut_off_while_it_claims_claims_when_it_can(
    make_quick_hub, ec2, guest
):
    hub = make_quick_hub(settings={"start_timeout": 300})
    await hub.start()
    machine = await start_alice(hub, ec2)
    ec2.blackhole(machine.instance_id)
    # The time of one request is over: packets are lost, nobody says so.
    waits = "ec2spawner: claiming from"
    await asyncio.to_thread(eventually, lambda: waits in guest().console, 120)
    assert "has found this hub" not in hub.story
    ec2.lift_blackhole(machine.instance_id)
    await hub.wait_ready("alice", timeout=200)
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]


@pytest.mark.slow
@pytest.mark.parametrize("to", ["hub", "everything"])
async def test_a_machine_that_is_cut_off_while_somebody_works_stays_theirs(
    quick_hub, ec2, to
):
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    assert await answers(quick_hub)
    ec2.blackhole(machine.instance_id, to)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert not await answers(quick_hub)
        assert (await quick_hub.server("alice"))["ready"]
    ec2.lift_blackhole(machine.instance_id)
    await quick_hub.wait_until(lambda: answers(quick_hub), 120, "the server answers")
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]


@pytest.mark.slow
async def test_a_restarted_hub_keeps_a_machine_that_it_cannot_reach_yet(
    make_quick_hub, ec2
):
    hub = make_quick_hub(settings={"http_timeout": 300})
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    hub.kill()
    ec2.blackhole(machine.instance_id, "hub")
    await hub.start()
    await asyncio.sleep(20)
    assert living(ec2)
    ec2.lift_blackhole(machine.instance_id)
    await hub.wait_ready("alice", timeout=200)
    await hub.wait_until(lambda: answers(hub), 120, "the server answers")
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]


@pytest.mark.slow
async def test_the_hub_is_away_for_ten_minutes_while_the_machine_boots(
    make_quick_hub, ec2, guest
):
    """Its little sister with a shorter absence is in test_agent."""
    patient = {"claim_timeout": 1500, "start_timeout": 1800}
    hub = make_quick_hub(settings=patient)
    await hub.start()
    machine = await start_alice(hub, ec2)
    hub.kill()
    away = time.monotonic()
    claiming = "ec2spawner: claiming from"
    await asyncio.to_thread(eventually, lambda: claiming in guest().console, 120)
    await asyncio.sleep(600 - (time.monotonic() - away))
    await hub.start()
    await hub.wait_ready("alice", timeout=200)
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]
