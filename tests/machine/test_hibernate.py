"""A machine that hibernates with all of its Linux: systemd, mounts, JupyterLab."""

import asyncio

import pytest

from ec2spawner.demo.visitor import Visitor

from ..hub.conftest import eventually, living

TOLD = "/run/ec2spawner-people/told.json"
SETTINGS = {
    "on_stop": "hibernate",
    "root_volume_size": 20,
    "home": "user",
    "home_size": 1,
    "setup_script": "#!/bin/sh\necho x >> /count\n",
}


@pytest.mark.slow
async def test_kernel_home_and_agent_go_on_where_they_were(make_hub, ec2, guest):
    hub = make_hub(settings={**SETTINGS, "start_timeout": 300})
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready(timeout=300)
        # A file that is open over the sleep: the home must not go away below it.
        code = "notes = open('notes', 'w'); notes.write('rain '); x = 41"
        _, kernel = await alice.run_cell(code)
        (machine,) = living(ec2)
        boot = guest().run("cat /run/ec2spawner/machine-key")
        pid = guest().main_pid("ec2spawner-server.service")
        agent = guest().main_pid("ec2spawner-agent.service")
        told = guest().run(f"stat -c %Y {TOLD}")
        for sleep in range(2):
            await hub.stop_server("alice")

            def stopped():
                return ec2.machine(machine.instance_id).state == "stopped"

            await asyncio.to_thread(eventually, stopped, 60)
            await hub.ready_server("alice", timeout=300)
        woken = guest()
        assert woken.machine.instance_id == machine.instance_id
        assert woken.machine.boots == 1
        assert woken.run("cat /run/ec2spawner/machine-key") == boot
        assert woken.main_pid("ec2spawner-server.service") == pid
        assert woken.main_pid("ec2spawner-agent.service") == agent
        assert woken.run("cat /count") == "x"
        assert woken.console.count("has hibernated, and wakes up") == 2
        # People read what the Hub says now, not before the night.
        assert guest().run(f"stat -c %Y {TOLD}") > told
        await alice.open_lab()
        code = "notes.write('falls'); notes.close(); print(x + 1, open('notes').read())"
        text, _ = await alice.run_cell(code, kernel_id=kernel)
        assert text.strip() == "42 rain falls"
        assert [r for r in ec2.requests() if r.action == "DetachVolume"] == []
        assert len([r for r in ec2.requests() if r.action == "RunInstances"]) == 1
        await alice.stop(timeout=120)


@pytest.mark.slow
async def test_a_machine_that_could_not_keep_its_memory_boots_and_serves(
    make_quick_hub, ec2, guest
):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    guest().run("runuser -u jovyan -- sh -c 'echo rain falls > /home/jovyan/notes'")
    before = guest().run("cat /run/ec2spawner/server.env")
    # EC2 says all the same that it was asked to.
    ec2.change_settings(hibernation_fails=True)
    await hub.stop_server("alice")

    def stopped():
        return ec2.machine(machine.instance_id).state == "stopped"

    await asyncio.to_thread(eventually, stopped, 60)
    shown = ec2.machine(machine.instance_id).state_reason
    assert shown == "Client.UserInitiatedHibernate"
    await hub.ready_server("alice")
    woken = guest()
    assert woken.machine.instance_id == machine.instance_id
    assert woken.machine.boots == 2
    assert woken.run("cat /home/jovyan/notes") == "rain falls"
    assert woken.run("cat /run/ec2spawner/server.env") != before
