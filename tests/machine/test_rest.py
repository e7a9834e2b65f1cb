"""A machine that rests and wakes, with systemd and cloud-init of its own."""

import asyncio

from ..hub.conftest import eventually, living
from .guest import Guest

SETTINGS = {
    "on_stop": "stop",
    "setup_script": "#!/bin/sh\necho x >> /count\n",
}


def secrets_of(guest):
    return guest.run("cat /run/ec2spawner/server.env /run/ec2spawner/machine-key")


async def test_a_second_boot_claims_anew_and_does_no_first_boot_work(
    make_quick_hub, ec2, guest, snapshot
):
    data = [{"snapshot_id": snapshot, "mount_path": "/data/dem"}]
    hub = make_quick_hub(settings={**SETTINGS, "data_volumes": data})
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    before = secrets_of(guest())
    guest().run("echo 'rain falls' > /home/jovyan/notes; echo kept > /etc/kept")
    await hub.stop_server("alice")

    def stopped():
        return ec2.machine(machine.instance_id).state == "stopped"

    await asyncio.to_thread(eventually, stopped, 60)
    # As if the Hub had been updated meanwhile: the machine's agent is an old one.
    agent = (
        Guest(ec2.machine(machine.instance_id)).disk / "var/lib/ec2spawner/agent.pyz"
    )
    newest = agent.read_bytes()
    agent.write_bytes(newest + b"\0")
    await hub.ready_server("alice")
    woken = guest()
    assert woken.machine.instance_id == machine.instance_id
    assert woken.machine.boots == 2
    assert woken.run("cat /home/jovyan/notes /etc/kept") == "rain falls\nkept"
    assert woken.run("runuser -u jovyan -- cat /data/dem/dem.txt") == "heights"
    assert "Read-only" in woken.run("touch /data/dem/x 2>&1", check=False)
    after = secrets_of(woken)
    assert not set(before.splitlines()) & set(
        line for line in after.splitlines() if "TOKEN" in line
    )
    assert before.splitlines()[-1] != after.splitlines()[-1]
    # cloud-init has run the user-data once; the agent has seen to itself.
    assert woken.console.count("Created symlink") == 2
    assert "the user-data has brought another agent" in woken.console
    assert agent.read_bytes() == newest
    # A setup script runs at each start, as its documentation says.
    assert woken.run("cat /count") == "x\nx"
