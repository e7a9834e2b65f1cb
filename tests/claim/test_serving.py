"""The agent's watch over the server, over lives of its own."""

import json
import os
from threading import Event
from types import SimpleNamespace

import pytest

from ec2spawner.claim.agent.preloaded import Preloaded
from ec2spawner.claim.agent.words import Failed
from ec2spawner.claim.agent.work import main


class Host:
    """A server whose ends are scripted: exit codes, None while it runs."""

    def __init__(self, run_folder, *codes):
        self.people_folder = f"{run_folder}-people"
        self.run_folder, self.codes, self.starts = str(run_folder), list(codes), 0
        self.preloaded = Preloaded(self.run_folder, again=False)

    def exit_code(self):
        return self.codes.pop(0)

    def log(self):
        return "the last line"

    def start(self, *wanted):
        self.starts += 1


@pytest.fixture
def agent(tmp_path, monkeypatch):
    """An agent of this machine with its next life's host; its server answers."""
    orders = {
        "address": "127.0.0.1",
        "config": {"url": "http://127.0.0.1:1", "launch_id": "l-1"},
        "nonce": "n",
        "hibernates": False,
        "ready_url": "http://127.0.0.1:1/",
        "block_metadata": False,
        "account": "jovyan",
    }
    (tmp_path / "orders").write_text(json.dumps(orders))
    (tmp_path / "machine-key").write_text("key")
    monkeypatch.setattr(main, "folders", lambda: (str(tmp_path), "", False))
    monkeypatch.setattr(main, "Hub", lambda *about: None)
    monkeypatch.setattr(main, "Reporter", lambda hub: None)
    monkeypatch.setattr(main.time, "sleep", lambda seconds: None)

    def live(*codes, again):
        monkeypatch.setattr(main, "ProcessHost", lambda again: Host(tmp_path, *codes))
        made = main.Agent(again=again)
        monkeypatch.setattr(made, "answers", lambda url: True)
        monkeypatch.setattr(made, "look_after", lambda orders: None)
        return made

    return live


def serve(agent, told):
    def tell(step, *more):
        told.append(step)

    agent.serve(agent.orders, ["server"], {}, "/home", tell)


def test_a_server_that_people_worked_in_is_started_again_whoever_saw_it_ready(agent):
    told: list[str] = []
    first = agent(None, again=False)
    with pytest.raises(IndexError):  # killed here: nothing of it is heard again
        serve(first, told)
    assert told == ["ready"]
    # It crashes before the next life has looked at it.
    second = agent(-9, None, 0, again=True)
    serve(second, told)
    assert second.host.starts == 1
    assert told[1:] == ["restarting", "ready", "exited"]


def test_a_server_that_starts_is_looked_at_often_and_asked_for_seldom(
    agent, monkeypatch
):
    """Its user waits for each look; what systemd says of it costs a process each."""
    made, pauses, told = agent(*[None] * 50, 0, again=False), [], []
    answers = iter([False] * 11 + [True])
    monkeypatch.setattr(made, "answers", lambda url: next(answers))
    monkeypatch.setattr(main.time, "sleep", pauses.append)
    code, ready = made.watch("url", lambda step, *more: told.append(len(pauses)))
    assert (code, ready, told) == (0, True, [11])
    assert max(pauses[:11]) <= 0.05 and set(pauses[11:]) == {1}
    # Three times in twelve looks, and with each look after that.
    assert len(pauses) == 12 + 48 - 1


def test_a_server_that_nobody_ever_saw_ready_is_a_failed_start(agent):
    told: list[str] = []
    with pytest.raises(Failed, match="exited with code -9"):
        serve(agent(-9, again=True), told)
    assert told == []


def test_a_server_that_was_imported_ahead_and_fails_is_tried_once_as_ever(agent):
    told: list[str] = []
    made = agent(-11, None, 0, again=False)
    made.host.preloaded.told = True
    serve(made, told)
    assert (told, made.host.starts) == (["ready", "exited"], 1)
    made = agent(-11, 1, again=False)
    made.host.preloaded.told = True
    os.unlink(made.ready_note)
    with pytest.raises(Failed, match="exited with code 1"):
        serve(made, told)
    assert made.host.starts == 1


def test_jupyter_keeps_its_notes_of_the_token_in_memory(agent, monkeypatch):
    """It writes them to JUPYTER_RUNTIME_DIR, which would be in the home, on a disk."""
    started = []

    class Machine(Host):
        runtime_folder = "/run/of-this-server"

        def settle_in(self):
            """Nothing to do."""

        def numbers(self, account):
            return os.getuid(), os.getgid()

        def account(self, name, uid):
            return "/home/" + name

        def start(self, command, env, account, home):
            started.append(env)

    monkeypatch.setattr(main, "Watch", lambda *about: SimpleNamespace(over=Event()))
    made = agent(None, again=False)
    made.host = Machine(made.host.run_folder, 0)
    monkeypatch.setattr(made, "serve", lambda *about: None)
    idle = SimpleNamespace(over=Event())
    monkeypatch.setattr(made, "look_at_use", lambda orders: idle)
    made.obey(
        {
            **made.orders,
            "home_volume": "",
            "data_volumes": [],
            "goes_on": False,
            "setup_script": "",
            "server_path": [],
            "command": ["true"],
            "env": {"JUPYTERHUB_USER": "ada"},
        },
        lambda *step: None,
    )
    (env,) = started
    assert env["JUPYTER_RUNTIME_DIR"] == "/run/of-this-server"
    assert (env["HOME"], env["JUPYTERHUB_USER"]) == ("/home/jovyan", "ada")


@pytest.mark.parametrize("owner, wanted, number", [(1234, 0, 1234), (1234, 2000, 2000)])
def test_an_account_has_the_number_of_its_home_unless_the_admin_wants_another(
    agent, owner, wanted, number
):
    """The home is mounted before there is an account, or its number is not known."""
    done = []

    class Machine(Host):
        def home_owner(self, volume):
            done.append(("mount", volume))
            return owner

        def account(self, name, uid):
            done.append((name, uid))
            return "/home/" + name

        def move_in(self, volume, account, home, seed, tell):
            done.append(("move in", home))
            return home

    made = agent(again=False)
    made.host = Machine(made.host.run_folder)
    orders = {**made.orders, "home_volume": "vol-1", "home_seed": ""}
    made.house({**orders, "user_uid": wanted}, lambda *step: None)
    assert done == [("mount", "vol-1"), ("jovyan", number), ("move in", "/home/jovyan")]
