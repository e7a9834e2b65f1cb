"""Homes on real file systems: formatted once, mounted where they belong."""

import asyncio

import pytest

from ..hub.conftest import eventually, living
from ..local.conftest import client

HOME = {"home": "user", "home_size": 1}
MOUNT = "/var/lib/ec2spawner/home"


@pytest.fixture
async def hub(make_quick_hub):
    """A hub whose users have homes."""
    hub = make_quick_hub(settings=HOME)
    await hub.start()
    return hub


async def free_home(cloud):
    """The only home there is, once it is on no machine."""
    api = client(cloud)

    def found():
        homes = api.describe_volumes(
            Filters=[
                {"Name": "tag-key", "Values": ["ec2spawner:home"]},
                {"Name": "status", "Values": ["available"]},
            ]
        )["Volumes"]
        return max(homes, key=lambda v: v["CreateTime"]) if homes else None

    return await asyncio.to_thread(eventually, found, 60)


async def test_a_home_is_formatted_once_and_follows_its_user(hub, ec2, guest):
    await hub.ready_server("alice")
    first = guest()
    assert first.run("stat -c '%U %a' /home/jovyan") == "jovyan 700"
    assert first.run("ls -A /home/jovyan") == first.run("ls -A /etc/skel")
    assert "making a file system" in first.console
    options = first.run("findmnt -n -o OPTIONS /home/jovyan")
    assert "nosuid" in options and "nodev" in options
    assert first.run("stat -c '%U %a' " + MOUNT) in ("root 755", "root 700")
    first.run("runuser -u jovyan -- sh -c 'echo rain falls > /home/jovyan/notes'")
    await hub.stop_server("alice")
    await hub.ready_server("alice")
    second = guest()
    assert second.machine.instance_id != first.machine.instance_id
    assert second.run("cat /home/jovyan/notes") == "rain falls"
    assert "making a file system" not in second.console
    assert second.run("pwd", check=True) == "/"
    pid = second.main_pid("ec2spawner-server.service")
    assert second.run(f"readlink /proc/{pid}/cwd") == "/home/jovyan"


async def test_an_agent_killed_while_it_makes_a_home_makes_it_once(hub, ec2, guest):
    asked = asyncio.ensure_future(hub.ready_server("alice"))
    machine = await asyncio.to_thread(eventually, lambda: living(ec2))

    def at_it():
        return machine and "making a file system" in guest().console

    await asyncio.to_thread(eventually, at_it, 60)
    guest().run("systemctl kill --signal=KILL ec2spawner-agent", check=False)
    await asked
    assert guest().run("findmnt -n -o TARGET /home/jovyan") == "/home/jovyan"
    assert guest().run("stat -c %U /home/jovyan") == "jovyan"


async def test_a_volume_with_something_on_it_is_never_formatted(hub, cloud, ec2, guest):
    await hub.ready_server("alice")
    device = guest().run("findmnt -n -o SOURCE " + MOUNT)
    # Neither a file system nor nothing: somebody's raw data.
    guest().run(
        "systemctl stop ec2spawner-server; umount /home/jovyan "
        + MOUNT
        + f" && wipefs -a {device} && echo precious | dd of={device} bs=1M seek=7"
    )
    await hub.stop_server("alice")
    home = await free_home(cloud)
    with pytest.raises(AssertionError):
        await hub.ready_server("alice")
    assert "could not start your server" in hub.log
    await asyncio.to_thread(eventually, lambda: not living(ec2), 60)
    assert home["VolumeId"] in hub.log
