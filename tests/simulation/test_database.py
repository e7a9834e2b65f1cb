"""A database that cannot be written for a while: read-only, full, or locked.

As in ``scenarios.py`` nobody writes the moments down: it is so from our first commit
on, from the second, and so on until the whole is done before it is. What JupyterHub
does when its own commits fail is its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from ec2spawner.core.state import Phase
from ec2spawner.hub_side import SpawnerSide

from .scenarios import AWAKE, SETTINGS
from .virtual_hub import acting
from .virtual_world import saved

SECONDS = 25
ACTS = {
    "start": ("terminate", (), "start"),
    "resume": ("stop", ("start", "stop"), "start"),
    "end": ("terminate", ("start",), "stop"),
    "stop": ("stop", ("start",), "stop"),
    "machine lost": ("terminate", ("start",), "lose"),
    "delete": ("stop", ("start",), "delete"),
}


class ReadOnly:
    """A hub whose database becomes read-only in the midst of what it does."""

    def __init__(self, world, on_stop, only_ours=True, **settings):
        self.world = world
        self.hub = world.hub(**{**SETTINGS, **settings}, on_stop=on_stop)
        self.hub.start()
        self.hub.pass_time(2)
        self.hub.observer = self.look
        self.hub.only_ours = only_ours
        self.user = ""

    def look(self, what, sent):
        """Whatever is asked for that costs money is in the database."""
        states = [state for _, state in saved(self.hub).values()]
        known = [each.current.client_token for each in states if each.launch]
        if what == "RunInstances":
            assert sent["ClientToken"] in known
        if what == "StartInstances":
            waking = [s.current for s in states if s.current.phase is Phase.REQUESTED]
            assert sent["InstanceId.1"] in [launch.instance_id for launch in waking]

    def act(self, what):
        """Ask for something, whatever the Hub says to it."""
        path = f"/users/{self.user}"
        if what == "start":
            self.hub.call("POST", f"{path}/server")
        elif what == "lose":
            (machine,) = self.world.living(self.hub)
            self.world.lose(machine.id)
        else:
            self.hub.call("DELETE", f"{path}/server" if what == "stop" else path)

    def do(self, what):
        self.act(what)
        self.until(self.serves if what == "start" else self.is_off)
        self.hub.pass_time(10)

    def until(self, check):
        def so():
            assert sum(i.state in AWAKE for i in self.world.living(self.hub)) <= 1
            return check()

        self.hub.pass_until(so, 300)

    def serves(self):
        return self.user in self.hub.serving()

    def is_off(self):
        spawner = self.hub.spawners.get(self.user)
        return spawner is None or not (spawner.active or spawner.pending)

    def live_through(self, moment, before, act, dies=False):
        """
        :param dies: the Hub, with all that its database has refused
        :returns: whether there were so many commits
        """
        hub, self.user = self.hub, f"user-{moment}"
        hub.call("POST", f"/users/{self.user}")
        for each in before:
            self.do(each)
        hub.refuse_writes(moment, 4 * SECONDS if dies else SECONDS)
        self.act(act)
        if dies:
            if act == "lose":
                hub.pass_time(60)  # until it is noticed
            happened = hub.commits_left is None
            hub.kill()
            hub.take_writes()
            hub.start()
            hub.check_routes()
        self.until(lambda: hub.world.time.now > hub.read_only_until)
        hub.pass_time(100)
        if not dies:
            happened, hub.commits_left = hub.commits_left is None, None
        self.until(lambda: self.serves() or self.is_off())
        # The next clicks work, in the same Hub.
        hub.call("POST", f"/users/{self.user}")
        if not self.serves():
            self.do("start")
        self.do("stop")
        self.do("delete")
        self.until(lambda: not self.world.living(hub))
        return happened


@pytest.fixture(autouse=True)
def known_as_ours(monkeypatch):
    """Tells the Hub which writes are ours."""
    writing = SpawnerSide.writing

    @contextmanager
    def ours(side):
        with writing(side):
            hub, acting.hub.ours = acting.hub, True
            try:
                yield
                side.db.flush()
            finally:
                hub.ours = False

    monkeypatch.setattr(SpawnerSide, "writing", ours)


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTS)
def test_whenever_the_database_becomes_read_only_all_goes_on_when_it_is_not(
    world, name
):
    on_stop, before, act = ACTS[name]
    hub = ReadOnly(world, on_stop)
    moment = 0
    while hub.live_through(moment, before, act):
        moment += 1
    assert moment >= 2
    assert not world.disks.wrongs


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTS)
def test_a_hub_that_dies_with_what_its_database_has_refused_makes_up_for_all_of_it(
    world, name
):
    on_stop, before, act = ACTS[name]
    hub = ReadOnly(world, on_stop)
    moment = 0
    while hub.live_through(moment, before, act, dies=True):
        moment += 1
    assert moment >= 2
    assert not world.disks.wrongs


@pytest.mark.parametrize("moment", [0, 2])
def test_a_start_whose_state_cannot_be_saved_asks_for_no_machine(world, moment):
    assert ReadOnly(world, "terminate").live_through(moment, (), "start")


@pytest.mark.parametrize("act", ["stop", "lose"])
def test_a_server_whose_end_jupyterhub_could_not_save_ends_when_it_can(world, act):
    read_only = ReadOnly(world, "terminate", only_ours=False)
    hub, read_only.user = read_only.hub, "alice"
    hub.call("POST", "/users/alice")
    read_only.do("start")
    hub.refuse_writes(0, 60)
    read_only.act(act)
    read_only.until(lambda: not world.living(hub))
    hub.pass_time(120)
    read_only.until(read_only.is_off)
    read_only.do("start")
    read_only.do("stop")


STOPS = ("machine lost", "stop", pytest.param("end", marks=pytest.mark.slow))


@pytest.mark.parametrize("name", STOPS)
def test_no_token_outlives_its_server_when_the_hub_dies_with_what_was_refused(
    world, name
):
    on_stop, before, act = ACTS[name]
    read_only = ReadOnly(world, on_stop)
    hub = read_only.hub
    for moment in range(4):
        read_only.user = f"user-{moment}"
        hub.call("POST", f"/users/{read_only.user}")
        for each in before:
            read_only.do(each)
        (token,) = [m.token for m in hub.machines if m.serving]
        assert hub.call("GET", "/user", token=token)[0] == 200
        hub.refuse_writes(moment, SECONDS)
        read_only.act(act)
        # JupyterHub could save that it is over, and we could not.
        read_only.until(read_only.is_off)
        hub.kill()
        hub.take_writes()
        hub.start()
        hub.pass_time(100)
        assert hub.call("GET", "/user", token=token)[0] == 403
        read_only.do("delete")
        read_only.until(lambda: not world.living(hub))


# Before ours, among ours, and JupyterHub's own last one.
SOME = (3, 7, 11)
MOMENTS = [
    m if m in SOME else pytest.param(m, marks=pytest.mark.slow) for m in range(13)
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_start_that_jupyterhub_could_not_save_may_be_tried_again_when_it_can(
    world, moment
):
    read_only = ReadOnly(world, "terminate", only_ours=False)
    hub, read_only.user = read_only.hub, "alice"
    hub.call("POST", "/users/alice")
    hub.refuse_writes(moment, SECONDS)
    read_only.act("start")
    hub.pass_time(120)
    assert hub.commits_left is None
    hub.check_routes()
    if not read_only.serves():
        read_only.do("start")
    read_only.do("stop")
    read_only.until(lambda: not world.living(hub))


@pytest.mark.parametrize("moment", [0, 1])
def test_a_hub_that_could_not_save_what_it_found_at_its_start_serves_it_when_it_can(
    world, moment
):
    read_only = ReadOnly(world, "terminate", only_ours=False)
    hub, read_only.user = read_only.hub, "alice"
    world.cloud.settings = replace(world.cloud.settings, pending_seconds=3.0)
    hub.call("POST", "/users/alice")
    read_only.act("start")
    hub.kill()
    hub.refuse_writes(moment, 5)
    hub.start()
    hub.pass_time(60)
    # The server's address, which JupyterHub learns when the machine has booted.
    assert hub.commits_left is None and hub.spawners["alice"].pending == "check"
    read_only.until(read_only.serves)
    read_only.do("stop")


def test_a_server_that_ends_while_its_check_is_not_saved_is_stopped_when_it_can(world):
    read_only = ReadOnly(world, "terminate", only_ours=False)
    hub, read_only.user = read_only.hub, "alice"
    world.cloud.settings = replace(world.cloud.settings, pending_seconds=3.0)
    hub.call("POST", "/users/alice")
    read_only.act("start")
    hub.kill()
    hub.refuse_writes(0, 5)
    hub.start()
    hub.pass_time(60)
    assert hub.spawners["alice"].pending == "check"
    read_only.act("lose")
    read_only.until(read_only.is_off)
    assert not world.living(hub)


@pytest.mark.parametrize("call", ["CreateVolume", "AttachVolume"])
def test_a_machine_whose_orders_cannot_be_saved_waits_and_serves_when_they_can(
    world, call
):
    read_only = ReadOnly(world, "terminate", only_ours=False, home="user")
    hub, read_only.user = read_only.hub, "alice"
    hub.call("POST", "/users/alice")
    refused = []

    def refuse_after_it(what, sent):
        read_only.look(what, sent)
        if what == call and not refused:
            refused.append(what)
            hub.refuse_writes(0, 15)

    hub.observer = refuse_after_it
    read_only.do("start")
    assert refused and hub.commits_left is None
    assert len(hub.machines) == 1
    hub.observer = read_only.look
    read_only.do("stop")


@pytest.mark.parametrize("on_stop", ["stop", "terminate"])
def test_a_machine_that_gives_up_on_a_hub_that_cannot_save_its_orders_is_not_forgotten(
    world, on_stop
):
    read_only = ReadOnly(world, on_stop, only_ours=False, home="user")
    hub, read_only.user = read_only.hub, "alice"
    hub.call("POST", "/users/alice")
    hub.steps_left, hub.deadly = 0, "before CreateVolume"
    read_only.act("start")
    hub.pass_time(5)
    assert not hub.alive
    hub.refuse_writes(0, 200)
    hub.start()
    read_only.until(lambda: hub.read_only_until)
    read_only.until(lambda: world.time.now > hub.read_only_until)
    read_only.until(read_only.is_off)
    machines = {i.id for i in world.living(hub)}
    stopped = [state.stopped for _, state in saved(hub).values()]
    assert machines <= {each.instance_id for each in stopped if each}
    read_only.do("start")
    read_only.do("stop")


def test_a_machine_that_was_never_asked_for_holds_no_stop_that_is_not_saved(world):
    read_only = ReadOnly(world, "terminate", only_ours=False)
    hub, read_only.user = read_only.hub, "alice"
    hub.call("POST", "/users/alice")
    hub.steps_left, hub.deadly = 0, "before RunInstances"
    read_only.act("start")
    hub.pass_time(5)
    assert not hub.alive
    hub.refuse_writes(0, 60)
    hub.start()
    read_only.until(lambda: hub.spawners["alice"].pending == "stop")
    read_only.until(read_only.is_off)
    assert hub.commits_left is None
    read_only.do("start")
    read_only.do("stop")


def test_a_token_dies_also_when_jupyterhub_could_not_save_the_very_end_of_a_stop(world):
    read_only = ReadOnly(world, "terminate", only_ours=False)
    hub = read_only.hub
    for moment in range(6):
        read_only.user = f"user-{moment}"
        hub.call("POST", f"/users/{read_only.user}")
        read_only.do("start")
        (token,) = [m.token for m in hub.machines if m.serving]
        hub.refuse_writes(moment, SECONDS)
        read_only.act("stop")
        read_only.until(read_only.is_off)
        hub.pass_time(200)
        assert hub.call("GET", "/user", token=token)[0] == 403
        hub.commits_left = None


# What we write of the home, one row after the other, and the end of the rows.
GOING = {"user": 3, "server": 2}
GO = [
    pytest.param(whose, m, marks=[] if m == most - 2 else pytest.mark.slow)
    for whose, most in GOING.items()
    for m in range(most)
]


@pytest.mark.parametrize("whose, moment", GO)
def test_a_home_that_goes_is_in_no_row_that_the_database_does_not_delete(
    world, whose, moment
):
    settings = {"home": whose, "home_on_delete": "delete"}
    read_only = ReadOnly(world, "terminate", only_ours=False, **settings)
    hub, alice = read_only.hub, "/users/alice"
    servers = [f"{alice}/server", f"{alice}/servers/lab"]

    def each_serves():
        for server in reversed(servers):
            assert hub.call("POST", server)[0] == 201
            assert hub.call("DELETE", server)[0] == 204
            hub.pass_time(5)

    hub.call("POST", alice)
    each_serves()
    hub.refuse_writes(moment, SECONDS)
    what, how = (alice, None) if whose == "user" else (servers[1], {"remove": True})
    assert hub.call("DELETE", what, how)[0] >= 400
    hub.pass_time(100)
    gone = len(world.homes(hub)) < len(servers) - (whose == "user")
    assert gone == (moment == GOING[whose] - 1)
    if gone:
        world.disks.may_go |= {f"{hub.hub_id}/alice", f"{hub.hub_id}/alice/lab"}
    each_serves()
    assert not world.disks.wrongs
