"""From a boot to the orders: what a machine keeps, and what it starts with."""

import json
import os
import zipfile
from types import SimpleNamespace

import pytest

from ec2spawner.claim.agent import metadata_lock, service, start
from ec2spawner.claim.agent.words import Failed
from ec2spawner.claim.user_data import agent_files, user_data
from ec2spawner.images.builds.user_data import builder_user_data


class Became(Exception):
    """The process has become another program."""


class Machine:
    """A process machine, and a Hub that answers its claims."""

    def __init__(self, home):
        self.home, self.nonce = home, "nonce 1"
        self.claims, self.hub_goes_on, self.agent = [], False, agent_files()

    @property
    def run(self):
        return self.home / ".ec2spawner"

    @property
    def disk(self):
        return self.home / ".ec2spawner-disk"

    def get(self, path):
        if path == "user-data":
            return user_data("launch", self.nonce, "http://hub", 480)
        return b"10.0.0.1"

    def identity(self):
        return "signed"

    def claim(self, hub, booted, identity):
        assert identity == "signed"
        self.claims.append((hub.config["nonce"], hub.identity["machine_key"], booted))
        orders = {"command": ["x"], "goes_on": self.hub_goes_on and not booted}
        orders["env"] = {} if orders["goes_on"] else {"TOKEN": len(self.claims)}
        return {**orders, "agent": dict(self.agent)} if self.agent else orders

    def starts(self, booted=True):
        """The program that it becomes, and its orders."""
        with pytest.raises(Became) as became:
            start.start(booted)
        program = became.value.args[0]
        return program, json.loads((self.run / "orders").read_text())


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)

    def become(*program):
        raise Became(program)

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(start.PROCESS_MACHINE, "1")
    isdir = os.path.isdir
    monkeypatch.setattr(
        start.os.path, "isdir", lambda path: "systemd" not in str(path) and isdir(path)
    )
    monkeypatch.setattr(start, "become", become)
    monkeypatch.setattr(start, "Metadata", lambda: made)
    monkeypatch.setattr(start.Hub, "claim", lambda *claim: made.claim(*claim))
    return made


def keys(machine):
    return [key for _, key, _ in machine.claims]


def test_what_came_with_the_orders_is_what_obeys_them(machine):
    (program, how), orders = machine.starts()
    assert how == "begin" and program == str(machine.disk / "work.pyz")
    with zipfile.ZipFile(program) as made:
        assert "agent/work/home.py" in made.namelist()
    assert "agent" not in orders and orders["nonce"] == "nonce 1"
    assert orders["config"]["hub_api_url"] == "http://hub"
    assert machine.disk.stat().st_mode & 0o777 == 0o700


def test_a_machine_that_reboots_claims_with_the_key_of_before(machine):
    machine.starts()
    _, orders = machine.starts()
    assert [booted for _, _, booted in machine.claims] == [True, True]
    assert len(set(keys(machine))) == 1
    assert orders["env"] == {"TOKEN": 2}, "nothing is left of the orders of before"


def test_a_machine_that_is_woken_or_made_from_a_copy_of_the_disk_has_another_key(
    machine,
):
    machine.starts()
    machine.nonce = "nonce 2"
    machine.starts()
    assert len(set(keys(machine))) == 2


def test_a_machine_that_hibernated_keeps_its_key_and_the_token_in_its_memory(machine):
    machine.starts()
    machine.nonce, machine.hub_goes_on = "nonce 2", True
    _, orders = machine.starts(booted=False)
    assert machine.claims[1] == ("nonce 2", keys(machine)[0], False)
    assert orders["env"] == {"TOKEN": 1} and orders["nonce"] == "nonce 2"
    # Also when it reboots afterwards: then nothing is in memory.
    _, orders = machine.starts()
    assert machine.claims[2] == ("nonce 2", keys(machine)[0], True)
    assert orders["env"] == {"TOKEN": 3}


def test_an_agent_that_comes_back_in_the_same_boot_goes_on(machine):
    machine.starts()
    (_, how), _ = machine.starts(booted=False)
    assert how == "go-on" and len(machine.claims) == 1


