"""A server that is imported while its machine waits for its orders."""

import fcntl
import json
import os
import sys
from types import SimpleNamespace

import pytest

from ec2spawner.claim.agent import preload, service
from ec2spawner.claim.agent.preload import NOTE, Preload
from ec2spawner.claim.agent.preloaded import Preloaded
from ec2spawner.claim.agent.work import process, systemd

ORDERS = ("ada", ["/opt/jupyter/bin/server"], {"TOKEN": "t"}, "/home/ada")


class Machine:
    """The folder of a boot, and an image with a server in it."""

    def __init__(self, folder):
        self.run, self.bin = folder / "run", folder / "bin"
        self.run.mkdir()
        self.bin.mkdir()
        self.started = []

    def program(self, first_line):
        path = self.bin / "jupyterhub-singleuser"
        path.write_text(first_line + "\n")
        path.chmod(0o755)
        return str(path)

    def preload(self, systemd=False, **more):
        name, path = "jupyterhub-singleuser", ["/nowhere", str(self.bin)]
        wish = {"account": "ada", "uid": 0, "program": name, "path": path, **more}
        made = Preload({"preload": wish}, str(self.run), systemd)
        made.start()
        made.end()
        return made

    def preloaded(self, again=False):
        return Preloaded(str(self.run), again)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(
        Preload, "start_process", lambda self, command: made.started.append(command)
    )
    return made


@pytest.mark.parametrize(
    "first_line, words",
    [
        ("#!/opt/jupyter/bin/python3.12", ["/opt/jupyter/bin/python3.12"]),
        ("#!/opt/conda/bin/python -s -E", ["/opt/conda/bin/python", "-s -E"]),
    ],
)
def test_what_imports_is_the_servers_own_python_as_the_kernel_would_start_it(
    machine, first_line, words
):
    program = machine.program(first_line)
    machine.preload()
    ((*python, ours, orders, theirs),) = machine.started
    assert (python, theirs) == (words, program)
    folder = f"{machine.run}-preload/"
    assert (ours, orders) == (folder + "preloader.py", folder + "orders")
    compile(open(ours).read(), ours, "exec")


@pytest.mark.parametrize(
    "first_line, why",
    [
        ("", "there is no jupyterhub-singleuser on this image"),
        ("#!/bin/sh", "is no program of a Python"),
        ("#!/usr/bin/env", "is no program of a Python"),
        ("\x7fELF", "is no program of a Python"),
    ],
)
def test_an_image_that_does_not_allow_it_is_said_once_and_starts_plainly(
    machine, first_line, why, capsys
):
    if first_line:
        machine.program(first_line)
    machine.preload()
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1 and "not imported ahead" in said[0] and why in said[0]
    assert machine.started == [] and not machine.preloaded().waits
    assert not machine.preloaded().become(*ORDERS)


def test_a_hub_that_wishes_for_nothing_gets_nothing(machine, capsys):
    made = Preload({}, str(machine.run), False)
    made.start()
    made.end()
    assert machine.started == [] and capsys.readouterr().out == ""


