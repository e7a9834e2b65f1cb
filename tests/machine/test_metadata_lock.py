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
    script = '#!/bin/sh\nfor each in $(which -a ip); do rm -f "$each"; done\n'
    hub = make_quick_hub(settings={"setup_script": script})
    await hub.start()
    await hub.start_server("alice")
    await asyncio.to_thread(eventually, lambda: not living(ec2), 60)
    assert "the metadata service cannot be closed to users here" in hub.story
    assert "Starting Jupyter" not in hub.story
