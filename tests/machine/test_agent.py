"""The agent under systemd: what it does when something goes wrong around it."""

import asyncio
import contextlib
import json

import pytest

from ec2spawner.core.state import Phase
from ec2spawner.demo.visitor import SpawnFailed, Visitor

from ..hub.conftest import eventually, living

AGENT = "ec2spawner-agent.service"
SERVER = "ec2spawner-server.service"


async def steps_of(hub, name="alice"):
    async with Visitor(hub.url, name, "any") as visitor:
        await visitor.log_in()
        await visitor.choose("small")
        return " ".join(e["message"] for e in await visitor.ready())


@pytest.mark.slow
async def test_a_setup_script_runs_as_root_with_a_home_and_its_words_reach_the_page(
    make_quick_hub, guest
):
    script = (
        "#!/bin/bash -eu\n"
        "echo installing as $(id -un) in $HOME for $EC2SPAWNER_ACCOUNT\n"
        "touch /opt/was-set-up\n"
    )
    hub = make_quick_hub(settings={"setup_script": script})
    await hub.start()
    assert "installing as root in /root for jovyan" in await steps_of(hub)
    guest().run("test -e /opt/was-set-up")


ODD = {
    "QUOTES": "'single' \"double\" `back` $HOME ${HOME} $$ %h %% \\n \\",
    "SPACES": "  two before and after  ",
    "LINES": "first\nsecond\n\n",
    "TAB": "a\tb",
    "HASH": "#no comment; nor this",
    "UNICODE": "Grüße, 你好",
    "EMPTY": "",
    "RETURN": "dos\r\nlines\r",
    "CONTROL": "a\x1bb\x07",
}
# systemd would drop it, and write it to the journal, which is on the disk.
NO_NAME = {"odd.name": "a-value-for-nobody"}


@pytest.mark.slow
async def test_the_server_gets_every_variable_as_it_was_ordered(make_quick_hub, guest):
    hub = make_quick_hub(settings={"environment": {**ODD, **NO_NAME}})
    await hub.start()
    await hub.ready_server("alice")
    pid = guest().main_pid(SERVER)
    text = guest().run(
        "python3",
        "-c",
        "import json, sys; f = open(f'/proc/{sys.argv[1]}/environ', 'rb').read();"
        "pairs = (e.decode().split('=', 1) for e in f.split(b'\\0') if e);"
        "print(json.dumps(dict(pairs)))",
        str(pid),
    )
    got = json.loads(text)
    assert "odd.name" in guest().console
    assert "a-value-for-nobody" not in guest().run("journalctl --no-pager -o json")
    assert {name: got.get(name) for name in ODD} == ODD
    assert got["HOME"] == "/home/jovyan" and got["USER"] == "jovyan"


@pytest.mark.slow
async def test_a_server_that_crashes_is_started_again(quick_hub, guest, ec2):
    await quick_hub.ready_server("alice")
    machine = guest()
    before = machine.main_pid(SERVER)
    machine.run("systemctl", "kill", "--signal=KILL", SERVER)
    eventually(lambda: machine.main_pid(SERVER) not in (0, before))
    # By a signal, which the kernel sends when memory runs out, not by code 9.
    assert "the server exited with code -9" in machine.console
    assert len(living(ec2)) == 1


@pytest.mark.slow
async def test_an_agent_that_is_killed_goes_on_and_the_server_does_not_notice(
    quick_hub, guest, ec2
):
    await quick_hub.ready_server("alice")
    machine = guest()
    server = machine.main_pid(SERVER)
    # More often than systemd starts a service again by default.
    for _ in range(7):
        agent = eventually(lambda: machine.main_pid(AGENT))
        machine.run("kill", "-KILL", str(agent))
        eventually(lambda: machine.main_pid(AGENT) not in (0, agent))
    eventually(lambda: "going on with the orders" in machine.journal(AGENT))
    assert machine.main_pid(SERVER) == server
    # It still looks after the server.
    machine.run("systemctl", "kill", "--signal=KILL", SERVER)
    eventually(lambda: machine.main_pid(SERVER) not in (0, server))
    assert len(living(ec2)) == 1


@pytest.mark.slow
async def test_when_the_server_ends_by_itself_so_does_the_machine(
    quick_hub, guest, ec2
):
    await quick_hub.ready_server("alice")
    machine = living(ec2)[0]
    guest().run(
        "python3",
        "-c",
        "import http.client as h, sys;"
        "c = h.HTTPConnection(sys.argv[1], 8888);"
        "c.request('GET', '/exit', headers={'X-Code': '0'});"
        "c.getresponse()",
        machine.private_ip,
        check=False,
    )
    await asyncio.to_thread(eventually, lambda: not living(ec2))
    await quick_hub.wait_gone("alice")


