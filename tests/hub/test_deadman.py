"""A machine ends by itself when its Hub is gone, or when its time is over."""

import asyncio
import json
from pathlib import Path

import pytest

from localec2 import Fault

from .conftest import eventually, living
from .test_claim import post

LIMIT = 6
PROFILES = [
    {"display_name": "Long"},
    {"display_name": "Short", "ec2spawner_override": {"max_lifetime": 5}},
]
SETTINGS = {"hub_silence_limit": LIMIT, "profile_list": PROFILES}


def ids(ec2):
    return {machine.instance_id for machine in living(ec2)}


@pytest.mark.slow
async def test_a_machine_ends_when_its_hub_is_gone_for_good(make_quick_hub, ec2):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    before = ids(ec2)
    await asyncio.sleep(LIMIT + 3)
    assert ids(ec2) == before, "a Hub that answers keeps it"
    ec2.clear_requests()
    hub.kill()
    await asyncio.to_thread(eventually, lambda: not ids(ec2), 60)
    assert not ec2.requests("TerminateInstances"), "the machine did it"


@pytest.mark.slow
async def test_a_machine_ends_when_it_has_run_for_its_lifetime(make_quick_hub, ec2):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.start_server("alice", options={"profile": "short"})
    await hub.ready_server("bob")
    bobs = hub.remembers("bob").current.instance_id
    await hub.wait_gone("alice")
    await asyncio.to_thread(eventually, lambda: ids(ec2) == {bobs})
    assert "which is its max_lifetime" in hub.log
    assert (await hub.server("bob"))["ready"]


@pytest.mark.slow
@pytest.mark.parametrize("restart", [False, True], ids=["same Hub", "new Hub"])
async def test_a_machine_that_ec2_will_not_end_is_told_to_end_itself(
    make_quick_hub, ec2, restart
):
    hub = make_quick_hub(settings={"hub_silence_limit": 40, "stop_timeout": 1})
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    ec2.add_fault(Fault("TerminateInstances", error=("Unavailable", 503)))
    await hub.stop_server("alice")
    if restart:
        hub.kill()
        await hub.start()
    with open(machine.console_log) as console:  # which goes with its machine
        await asyncio.to_thread(eventually, lambda: not ids(ec2), 60)
        # Not for a silence: the Hub is there, and says so.
        assert "the Hub has ended its server" in console.read()
    assert "has ended, nothing of it is left" in await logged(hub)


async def logged(hub):
    async def buried():
        return "nothing of it is left" in hub.log and hub.log

    return await hub.wait_until(buried, 60, "the tombstone is taken away")


async def test_only_the_machine_itself_gets_an_answer(quick_hub, ec2):
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    (key,) = Path(machine.folder).rglob(".ec2spawner/machine-key")
    question = {
        "launch_id": quick_hub.remembers("alice").current.id,
        "machine_key": key.read_text(),
    }
    here = machine.private_ip

    def ask(source=here, **changes):
        return post(quick_hub, "heartbeat", {**question, **changes}, source)

    status, text = ask()
    answer = json.loads(text)
    assert answer.pop("told")["bar"] == "Small"
    assert (status, answer) == (200, {"hub_silence_limit": 86400.0, "next": 300.0})
    assert ask(source="127.0.0.1")[0] == 403
    assert ask(machine_key="guessed")[0] == 403
    # As a Hub answers that has lost its database. 410 would end the machine.
    assert ask(launch_id="0" * 20)[0] == 403
    assert ask(machine_key=7)[0] == 400
    # An agent of a later version may say more.
    assert ask(more="than asked")[0] == 200
    seen = {"human_idle": 9, "compute_idle": 0, "sees_people": True, "more": [1]}
    assert ask(seen=seen)[0] == 200
    assert ask(seen={**seen, "human_idle": -1})[0] == 400
