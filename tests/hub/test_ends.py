"""However a server ends, nothing of it is left, and nobody else's is touched."""

import asyncio

import aiohttp
import pytest

from localec2 import Fault

from .conftest import api_of, eventually, living


async def visit(hub, machine, path, code="0"):
    async with aiohttp.ClientSession(headers={"X-Code": code}) as session:
        url = hub.server_url(machine) + path
        with pytest.raises(aiohttp.ClientError):
            async with session.get(url, ssl=hub.tls) as answer:
                await answer.read()


async def test_stopping_waits_for_ec2s_word(quick_hub, ec2):
    await quick_hub.ready_server("alice")
    await quick_hub.stop_server("alice")
    (machine,) = ec2.machines()
    assert machine.state in ("shutting-down", "terminated")


async def test_a_server_that_its_user_shuts_down_takes_its_machine_with_it(
    quick_hub, ec2
):
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    await visit(quick_hub, machine, "/exit", code="0")
    await quick_hub.wait_gone("alice")
    assert await asyncio.to_thread(eventually, lambda: not living(ec2))


async def test_a_server_that_crashes_is_started_again_on_its_machine(quick_hub, ec2):
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    await visit(quick_hub, machine, "/exit", code="9")

    async def answers():
        try:
            async with aiohttp.ClientSession() as session:
                url = quick_hub.server_url(machine)
                async with session.get(url, ssl=quick_hub.tls) as a:
                    return a.status == 200
        except aiohttp.ClientError:
            return False

    await quick_hub.wait_until(answers, 20, "the server answers again")
    assert (await quick_hub.server("alice"))["ready"]
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]


async def test_a_machine_that_ec2_loses_is_noticed(quick_hub, ec2):
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    ec2.fail_machine(machine.instance_id, "Server.InternalError", "host failure")
    await quick_hub.wait_gone("alice")
    assert "host failure" in quick_hub.log


@pytest.mark.slow
async def test_a_machine_that_somebody_stopped_is_not_left_behind(
    quick_hub, ec2, cloud
):
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    client = api_of(cloud)
    client.stop_instances(InstanceIds=[machine.instance_id])
    await quick_hub.wait_gone("alice")
    assert await asyncio.to_thread(eventually, lambda: not living(ec2))


@pytest.mark.slow
async def test_a_stop_that_ec2_refuses_is_finished_in_the_background(
    make_quick_hub, ec2
):
    hub = make_quick_hub(settings={"stop_timeout": 2})
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    ec2.add_fault(Fault("TerminateInstances", error=("Unavailable", 503)))
    await hub.stop_server("alice")
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]
    (doomed,) = hub.remembers("alice").doomed
    assert doomed.instance_id == machine.instance_id
    ec2.clear_faults()
    await asyncio.to_thread(eventually, lambda: not living(ec2), 60)

    async def forgotten():
        return not hub.remembers("alice").doomed

    await hub.wait_until(forgotten, 30, "nothing is doomed any more")


@pytest.mark.slow
async def test_a_grave_is_not_forgotten_when_the_hub_is_killed(make_quick_hub, ec2):
    hub = make_quick_hub(settings={"stop_timeout": 2})
    await hub.start()
    await hub.ready_server("alice")
    ec2.add_fault(Fault("TerminateInstances", error=("Unavailable", 503)))
    await hub.stop_server("alice")
    hub.kill()
    ec2.clear_faults()
    assert len(living(ec2)) == 1
    await hub.start()
    await asyncio.to_thread(eventually, lambda: not living(ec2))


async def more_listings(ec2, count):
    """Wait until EC2 has answered more of the questions that a Hub asks each second."""

    def answered():
        return len([r for r in ec2.requests("DescribeInstances") if r.status])

    before = await asyncio.to_thread(answered)
    await asyncio.to_thread(eventually, lambda: answered() >= before + count)


@pytest.mark.slow
async def test_an_outage_of_ec2_stops_nobodys_server(quick_hub, ec2):
    await quick_hub.ready_server("alice")
    ec2.add_fault(Fault("*", error=("Unavailable", 503)))
    await more_listings(ec2, 3)
    model = await quick_hub.server("alice")
    assert model is not None and model["ready"]
    ec2.clear_faults()
    await more_listings(ec2, 2)
    assert (await quick_hub.server("alice"))["ready"]
    assert ec2.requests("TerminateInstances") == []


@pytest.mark.slow
async def test_two_hubs_in_one_account_do_not_touch_each_other(make_quick_hub, ec2):
    one, other = make_quick_hub(), make_quick_hub()
    await asyncio.gather(one.start(), other.start())
    await asyncio.gather(one.ready_server("alice"), other.ready_server("alice"))
    first, second = living(ec2)
    tags = [m.tags["ec2spawner:hub"] for m in (first, second)]
    assert tags[0] != tags[1]
    await one.stop_server("alice")
    assert len(living(ec2)) == 1
    assert (await other.server("alice"))["ready"]


async def test_a_deleted_user_leaves_no_machine(quick_hub, ec2):
    await quick_hub.ready_server("alice")
    status, answer = await quick_hub.api("DELETE", "/users/alice")
    assert status == 204, answer
    await asyncio.to_thread(eventually, lambda: not living(ec2))
