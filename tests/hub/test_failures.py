"""When AWS or the machine fails: one sentence to the user, everything to the log."""

import asyncio
import re
import sys

import pytest

from ec2spawner.core.state import Phase
from ec2spawner.demo.visitor import SpawnFailed, Visitor
from localec2 import Fault

from .conftest import eventually, living

#: a step of a start in the log: phase, machine, seconds, words
STEP = r"\] alice: (\w+), (i-\w+|no machine yet), (\d+) s: (.*)"
NO_CAPACITY = Fault(
    "RunInstances", error=("InsufficientInstanceCapacity", 500, "no t3 here")
)


async def failed_start(hub, name="alice"):
    """Start a server that fails, as a person does: (message, html) of the page."""
    async with Visitor(hub.url, name, "any") as visitor:
        await visitor.log_in()
        with pytest.raises(SpawnFailed) as caught:
            await visitor.choose("small")
            await visitor.ready()
        return caught.value.message


@pytest.mark.parametrize(
    "fault, sentence",
    [
        (NO_CAPACITY, "AWS has no machine of this size free just now"),
        pytest.param(
            Fault("RunInstances", error=("VcpuLimitExceeded", 400)),
            "reached its limit of running machines",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            Fault("RunInstances", error=("UnauthorizedOperation", 403)),
            "not allowed to do this on AWS",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            Fault("RunInstances", error=("InvalidAMIID.NotFound", 400)),
            "The image of this server cannot be used",
            marks=pytest.mark.slow,
        ),
    ],
)
async def test_the_form_says_in_a_sentence_why_aws_gave_no_machine(
    make_quick_hub, ec2, fault, sentence
):
    # Of its own: it remembers for a while what there was none of.
    hub = make_quick_hub()
    await hub.start()
    ec2.add_fault(fault)
    message = await failed_start(hub)
    assert sentence in message
    assert "SpawnException" not in message and "503" not in message
    assert living(ec2) == []
    code = fault.error[0]
    assert code in hub.log
    # Three zones were tried; the last line is that of the request.
    start = hub.log.index("alice: planned, no machine yet, 0 s: Asking AWS")
    lines = hub.log[start:].splitlines()
    assert len(lines) <= 5 and " POST /hub/spawn/alice" in lines[-1], lines


async def test_the_api_says_why_too_and_the_next_click_works(make_quick_hub, ec2):
    hub = make_quick_hub()
    await hub.start()
    ec2.add_fault(NO_CAPACITY)
    status, answer = await hub.start_server("alice")
    assert status == 503
    assert "AWS has no machine of this size" in answer["message"]
    ec2.clear_faults()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        hub.begin_log()
        await alice.choose("small")
        await alice.ready()
    (machine,) = living(ec2)
    steps = re.findall(STEP, hub.log)
    phases, machines, seconds, words = zip(*steps)
    order = [phase.value for phase in Phase]
    assert sorted(phases, key=order.index) == list(phases)
    assert sorted(map(int, seconds)) == list(map(int, seconds))
    assert set(machines) == {"no machine yet", machine.instance_id}
    assert words[0].startswith("Asking AWS") and words[-1] == "Ready"


