"""Machines that hibernate: memory goes on, and no token counts meanwhile."""

import asyncio
import os
import signal

import pytest

from ec2spawner.demo.visitor import Visitor
from localec2 import Fault

from .conftest import eventually, living
from .test_claim import server_secrets, whoami
from .test_homes import home_of, read, write
from .test_stopped_machines import HIBERNATES, gone, is_stopped, launches, servers


@pytest.fixture
async def hub(make_quick_hub):
    """A hub whose machines hibernate, with homes of their users."""
    hub = make_quick_hub(settings={**HIBERNATES, "home": "user"})
    await hub.start()
    return hub


@pytest.fixture
async def asleep(hub, ec2):
    """The machine that hibernates for alice, and the token in its memory."""
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    token = server_secrets(machine)[0]
    write(machine, "rain falls")
    await hub.stop_server("alice")
    await is_stopped(ec2, machine)
    return machine, token


def calls(ec2, action):
    return [r for r in ec2.requests() if r.action == action]


async def test_a_kernel_goes_on_and_its_token_counts_only_while_it_runs(make_hub, ec2):
    hub = make_hub(settings=HIBERNATES)
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready()
        _, kernel = await alice.run_cell("x = 41")
        (machine,) = living(ec2)
        token, key = server_secrets(machine)
        assert await whoami(hub, token) == 200
        await hub.stop_server("alice")
        await is_stopped(ec2, machine)
        assert await whoami(hub, token) in (401, 403)
        assert (await hub.api("GET", "/users/alice/tokens"))[1]["api_tokens"] == []
        assert token not in str(hub.saved_state("alice"))
        # Also over a restart of the Hub.
        hub.stop()
        await hub.start()
        await hub.ready_server("alice")
        (same,) = living(ec2)
        assert (same.instance_id, same.boots) == (machine.instance_id, 1)
        assert server_secrets(same) == [token, key]
        assert await whoami(hub, token) == 200
        await alice.open_lab()
        text, _ = await alice.run_cell("print(x + 1)", kernel_id=kernel)
        assert text.strip() == "42"
    assert len(launches(ec2)) == 1
    await hub.stop_server("alice")
    assert await whoami(hub, token) in (401, 403)


@pytest.mark.slow
async def test_a_machine_hibernates_again_and_again(hub, ec2, asleep):
    machine, token = asleep
    before = servers(ec2)
    for _ in range(2):
        await hub.ready_server("alice")
        assert servers(ec2) == before
        assert await whoami(hub, token) == 200
        assert read(machine) == "rain falls"
        await hub.stop_server("alice")
        await is_stopped(ec2, machine)
        assert await whoami(hub, token) in (401, 403)
    assert calls(ec2, "DetachVolume") == []


@pytest.mark.slow
async def test_what_cannot_hibernate_yet_is_stopped_and_boots_with_a_new_token(
    hub, ec2
):
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    token = server_secrets(machine)[0]
    ec2.change_settings(hibernation_ready_seconds=3600)
    await hub.stop_server("alice")
    await is_stopped(ec2, machine)
    assert (
        f"Machine {machine.instance_id} cannot hibernate, so it is stopped" in hub.log
    )
    await hub.ready_server("alice")
    (same,) = living(ec2)
    assert (same.instance_id, same.boots) == (machine.instance_id, 2)
    assert server_secrets(same)[0] != token
    assert await whoami(hub, token) in (401, 403)


@pytest.mark.slow
async def test_a_server_that_must_be_told_anew_starts_anew_on_the_same_machine(
    hub, ec2, asleep
):
    machine, token = asleep
    assert (await hub.api("PATCH", "/users/alice", {"name": "ada"}))[0] == 200
    await hub.ready_server("ada")
    (same,) = living(ec2)
    assert (same.instance_id, same.boots) == (machine.instance_id, 1)
    assert server_secrets(same)[0] != token
    assert await whoami(hub, token) in (401, 403)
    assert read(same) == "rain falls"


@pytest.mark.slow
@pytest.mark.parametrize("why", ["capacity", "size"])
async def test_a_home_is_never_taken_off_a_machine_in_whose_memory_it_is_mounted(
    hub, ec2, asleep, why
):
    machine, _ = asleep
    options = None
    if why == "capacity":
        no = Fault("StartInstances", error=("InsufficientInstanceCapacity", 500))
        ec2.add_fault(no)
    else:
        options = {"profile": "large"}
    await hub.start_server("alice", options=options)
    await hub.wait_ready("alice")
    await gone(ec2, machine)
    (fresh,) = living(ec2)
    assert read(fresh) == "rain falls"
    # EC2 has let go of it when the machine had ended.
    assert calls(ec2, "DetachVolume") == []


@pytest.mark.slow
async def test_another_server_of_the_user_gets_the_home_of_one_that_hibernates(
    make_quick_hub, ec2
):
    hub = make_quick_hub(
        settings={**HIBERNATES, "home": "user"},
        hub_settings={"allow_named_servers": True},
    )
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    write(machine, "rain falls")
    await hub.stop_server("alice")
    await is_stopped(ec2, machine)
    await hub.ready_server("alice", "other")
    await gone(ec2, machine)
    (other,) = living(ec2)
    assert read(other) == "rain falls"
    assert calls(ec2, "DetachVolume") == []
    await hub.stop_server("alice", "other")
    await hub.ready_server("alice")


@pytest.mark.slow
async def test_an_image_that_cannot_hibernate_is_launched_without_and_stopped(hub, ec2):
    no = Fault(
        "RunInstances", error=("UnsupportedHibernationConfiguration", 400), times=1
    )
    ec2.add_fault(no)
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    await hub.stop_server("alice")
    await is_stopped(ec2, machine)
    assert ec2.machine(machine.instance_id).state_reason == (
        "Client.UserInitiatedShutdown"
    )
    await hub.ready_server("alice")
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]


@pytest.mark.slow
async def test_a_server_that_died_before_its_machine_slept_is_not_missed(
    hub, ec2, asleep
):
    """Restarted by the agent, with the token that counts again."""
    machine, token = asleep
    await hub.ready_server("alice")
    (pid,) = servers(ec2)
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(eventually, lambda: servers(ec2) - {pid})
    assert home_of(ec2.machine(machine.instance_id))
    assert await whoami(hub, token) == 200