@pytest.mark.slow
async def test_the_hub_is_away_while_the_machine_boots(quick_hub, guest, ec2):
    starting = asyncio.ensure_future(quick_hub.start_server("alice"))
    await asyncio.to_thread(eventually, lambda: living(ec2))
    quick_hub.kill()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await asyncio.to_thread(eventually, lambda: "claiming from" in guest().console)
    await quick_hub.start()
    await quick_hub.wait_ready("alice")
    assert len(living(ec2)) == 1


@pytest.mark.slow
async def test_when_the_hub_is_gone_for_good_the_machine_ends_itself(
    make_quick_hub, ec2
):
    hub = make_quick_hub(settings={"claim_timeout": 6})
    await hub.start()
    starting = asyncio.ensure_future(hub.start_server("alice"))
    (machine,) = await asyncio.to_thread(eventually, lambda: living(ec2))
    hub.kill()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await asyncio.to_thread(eventually, lambda: not living(ec2), 60)
    ended = ec2.machine(machine.instance_id)
    assert "Client.InstanceInitiatedShutdown" in ended.state_reason


@pytest.mark.slow
async def test_a_reboot_by_its_user_brings_back_the_same_machine_and_home(
    make_quick_hub, guest, ec2
):
    hub = make_quick_hub(settings={"home": "user", "home_size": 1})
    await hub.start()
    await hub.ready_server("alice")
    machine = guest()
    machine.run("runuser -u jovyan -- sh -c 'echo kept > ~/kept'")
    token = token_of(machine)
    machine.run("systemctl", "reboot")

    def is_back():
        (now,) = living(ec2)
        with contextlib.suppress(LookupError, AssertionError):
            return now.boots == 2 and guest().main_pid(SERVER)

    await asyncio.to_thread(eventually, is_back)
    machine = guest()
    assert token_of(machine) == token
    assert machine.run("cat /home/jovyan/kept") == "kept"
    assert "/home" in machine.run("findmnt -n -o SOURCE --target /home/jovyan/kept")
    # It ended nothing on its way down, and nobody told the Hub that it had.
    assert "exited" not in hub.story and "restarting" not in hub.story
    assert "has booted again" in hub.story
    await asyncio.to_thread(eventually, lambda: phase_of(hub) is Phase.READY)
    assert await hub.server("alice")


def token_of(machine):
    pid = machine.main_pid(SERVER)
    env = machine.run(f"tr '\\0' '\\n' < /proc/{pid}/environ").splitlines()
    return next(line for line in env if line.startswith("JUPYTERHUB_API_TOKEN="))


def phase_of(hub):
    return hub.remembers("alice").current.phase


@pytest.mark.slow
async def test_updates_of_the_system_leave_the_server_running(make_quick_hub, guest):
    """needrestart and others restart services, the agent's, too."""
    hub = make_quick_hub(settings={"setup_script": "#!/bin/sh\nmkdir /etc/needrestart"})
    await hub.start()
    await hub.ready_server("alice")
    machine = guest()
    spared = machine.run("cat /etc/needrestart/conf.d/ec2spawner.conf")
    assert spared == "$nrconf{override_rc}{qr(^ec2spawner-)} = 0;"
    server, agent = machine.main_pid(SERVER), machine.main_pid(AGENT)
    machine.run("systemctl", "restart", AGENT)
    going_on = "going on with the orders"
    await asyncio.to_thread(eventually, lambda: going_on in machine.journal(AGENT))
    machine.run("systemctl", "kill", "--signal=TERM", AGENT)

    def again():
        return machine.journal(AGENT).count(going_on) == 2

    await asyncio.to_thread(eventually, again)
    assert machine.main_pid(AGENT) not in (0, agent)
    assert machine.main_pid(SERVER) == server


@pytest.mark.slow
async def test_after_a_reboot_the_agent_claims_and_first_boot_work_is_not_done_again(
    make_quick_hub, guest
):
    hub = make_quick_hub(settings={"setup_script": "#!/bin/sh\necho x >> /count\n"})
    await hub.start()
    await hub.ready_server("alice")
    hub.kill()
    guest().run("systemctl", "reboot")
    claiming = "ec2spawner: claiming from"
    await asyncio.to_thread(eventually, lambda: claiming in guest().console, 60)
    assert guest().machine.boots == 2
    # Once for each of two units.
    assert guest().console.count("Created symlink") == 2
    assert guest().run("cat /count") == "x"
    # Nothing is left of the orders of the boot before.
    assert guest().run("ls /run/ec2spawner") == "machine-key"


@pytest.mark.slow
async def test_a_setup_script_that_fails_says_why_and_ends_the_machine(
    make_quick_hub, ec2
):
    script = "#!/bin/sh\necho no disk space >&2\nexit 3\n"
    hub = make_quick_hub(settings={"setup_script": script})
    await hub.start()
    with pytest.raises(SpawnFailed, match="setup_script ended with code 3"):
        await steps_of(hub)
    await asyncio.to_thread(eventually, lambda: not living(ec2))
