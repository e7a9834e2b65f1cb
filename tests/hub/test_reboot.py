"""A machine that boots again, by AWS's will or its user's, comes back as itself."""

import asyncio
import subprocess

import pytest

from ec2spawner.core.state import Phase

from .conftest import api_of, eventually, living
from .test_claim import whoami


def process_of(machine, name):
    """The last process of that name on a machine, and its environment."""
    for pid in reversed(machine.pids):
        try:
            line = open(f"/proc/{pid}/cmdline").read().split("\0")
            pairs = open(f"/proc/{pid}/environ").read().split("\0")
        except OSError:
            continue
        if any(name in word for word in line):
            return pid, dict(pair.split("=", 1) for pair in pairs if pair)
    return 0, {}


def phase(hub):
    return hub.remembers("alice").current.phase


async def reboots(hub, ec2, do):
    """Let the only machine reboot; the server's environments before and after."""
    (before,) = living(ec2)
    pid, first = process_of(before, "tiny_server")
    assert first["JUPYTERHUB_API_TOKEN"]
    do(before)

    def is_back():
        (machine,) = living(ec2)
        new, env = process_of(machine, "tiny_server")
        same = machine.instance_id == before.instance_id
        return same and machine.boots > before.boots and new not in (0, pid) and env

    second = await asyncio.to_thread(eventually, is_back)
    await asyncio.to_thread(eventually, lambda: phase(hub) is Phase.READY)
    return first, second


@pytest.fixture
def by_aws(cloud):
    def do(machine):
        api_of(cloud).reboot_instances(InstanceIds=[machine.instance_id])

    return do


async def test_a_machine_that_aws_reboots_brings_back_the_same_server(
    make_quick_hub, ec2, by_aws
):
    hub = make_quick_hub(settings={"home": "user", "home_size": 1})
    await hub.start()
    await hub.ready_server("alice")
    first, second = await reboots(hub, ec2, by_aws)
    assert "has booted again" in hub.story
    token = "JUPYTERHUB_API_TOKEN"
    assert second[token] == first[token], "who is logged in stays so"
    assert first["HOME"] == second["HOME"] != ""
    assert await whoami(hub, second[token]) == 200
    # Its user stops it in the end, as any other.
    await hub.stop_server("alice")
    await asyncio.to_thread(eventually, lambda: not living(ec2))
    assert "orders were given to a machine already" not in hub.story


@pytest.mark.slow
async def test_a_reboot_from_the_users_own_terminal_does_the_same(quick_hub, ec2):
    await quick_hub.ready_server("alice")

    def types_reboot(machine):
        # The shim is what the machine has for `sudo reboot`.
        subprocess.run([f"{machine.folder}/bin/reboot"], check=True)

    first, second = await reboots(quick_hub, ec2, types_reboot)
    assert second["JUPYTERHUB_API_TOKEN"] == first["JUPYTERHUB_API_TOKEN"]


@pytest.mark.slow
async def test_it_does_so_also_when_the_hub_was_restarted_in_between(
    make_quick_hub, ec2, by_aws
):
    hub = make_quick_hub()
    await hub.start()
    await hub.ready_server("alice")
    hub.kill()
    await hub.start()
    first, second = await reboots(hub, ec2, by_aws)
    # What nobody has in full any more is made anew, and the old one counts no more.
    token = "JUPYTERHUB_API_TOKEN"
    assert await whoami(hub, second[token]) == 200
    assert await whoami(hub, first[token]) in (401, 403)