def test_orders_are_held_back_until_they_are_there_whole(machine):
    machine.program(f"#!{sys.executable}")
    machine.preload()
    path = f"{machine.run}-preload/orders"
    with open(path) as orders:
        with pytest.raises(BlockingIOError):
            fcntl.flock(orders, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert machine.preloaded().waits
        assert machine.preloaded().become(*ORDERS)
        fcntl.flock(orders, fcntl.LOCK_SH | fcntl.LOCK_NB)
        told = json.load(orders)
    account, command, env, folder = ORDERS
    assert told == {"command": command, "env": env, "folder": folder}
    assert os.stat(path).st_mode & 0o777 == 0o400
    assert not machine.preloaded().waits, "from now on it is the server"


def test_an_agent_that_comes_back_finds_nothing_that_it_could_tell(machine):
    """Who held the orders back has died, and so the process ends by itself."""
    machine.program(f"#!{sys.executable}")
    machine.preload()
    again = machine.preloaded(again=True)
    assert again.waits, "what runs there is no server"
    assert not again.become(*ORDERS)
    assert not machine.preloaded().waits
    assert not os.path.exists(f"{machine.run}-preload")


def test_an_account_that_the_orders_do_not_name_has_no_server_of_another(machine):
    machine.program(f"#!{sys.executable}")
    machine.preload(account="bob")
    assert not machine.preloaded().become(*ORDERS)


def test_only_what_was_told_can_have_failed(machine):
    machine.program(f"#!{sys.executable}")
    machine.preload()
    preloaded = machine.preloaded()
    assert not preloaded.failed()
    preloaded.become(*ORDERS)
    assert preloaded.failed() and not preloaded.failed()


# -- under systemd -------------------------------------------------------------


class Accounts:
    """Those of a machine: name -> number."""

    def __init__(self, **uids):
        self.uids, self.called = uids, []

    def getpwnam(self, name):
        uid = self.uids[name]
        return SimpleNamespace(pw_uid=uid, pw_gid=uid, pw_dir="/home/" + name)

    def getpwuid(self, uid):
        return {number: name for name, number in self.uids.items()}[uid]

    def run(self, command, *options):
        self.called.append(command[0])
        if command[0] == "useradd":
            uid = int(command[command.index("--uid") + 1]) if "--uid" in command else 0
            self.uids[command[-1]] = uid or 1000
        elif command[0] == "userdel":
            del self.uids[command[-1]]
        return 0, ""


@pytest.fixture
def accounts(monkeypatch):
    made = Accounts(root=0)
    for module in (preload, systemd):
        monkeypatch.setattr(module, "pwd", made)
    monkeypatch.setattr(preload.subprocess, "check_call", made.run)
    monkeypatch.setattr(systemd, "run_lines", made.run)
    monkeypatch.setattr(systemd.subprocess, "call", lambda command: 0)
    monkeypatch.setattr(preload.os, "chown", lambda *about: made.called.append("chown"))
    return made


def test_it_runs_as_the_account_and_is_the_servers_own_unit(
    tmp_path, monkeypatch, accounts
):
    made, unit = Machine(tmp_path), tmp_path / "unit"
    monkeypatch.setattr(service, "SERVER_UNIT", str(unit))
    program = made.program("#!/opt/jupyter/bin/python3")
    made.preload(systemd=True)
    lines = unit.read_text().splitlines()
    command = f'"{made.run}-preload/preloader.py" "{made.run}-preload/orders"'
    start = f'ExecStart="/opt/jupyter/bin/python3" {command} "{program}"'
    assert {"User=ada", "WorkingDirectory=/", start} <= set(lines)
    assert not [line for line in lines if line.startswith("EnvironmentFile")]
    assert accounts.called == ["useradd", "chown", "chown", "chown", "systemctl"]


def test_an_account_that_may_be_a_programs_is_not_used(machine, accounts, capsys):
    """Below 1000 the metadata service is not closed to it yet."""
    accounts.uids["ada"] = 999
    machine.program(f"#!{sys.executable}")
    machine.preload(systemd=True)
    assert machine.started == [] and "may be a program's" in capsys.readouterr().out


@pytest.mark.parametrize(
    "there, wish, wanted, gets, waits",
    [
        ({}, 0, 0, 1000, True),
        ({}, 0, 1000, 1000, True),
        ({}, 0, 1234, 1234, False),
        ({}, 1500, 1500, 1500, True),
        ({"bob": 1234}, 0, 1234, 1000, True),
        ({"ada": 2000}, 0, 1234, 2000, True),
    ],
)
def test_an_account_that_was_made_early_gets_the_number_of_its_home(
    machine, accounts, monkeypatch, there, wish, wanted, gets, waits
):
    """As one that is made when everything is known; one of the image keeps its own."""
    accounts.uids.update(there)
    machine.program(f"#!{sys.executable}")
    machine.preload(systemd=True, uid=wish)
    monkeypatch.setattr(systemd.SystemdHost, "run_folder", str(machine.run))
    host = systemd.SystemdHost(again=False)
    assert host.account("ada", wanted) == "/home/ada"
    assert accounts.uids["ada"] == gets
    assert host.preloaded.waits == machine.preloaded().waits == waits


# -- on a machine that is a process ---------------------------------------------


def test_a_plain_start_ends_what_waits(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    folders = (str(made.run), str(tmp_path), False)
    monkeypatch.setattr(process, "folders", lambda: folders)
    made.program(f"#!{sys.executable}")
    made.preload(account="bob")
    waiting = int((made.run / preload.PID).read_text())
    host = process.ProcessHost(again=False)
    host.start(["true"], {}, "ada", str(tmp_path))
    with pytest.raises(ProcessLookupError):
        os.kill(waiting, 0)
    assert host.server.wait(30) == 0
    assert not (made.run / NOTE).exists()
