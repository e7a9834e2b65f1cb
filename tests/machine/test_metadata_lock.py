"""The metadata service on machines that boot: for root, not for users."""

import asyncio

import pytest

from ..hub.conftest import eventually, living
from .test_networks import METADATA


def asks(guest, account):
    """Whether a process of an account gets an answer, and which."""
    return guest.run("runuser", "-u", account, "--", "python3", "-c", METADATA)


def refused(guest, account):
    command = ("runuser", "-u", account, "--", "python3", "-c", METADATA)
    said = guest.run("sh", "-c", '"$@" 2>&1', "sh", *command, check=False)
    return "Permission denied" in said


async def test_users_do_not_reach_the_metadata_service_and_root_does(
    quick_hub, guest, ec2
):
    await quick_hub.ready_server("alice")
    machine = guest()
    machine.run("useradd somebody-else")
    for account in ("jovyan", "somebody-else"):
        assert refused(machine, account)
    for account in ("root", "daemon"):
        assert asks(machine, account) == machine.machine.instance_id
    # The agent hears what is only told there.
    ec2.spot_notice(machine.machine.instance_id, seconds=600)
    told = "has a notice from EC2, interruption: terminate 20"
    await asyncio.to_thread(eventually, lambda: told in quick_hub.story)


@pytest.mark.slow
async def test_a_lock_that_somebody_takes_away_is_back_soon(quick_hub, guest):
    await quick_hub.ready_server("alice")
    machine = guest()
    machine.run("ip rule del priority 1")
    assert not refused(machine, "jovyan")
    await asyncio.to_thread(eventually, lambda: refused(machine, "jovyan"), 120)


@pytest.mark.slow
async def test_it_is_open_when_the_admin_wants_it_open(make_quick_hub, guest):
    hub = make_quick_hub(settings={"block_metadata": False})
    await hub.start()
    await hub.ready_server("alice")
    assert asks(guest(), "jovyan") == guest().machine.instance_id


@pytest.mark.slow
async def test_no_server_starts_where_it_cannot_be_closed(make_quick_hub, guest, ec2):
    script = (
        "#!/bin/sh\nip rule del priority 1\n"
        'for each in $(which -a ip); do rm -f "$each"; done\n'
    )
    hub = make_quick_hub(settings={"setup_script": script})
    await hub.start()
    await hub.start_server("alice")
    await asyncio.to_thread(eventually, lambda: not living(ec2), 60)
    assert "the metadata service cannot be closed to users here" in hub.story
    assert "Starting Jupyter" not in hub.story


WATCHER = """[Unit]
Description=Asks the metadata service as early as it can
[Service]
User=%s
ExecStart=/bin/sh -c 'for i in $(seq 200); do python3 /opt/ask.py; sleep 0.1; done'
[Install]
WantedBy=multi-user.target
"""


@pytest.mark.slow
async def test_at_a_wake_up_root_has_it_from_the_start_and_users_never(
    make_quick_hub, guest, ec2
):
    """Who reads the user-data of a machine that wakes up could claim for it."""
    hub = make_quick_hub(settings={"on_stop": "stop"})
    await hub.start()
    await hub.ready_server("alice")
    machine = guest()
    machine.run("sh", "-c", 'printf %s "$1" > /opt/ask.py', "sh", METADATA)
    for account in ("jovyan", "root"):
        unit = f"/etc/systemd/system/early-{account}.service"
        text = WATCHER % account
        machine.run("sh", "-c", 'printf %s "$1" > "$2"', "sh", text, unit)
        machine.run("systemctl", "enable", f"early-{account}")
    await hub.stop_server("alice")
    await asyncio.to_thread(
        eventually, lambda: [m.state for m in living(ec2)] == ["stopped"]
    )
    await hub.ready_server("alice")
    machine = guest()
    assert machine.machine.boots == 2
    answer = machine.machine.instance_id
    await asyncio.to_thread(eventually, lambda: answer in machine.journal("early-root"))
    assert "Permission denied" in machine.journal("early-jovyan")
    assert answer not in machine.journal("early-jovyan")
    # Not since a moment ago, but before there was any user's program.
    order = machine.run("systemctl show ec2spawner-metadata -p Before,ActiveState")
    assert "ActiveState=active" in order and "basic.target" in order
