"""The Hub is killed, at any moment, and started again."""

import asyncio

import pytest

from ec2spawner.core.state import Phase, Wish
from ec2spawner.demo.visitor import Visitor
from localec2 import Fault

from .conftest import eventually, living
from .test_claim import server_secrets, whoami
from .test_ends import more_listings


async def test_a_user_goes_on_working_on_the_same_kernel(make_hub, ec2):
    hub = make_hub()
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready()
        _, kernel = await alice.run_cell("secret_of_this_kernel = 6 * 7")
        (machine,) = living(ec2)
        hub.kill()
        await hub.start()
        await hub.wait_ready("alice")
        output, same = await alice.run_cell(
            "print(secret_of_this_kernel)", kernel_id=kernel
        )
        assert (output.strip(), same) == ("42", kernel)
    assert [m.instance_id for m in ec2.machines()] == [machine.instance_id]


@pytest.mark.slow
async def test_a_server_stopped_after_a_restart_leaves_no_token_and_no_machine(
    make_quick_hub, ec2
):
    hub = make_quick_hub()
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    token = server_secrets(machine)[0]
    hub.kill()
    await hub.start()
    await hub.wait_ready("alice")
    assert await whoami(hub, token) == 200
    await hub.stop_server("alice")
    assert await whoami(hub, token) in (401, 403)
    assert living(ec2) == []
    assert (await hub.api("GET", "/users/alice/tokens"))[1]["api_tokens"] == []


async def killed_while_starting(hub, when):
    """Ask for a server, and kill the Hub as soon as ``when()`` is so."""
    asked = asyncio.ensure_future(hub.start_server("alice"))
    await asyncio.to_thread(eventually, when)
    hub.kill()
    await asyncio.gather(asked, return_exceptions=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault, settings",
    [
        # between the write-ahead and EC2's answer: the machine is made
        (Fault("RunInstances", delay_answer=5), {}),
        # between EC2's answer and the claim
        (None, {"pending_seconds": 3}),
    ],
    ids=["before the answer", "before the claim"],
)
async def test_a_hub_killed_while_a_machine_boots_completes_that_launch(
    make_quick_hub, ec2, fault, settings
):
    hub = make_quick_hub()
    await hub.start()
    ec2.change_settings(**settings)
    if fault:
        ec2.add_fault(fault)
    await killed_while_starting(hub, lambda: ec2.machines())
    assert hub.remembers("alice").launch
    await hub.start()
    await hub.wait_ready("alice")
    assert len(ec2.machines()) == 1
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        status, page = await alice._get(alice.server_url(path="x"))
        assert status == 200 and '"user": "alice"' in page
    await hub.stop_server("alice")
    assert living(ec2) == []


@pytest.mark.slow
async def test_a_hub_killed_before_ec2_was_asked_ends_cleanly(make_quick_hub, ec2):
    hub = make_quick_hub()
    await hub.start()
    ec2.add_fault(Fault("RunInstances", delay=5, lose_request=True))

    def written_ahead():
        return hub.remembers("alice").current.client_token

    await killed_while_starting(hub, written_ahead)
    ec2.clear_faults()
    await hub.start()
    await hub.wait_gone("alice", timeout=60)
    assert ec2.machines() == []
    await hub.ready_server("alice")
    assert len(ec2.machines()) == 1


@pytest.mark.slow
async def test_a_hub_killed_after_the_claim_completes_that_launch(make_quick_hub, ec2):
    hub = make_quick_hub(settings={"setup_script": "#!/bin/sh\nsleep 4\n"})
    await hub.start()
    await killed_while_starting(
        hub, lambda: hub.remembers("alice").current.phase is Phase.CLAIMED
    )
    await hub.start()
    await hub.wait_ready("alice")
    assert len(ec2.machines()) == 1


@pytest.mark.slow
async def test_a_machine_that_died_while_the_hub_was_away_is_noticed(
    make_quick_hub, ec2
):
    hub = make_quick_hub()
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    hub.kill()
    ec2.fail_machine(machine.instance_id, "Server.InternalError", "host failure")
    await hub.start()
    await hub.wait_gone("alice")
    await hub.ready_server("alice")
    assert len(living(ec2)) == 1


@pytest.mark.slow
async def test_an_outage_of_ec2_at_the_hubs_start_costs_nobody_a_server(
    make_quick_hub, ec2
):
    hub = make_quick_hub()
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    hub.kill()
    outage = ec2.add_fault(Fault("*", error=("Unavailable", 503)))
    await hub.start()
    await hub.wait_ready("alice")
    assert hub.remembers("alice").current.instance_id == machine.instance_id
    ec2.clear_faults(outage)
    await more_listings(ec2, 3)
    assert (await hub.server("alice"))["ready"]
    assert [m.instance_id for m in living(ec2)] == [machine.instance_id]


@pytest.mark.slow
async def test_a_stop_that_the_hub_did_not_live_to_finish_is_finished(
    make_quick_hub, ec2
):
    # The Hub answers while the stop goes on.
    at_once = {"tornado_settings": {"slow_stop_timeout": 0.1}}
    hub = make_quick_hub(hub_settings=at_once)
    await hub.start()
    await hub.ready_server("alice")
    ec2.add_fault(Fault("TerminateInstances", error=("Unavailable", 503)))
    status, _ = await hub.api("DELETE", "/users/alice/server")
    assert status == 202
    assert hub.remembers("alice").current.wish is not Wish.SERVE
    hub.kill()
    ec2.clear_faults()
    await hub.start()
    await hub.wait_gone("alice")
    await asyncio.to_thread(eventually, lambda: not living(ec2))
