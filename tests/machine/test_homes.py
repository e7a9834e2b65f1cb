"""Homes on real file systems: formatted once, mounted where they belong."""

import asyncio
import json

import pytest

from ..hub.conftest import eventually, living

HOME = {"home": "user", "home_size": 1}
MOUNT = "/var/lib/ec2spawner/home"


@pytest.fixture
async def hub(make_quick_hub):
    """A hub whose users have homes."""
    hub = make_quick_hub(settings=HOME)
    await hub.start()
    return hub


@pytest.mark.slow
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
    pid = second.main_pid("ec2spawner-server.service")
    assert second.run(f"readlink /proc/{pid}/cwd") == "/home/jovyan"


@pytest.mark.slow
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


@pytest.mark.slow
async def test_what_cannot_be_mounted_is_left_alone_and_its_user_is_told(hub, guest):
    await hub.ready_server("alice")
    device = guest().run("findmnt -n -o SOURCE " + MOUNT)
    # Neither a file system nor nothing: somebody's raw data.
    guest().run(
        f"systemctl stop ec2spawner-server; umount /home/jovyan {MOUNT}; "
        f"wipefs -q -a {device} && printf precious | dd of={device} bs=1k seek=700"
    )
    home = hub.remembers("alice").home_id
    await hub.stop_server("alice")
    await hub.ready_server("alice")
    rescue = guest()
    assert "YOUR-HOME-IS-NOT-HERE.txt" in rescue.run("ls /home/jovyan")
    assert not rescue.run("findmnt /home/jovyan", check=False)
    start = "dd bs=1k skip=700 count=1 status=none if=/dev/xvdf | head -c 8"
    assert rescue.run(start) == "precious"
    assert "making a file system" not in rescue.console
    told = hub.remembers("alice").current.rescued
    assert f"Your home ({home}) could not be mounted" in told


@pytest.mark.slow
async def test_a_file_system_moves_to_another_zone_while_its_machine_waits(
    make_quick_hub, ec2, guest
):
    settings = {**HOME, "home_may_move": True, "start_timeout": 200}
    hub = make_quick_hub(settings=settings)
    await hub.start()
    await hub.ready_server("alice", timeout=120)
    first = guest()
    first.run("runuser -u jovyan -- sh -c 'echo rain falls > /home/jovyan/notes'")
    first.run("runuser -u jovyan -- ln -s notes /home/jovyan/link")
    before = hub.remembers("alice").home_id
    await hub.stop_server("alice")
    ec2.set_capacity({f"*/{first.machine.zone}": 0})
    # Long enough for the machine to be up before its home is.
    ec2.change_settings(snapshot_seconds=30)
    await hub.ready_server("alice", timeout=180)
    second = guest()
    assert second.machine.zone != first.machine.zone
    assert second.run("cat /home/jovyan/link") == "rain falls"
    assert second.run("stat -c '%U %a' /home/jovyan") == "jovyan 700"
    assert "making a file system" not in second.console
    assert "the orders are not ready yet" in second.console
    assert hub.remembers("alice").home_id != before


@pytest.mark.slow
async def test_the_account_gets_the_number_of_the_files_in_its_home(
    make_quick_hub, guest, ec2
):
    """Another image may have one account more, and the next free number is another."""
    hub = make_quick_hub(settings={"home": "user", "home_size": 1, "user_uid": 1234})
    await hub.start()
    await hub.ready_server("alice")
    assert guest().run("id -u jovyan") == "1234"
    guest().run("runuser -u jovyan -- sh -c 'echo mine > ~/mine'")
    await hub.stop_server("alice")
    await asyncio.to_thread(eventually, lambda: not living(ec2))
    hub.kill()
    options = json.loads((hub.folder / "options.json").read_text())
    del options["spawner"]["user_uid"]
    (hub.folder / "options.json").write_text(json.dumps(options))
    await hub.start()
    await hub.ready_server("alice")
    assert guest().run("id -u jovyan") == "1234"
    assert guest().run("runuser -u jovyan -- cat /home/jovyan/mine") == "mine"
