"""A JupyterLab that was imported ahead, as systemd and its user see it."""

import pytest

from ec2spawner.demo.visitor import Visitor

from ..hub.conftest import eventually, living

SERVER = "ec2spawner-server.service"
AHEAD = "the server was imported ahead, and begins"


def status_of(guest, pid):
    lines = guest.run("cat", f"/proc/{pid}/status").splitlines()
    return dict(line.split(":\t", 1) for line in lines)


@pytest.mark.slow
async def test_what_was_imported_ahead_is_a_server_as_any_other(make_hub, guest, ec2):
    hub = make_hub()
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready()
        assert (await alice.run_cell("6 * 7"))[0].strip() == "42"
        code = "import os; print(os.getuid(), os.getcwd(), os.environ['HOME'])"
        seen = (await alice.run_cell(code))[0].split()
    there = guest()
    assert AHEAD in there.console
    assert "a plain start" not in there.journal(SERVER)
    pid, uid = there.main_pid(SERVER), there.run("id", "-u", "jovyan")
    assert "preloader.py" in there.run(f"cat /proc/{pid}/cmdline | tr '\\0' ' '")
    assert seen == [uid, "/home/jovyan", "/home/jovyan"]
    status = status_of(there, pid)
    for number in ("Uid", "Gid"):
        assert set(status[number].split()) == {uid}
    for rights in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[rights], 16) == 0
    assert status["Groups"].split() == [uid]
    assert f"/system.slice/{SERVER}" in there.run("cat", f"/proc/{pid}/cgroup")
    # No secret is left in a file of the account's.
    assert there.run("ls", "/run/ec2spawner-preload").split() == ["preloader.py"]
    # systemd and the agent see it end, as they would any.
    there.run("kill", "-KILL", str(pid))
    eventually(lambda: there.main_pid(SERVER) not in (0, pid))
    assert "preloader" not in there.run(
        f"cat /proc/{there.main_pid(SERVER)}/cmdline | tr '\\0' ' '"
    )
    assert len(living(ec2)) == 1


@pytest.mark.slow
async def test_with_another_language_than_the_machines_there_is_a_plain_start(
    make_hub, guest
):
    """Python has read it before there were orders."""
    hub = make_hub(settings={"environment": {"LANG": "de_DE.UTF-8"}})
    await hub.start()
    await hub.ready_server("alice")
    there = guest()
    pid = there.main_pid(SERVER)
    assert "depends on LANG" in there.journal(SERVER)
    environment = there.run(f"cat /proc/{pid}/environ | tr '\\0' '\\n'").splitlines()
    assert "LANG=de_DE.UTF-8" in environment
    assert not any("preloader" in line for line in environment)
