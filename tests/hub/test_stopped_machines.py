"""Machines that are stopped, or hibernate, when their server stops, and its next start.

What only hibernation promises is in ``test_hibernate``.
"""

import asyncio

import pytest

from ec2spawner.core.state import Wish
from localec2 import Fault

from .conftest import eventually, living, terminate
from .test_claim import server_secrets, whoami
from .test_ends import visit
from .test_sweep import more_sweeps

STOPS = {"on_stop": "stop"}
HIBERNATES = {"on_stop": "hibernate", "root_volume_size": 20}

only_stopped = pytest.mark.parametrize("how", [STOPS], ids=["stop"], indirect=True)


@pytest.fixture(
    params=[STOPS, pytest.param(HIBERNATES, marks=pytest.mark.slow)],
    ids=["stop", "hibernate"],
)
def how(request):
    """The settings of machines that wait for their server's next start."""
    return request.param


@pytest.fixture
async def hub(make_quick_hub, how):
    """A hub whose machines wait when their servers stop."""
    hub = make_quick_hub(settings=how)
    await hub.start()
    return hub


@pytest.fixture
async def stopped(hub, ec2):
    """The machine that waits for alice, who has a stopped server."""
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    await hub.stop_server("alice")
    return machine


async def is_stopped(ec2, machine):
    def stopped():
        return ec2.machine(machine.instance_id).state == "stopped"

    await asyncio.to_thread(eventually, stopped)


async def gone(ec2, machine):
    def ended():
        return machine.instance_id not in {m.instance_id for m in living(ec2)}

    await asyncio.to_thread(eventually, ended)


def servers(ec2):
    """The processes of servers on all machines."""
    found = set()
    for machine in living(ec2):
        for pid in machine.pids:
            if b"JUPYTERHUB_API_TOKEN" in open(f"/proc/{pid}/environ", "rb").read():
                found.add(pid)
    return found


def goes_on(how, ec2, before):
    """A server that hibernated is the one that it was, another has started anew."""
    return (servers(ec2) == before) == (how is HIBERNATES)


def launches(ec2):
    return [r for r in ec2.requests() if r.action == "RunInstances"]


@only_stopped
async def test_a_machine_stops_and_starts_with_its_disk_and_a_new_token(hub, ec2):
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    first_token, first_key, *_ = server_secrets(machine)
    await hub.stop_server("alice")
    await is_stopped(ec2, machine)
    assert await whoami(hub, first_token) in (401, 403)
    assert (await hub.api("GET", "/users/alice/tokens"))[1]["api_tokens"] == []
    await hub.ready_server("alice")
    (same,) = living(ec2)
    assert same.instance_id == machine.instance_id
    assert same.private_ip == machine.private_ip
    second_token = server_secrets(same)[0]
    assert second_token != first_token
    assert await whoami(hub, second_token) == 200
    assert len(launches(ec2)) == 1


@pytest.mark.slow
@only_stopped
async def test_a_user_who_chose_another_size_gets_the_machine_in_it(hub, ec2):
    await hub.start_server("alice", options={"profile": "small"})
    await hub.wait_ready("alice")
    (machine,) = living(ec2)
    assert machine.instance_type == "t3.small"
    await hub.stop_server("alice")
    await hub.start_server("alice", options={"profile": "large"})
    await hub.wait_ready("alice")
    (same,) = living(ec2)
    assert same.instance_id == machine.instance_id
    assert same.instance_type == "t3.large"


@pytest.mark.slow
async def test_a_machine_whose_settings_have_changed_makes_room_for_a_fresh_one(
    make_quick_hub, ec2, how
):
    code = "import os; c.EC2Spawner.root_volume_size = int(open('size').read())"
    hub = make_quick_hub(settings=how, code=code)
    (hub.folder / "size").write_text("20")
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    await hub.stop_server("alice")
    hub.stop()
    (hub.folder / "size").write_text("30")
    await hub.start()
    await hub.ready_server("alice")
    await gone(ec2, machine)
    assert len(living(ec2)) == 1


@pytest.mark.slow
async def test_without_capacity_to_wake_up_the_user_gets_a_fresh_machine(
    hub, ec2, stopped
):
    ec2.add_fault(Fault("StartInstances", error=("InsufficientInstanceCapacity", 500)))
    await hub.ready_server("alice")
    await gone(ec2, stopped)
    assert len(living(ec2)) == 1
    assert len(launches(ec2)) == 2


@pytest.mark.slow
async def test_a_machine_stays_stopped_when_no_fresh_one_can_be_had_either(
    hub, ec2, stopped
):
    ec2.add_fault(Fault("StartInstances", error=("InsufficientInstanceCapacity", 500)))
    ec2.add_fault(Fault("RunInstances", error=("InsufficientInstanceCapacity", 500)))
    await hub.start_server("alice")
    await hub.wait_gone("alice")
    ec2.clear_faults()
    await hub.ready_server("alice")
    assert [m.instance_id for m in living(ec2)] == [stopped.instance_id]


@pytest.mark.slow
async def test_a_lost_answer_to_the_wake_up_call_is_no_second_machine(
    hub, ec2, stopped
):
    ec2.add_fault(Fault("StartInstances", lose_answer=True, times=1))
    await hub.ready_server("alice")
    assert [m.instance_id for m in living(ec2)] == [stopped.instance_id]


