"""The dead-man timer under systemd: what it remembers, and how the machine ends."""

import asyncio
import json

import pytest

from ..hub.conftest import eventually, living

AGENT = "ec2spawner-agent.service"

# A representative of both runs in CI with machines that are processes (tests/hub).
pytestmark = pytest.mark.slow


async def test_a_machine_without_its_hub_powers_off_though_its_agent_was_killed(
    make_quick_hub, guest, ec2
):
    hub = make_quick_hub(settings={"hub_silence_limit": 20})
    await hub.start()
    await hub.ready_server("alice")
    machine = guest()
    hub.kill()

    def heard():
        return json.loads(machine.run("cat /run/ec2spawner/heard"))[1]

    last = heard()
    agent = machine.main_pid(AGENT)
    await asyncio.sleep(4)
    machine.run("kill", "-KILL", str(agent))
    await asyncio.to_thread(
        eventually, lambda: "going on with the orders" in machine.journal(AGENT)
    )
    assert heard() == last, "a new agent has not heard the Hub for all that"
    ran = json.loads(machine.run("cat /var/lib/ec2spawner/ran"))
    assert ran[1] > 2
    await asyncio.to_thread(eventually, lambda: not living(ec2), 90)
    ended = ec2.machine(machine.machine.instance_id)
    assert "Client.InstanceInitiatedShutdown" in ended.state_reason
    console = machine.console
    assert "this machine powers itself off in" in console
    assert "the machine ends: no word from the Hub for" in console
    # The server was stopped in order, not cut off.
    assert "Reached target poweroff.target" in console or "Powering off" in console


@pytest.mark.slow
async def test_a_lifetime_is_over_in_the_middle_of_work(make_quick_hub, ec2):
    hub = make_quick_hub(settings={"max_lifetime": 15})
    await hub.start()
    await hub.ready_server("alice")
    await hub.wait_gone("alice", timeout=90)
    await asyncio.to_thread(eventually, lambda: not living(ec2))
    assert "which is its max_lifetime" in hub.log
    assert "its max_lifetime is nearly over" in hub.log