def test_a_hub_that_sends_no_program_is_obeyed_by_the_one_of_before(machine):
    """One that was put back to an earlier version, for example."""
    (before, _), _ = machine.starts()
    machine.agent = {}
    (after, _), _ = machine.starts()
    assert before == after


def test_without_any_program_the_orders_cannot_be_obeyed(machine):
    machine.agent = {}
    with pytest.raises(Failed, match="no program"):
        start.start(True)


def test_on_a_machine_that_makes_an_image_an_agent_of_before_does_nothing(
    machine, monkeypatch
):
    """Its disk is the copy of a server's, and it must not be switched off."""
    monkeypatch.setattr(machine, "get", lambda path: builder_user_data({"lock": ""}))

    def pause():
        raise Became("nothing")

    monkeypatch.setattr(start.signal, "pause", pause)
    with pytest.raises(Became, match="nothing"):
        start.start(True)
    assert machine.claims == []


def test_a_full_disk_costs_the_survival_of_reboots_and_no_more(machine, monkeypatch):
    write_other, write_private = start.write_if_other, start.write_private

    def full(write):
        def maybe(path, *what):
            if str(machine.disk) in path:
                raise OSError(28, "No space left on device")
            return write(path, *what)

        return maybe

    monkeypatch.setattr(start, "write_if_other", full(write_other))
    monkeypatch.setattr(start, "write_private", full(write_private))
    (program, _), _ = machine.starts()
    assert program == str(machine.run / "work.pyz")
    (again, how), _ = machine.starts(booted=False)
    assert (again, how) == (program, "go-on")


def test_the_secrets_are_roots_alone(machine):
    machine.starts()
    for path in (machine.run / "orders", machine.run / "machine-key"):
        assert path.stat().st_mode & 0o777 == 0o400
    assert (machine.disk / "machine-key").stat().st_mode & 0o777 == 0o400


def test_at_later_boots_the_metadata_service_is_closed_before_there_is_a_network(
    tmp_path, monkeypatch
):
    """Before any program of a user's, who would read what is to be claimed with."""
    called = []
    monkeypatch.setattr(service, "UNITS", f"{tmp_path}/")
    monkeypatch.setattr(service.subprocess, "check_call", called.append)
    service.install_units()
    service.install_units()  # they are there: nothing is done again
    assert [call[1] for call in called] == ["daemon-reload", "enable"]
    assert set(called[1][2:]) == {service.AGENT, service.LOCK}
    unit = (tmp_path / service.LOCK).read_text().splitlines()
    assert "Before=network-pre.target basic.target" in unit
    assert "WantedBy=basic.target" in unit
    assert [line for line in unit if line.startswith("ExecStart=")][0].endswith(" lock")


def test_at_any_boot_it_is_closed_before_the_agent_itself_reads_anything(
    machine, monkeypatch
):
    order, get = [], machine.get

    def reads(path):
        order.append(path)
        return get(path)

    here = str(machine.run), str(machine.disk), True
    monkeypatch.setattr(start, "folders", lambda: here)
    monkeypatch.setattr(start, "renew", lambda script: None)
    monkeypatch.setattr(metadata_lock, "shut", lambda: order.append("shut"))
    monkeypatch.setattr(machine, "get", reads)
    machine.starts()
    assert order[:2] == ["shut", "user-data"]


def test_a_lock_is_for_people_of_both_address_families_and_not_for_root(monkeypatch):
    called = []

    def run(command, **options):
        called.append(command)
        return SimpleNamespace(returncode=0, stdout=b"")

    monkeypatch.setattr(metadata_lock.subprocess, "run", run)
    metadata_lock.shut()
    assert {command[command.index("to") + 1] for command in called} == {
        "169.254.169.254",
        "fd00:ec2::254",
    }
    for command in called:
        first = int(command[command.index("uidrange") + 1].split("-")[0])
        assert first >= 1000 and command[-1] == "prohibit"