@pytest.mark.slow
async def test_a_machine_that_was_ended_while_it_was_stopped_is_replaced(
    hub, cloud, ec2, stopped
):
    await is_stopped(ec2, stopped)
    terminate(cloud, [stopped.instance_id])
    await hub.ready_server("alice")
    (fresh,) = living(ec2)
    assert fresh.instance_id != stopped.instance_id


@pytest.mark.slow
async def test_who_shuts_the_machine_down_finds_it_again(hub, ec2):
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    await visit(machine, "/exit", code="0")
    await hub.wait_gone("alice")
    await is_stopped(ec2, machine)
    await hub.ready_server("alice")
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]


@pytest.mark.slow
async def test_a_start_that_is_cancelled_leaves_the_machine_stopped(hub, ec2, stopped):
    await is_stopped(ec2, stopped)
    ec2.change_settings(pending_seconds=5)
    await hub.start_server("alice")
    await hub.stop_server("alice")
    await is_stopped(ec2, stopped)
    ec2.change_settings(pending_seconds=0.2)
    await hub.ready_server("alice")
    assert [m.instance_id for m in living(ec2)] == [stopped.instance_id]


@pytest.mark.slow
@only_stopped
async def test_a_machine_that_cannot_start_its_server_twice_is_replaced(
    ec2, make_quick_hub, how
):
    script = "#!/bin/sh\ntest ! -e used || exit 3\ntouch used\n"
    script = script.replace("used", "$HOME/used")
    hub = make_quick_hub(settings={**how, "setup_script": script})
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    await hub.stop_server("alice")
    for _ in range(2):
        await hub.start_server("alice")
        await hub.wait_gone("alice")
        await is_stopped(ec2, machine)
    await hub.ready_server("alice")
    await gone(ec2, machine)
    assert [m.boots for m in living(ec2)] == [1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "lost",
    # A call that EC2 obeys must not arrive later than those of the next Hub.
    [{"delay": 5, "lose_request": True}, {"delay_answer": 5, "lose_answer": True}],
    ids=["request", "answer"],
)
async def test_a_hub_killed_while_it_stops_a_machine_keeps_it(hub, ec2, how, lost):
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    before = servers(ec2)
    ec2.add_fault(Fault("StopInstances", **lost))
    stopping = asyncio.ensure_future(hub.stop_server("alice"))

    def asked():
        return hub.remembers("alice").current.wish is Wish.KEEP

    await asyncio.to_thread(eventually, asked)
    hub.kill()
    await asyncio.gather(stopping, return_exceptions=True)
    ec2.clear_faults()
    await hub.start()
    await hub.wait_gone("alice")
    await is_stopped(ec2, machine)
    await hub.ready_server("alice")
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]
    assert goes_on(how, ec2, before)


@pytest.mark.slow
async def test_a_hub_killed_while_a_machine_wakes_has_no_second_one(hub, ec2, stopped):
    await is_stopped(ec2, stopped)
    ec2.change_settings(pending_seconds=3)
    asked = asyncio.ensure_future(hub.start_server("alice"))

    def awake():
        return ec2.machine(stopped.instance_id).state == "pending"

    await asyncio.to_thread(eventually, awake)
    hub.kill()
    await asyncio.gather(asked, return_exceptions=True)
    await hub.start()
    await hub.wait_ready("alice")
    assert [m.instance_id for m in living(ec2)] == [stopped.instance_id]


@pytest.mark.slow
async def test_a_machine_that_ec2_will_not_stop_yet_is_stopped_in_the_background(
    make_quick_hub, ec2, how
):
    hub = make_quick_hub(settings={**how, "stop_timeout": 2})
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    ec2.add_fault(Fault("StopInstances", error=("InternalError", 500)))
    await hub.stop_server("alice")
    assert ec2.machine(machine.instance_id).state == "running"
    ec2.clear_faults()
    await is_stopped(ec2, machine)


@pytest.mark.slow
@only_stopped
async def test_a_machine_that_cannot_be_stopped_is_terminated(hub, ec2):
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    ec2.add_fault(Fault("StopInstances", error=("UnsupportedOperation", 400)))
    await hub.stop_server("alice")
    await gone(ec2, machine)


@pytest.mark.slow
async def test_what_has_been_stopped_for_too_long_is_terminated(
    make_quick_hub, ec2, how
):
    settings = {**how, "stopped_ttl": 3, "sweep_interval": 1}
    hub = make_quick_hub(settings=settings)
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    await hub.stop_server("alice")
    await is_stopped(ec2, machine)
    await gone(ec2, machine)
    await hub.ready_server("alice")


@pytest.mark.slow
async def test_the_sweep_leaves_what_is_stopped_alone(make_quick_hub, ec2, how):
    settings = {**how, "sweep_interval": 1, "sweep_grace": 1}
    hub = make_quick_hub(settings=settings)
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    await hub.stop_server("alice")
    await is_stopped(ec2, machine)
    await more_sweeps(ec2, 4)  # more than a grace
    assert ec2.machine(machine.instance_id).state == "stopped"


@pytest.mark.slow
async def test_with_a_deleted_user_goes_the_machine_that_was_stopped(hub, ec2, stopped):
    assert (await hub.api("DELETE", "/users/alice"))[0] == 204
    await gone(ec2, stopped)