@pytest.mark.slow
async def test_a_zone_without_capacity_is_left_for_the_next_at_once(
    make_quick_hub, ec2, gate
):
    hub = make_quick_hub(settings={"environment": gate.environment})
    await hub.start()
    first, *_ = ec2.resources().subnet_ids.values()
    ec2.add_fault(
        Fault(
            "RunInstances",
            error=("InsufficientInstanceCapacity", 500),
            match={"NetworkInterface.1.SubnetId": first},
        )
    )
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        events = await alice.ready(on_event=gate.open)
    assert any("trying us-west-2b" in e["message"] for e in events)
    launches = ec2.requests("RunInstances")
    assert len(launches) == 2
    tokens = [launch.params["ClientToken"] for launch in launches]
    assert len(set(tokens)) == 2
    assert len(living(ec2)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
async def test_a_lost_answer_makes_no_second_machine(quick_hub, ec2, times):
    ec2.add_fault(Fault("RunInstances", lose_answer=True, times=times))
    await quick_hub.ready_server("alice")
    launches = ec2.requests("RunInstances")
    assert len(launches) == times + 1
    assert len({launch.params["ClientToken"] for launch in launches}) == 1
    assert len(ec2.machines()) == 1


@pytest.mark.slow
async def test_when_every_answer_is_lost_the_machine_is_found_by_its_tag(
    make_quick_hub, ec2
):
    hub = make_quick_hub()
    await hub.start()
    ec2.add_fault(Fault("RunInstances", lose_answer=True))
    await hub.ready_server("alice")
    assert len(ec2.machines()) == 1


@pytest.mark.slow
async def test_throttling_is_waited_out(quick_hub, ec2):
    ec2.add_fault(Fault("RunInstances", error=("RequestLimitExceeded", 503), times=2))
    await quick_hub.ready_server("alice")
    assert len(ec2.requests("RunInstances")) == 3


async def test_a_machine_that_dies_while_it_boots_says_why(quick_hub, ec2):
    reason = ("Client.InternalError", "Client error on launch: the KMS key is gone")
    ec2.add_fault(Fault("RunInstances", state_reason=reason))
    message = await failed_start(quick_hub)
    assert "ended while it was starting: AWS could not use its volumes." in message
    assert "KMS key is gone" in quick_hub.log and "KMS" not in message
    assert living(ec2) == []


@pytest.mark.slow
async def test_a_setup_script_that_fails_gives_its_reason_and_its_last_words(
    make_quick_hub, ec2
):
    script = "#!/bin/sh\necho installing the model\necho no disk space >&2\nexit 3\n"
    hub = make_quick_hub(settings={"setup_script": script})
    await hub.start()
    message = await failed_start(hub)
    assert "setup_script ended with code 3" in message
    assert "no disk space" in hub.log
    eventually(lambda: not living(ec2))


@pytest.mark.slow
async def test_an_image_without_the_server_says_what_is_missing(make_hub, ec2):
    hub = make_hub(settings={"cmd": ["no-such-server"]})
    await hub.start()
    assert "there is no no-such-server on this image" in await failed_start(hub)
    eventually(lambda: not living(ec2))


async def test_a_server_that_dies_at_once_leaves_its_log_in_the_hubs(make_hub, ec2):
    dying = "import sys; print('cannot import jupyter'); sys.exit(7)"
    hub = make_hub(settings={"cmd": [sys.executable, "-c", dying]})
    await hub.start()
    assert "the server exited with code 7" in await failed_start(hub)
    assert "cannot import jupyter" in hub.log
    assert "The console of i-" in hub.log
    eventually(lambda: not living(ec2))


@pytest.mark.slow
async def test_a_start_that_takes_too_long_ends_in_our_words(make_quick_hub, ec2):
    silent = "import time; time.sleep(600)"
    hub = make_quick_hub(
        settings={"cmd": [sys.executable, "-c", silent], "start_timeout": 8}
    )
    await hub.start()
    message = await failed_start(hub)
    assert "was not ready within 7 seconds" in message
    assert "Starting Jupyter" in message
    eventually(lambda: not living(ec2))


@pytest.mark.slow
async def test_a_machine_that_never_calls_back_is_given_up(make_quick_hub, ec2):
    ec2.change_settings(machines="none")
    hub = make_quick_hub(settings={"claim_timeout": 3})
    await hub.start()
    assert "did not call back within 3 seconds" in await failed_start(hub)
    eventually(lambda: not living(ec2))


async def test_a_start_that_the_user_cancels_leaves_no_machine(quick_hub, ec2):
    ec2.add_fault(Fault("RunInstances", delay_answer=3))
    asked = asyncio.ensure_future(quick_hub.start_server("alice"))
    await asyncio.to_thread(eventually, lambda: ec2.machines())
    status, answer = await quick_hub.api("DELETE", "/users/alice/server")
    assert status in (202, 204), answer
    await asked
    await quick_hub.wait_gone("alice")
    await asyncio.to_thread(eventually, lambda: not living(ec2))
    ec2.clear_faults()
    await quick_hub.ready_server("alice")
    assert len(living(ec2)) == 1


@pytest.mark.slow
async def test_a_start_that_ec2_answers_after_its_time_leaves_no_machine(
    make_quick_hub, ec2
):
    hub = make_quick_hub(settings={"start_timeout": 5})
    await hub.start()
    ec2.add_fault(Fault("RunInstances", delay_answer=8))
    # 503, 202, or 201 while it stops what has failed: the Hub's, not ours.
    await hub.start_server("alice")
    # EC2 has made it, and only now says so.
    await asyncio.to_thread(
        eventually, lambda: any(r.status for r in ec2.requests("RunInstances"))
    )
    assert len(ec2.machines()) >= 1
    await hub.wait_gone("alice")
    await asyncio.to_thread(eventually, lambda: not living(ec2))
