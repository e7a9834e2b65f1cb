"""Machines whose agent says nothing any more, while EC2 says that they run."""

from __future__ import annotations

import pytest

from .scenarios import OVER_HOURS
from .test_floods import lines_of
from .virtual_world import saved

HOUR = 3600


@pytest.fixture
def make(world):
    """Makes a hub with alice, who has a server."""

    def make(**settings):
        hub = world.hub(**{**OVER_HOURS, "home": "none"}, **settings)
        hub.start()
        hub.call("POST", "/users/alice")
        hub.pass_time(2)
        assert hub.call("POST", "/users/alice/server")[0] in (201, 202)
        hub.pass_until(lambda: hub.serving(), 100)
        return hub, world.machine(hub.serving()["alice"])

    return make


def state(hub):
    return saved(hub)["alice", ""][1]


def told(hub):
    return [n for n in hub.spawners["alice"].notices() if "has not reported" in n]


def test_an_agent_that_says_nothing_is_told_once_until_it_speaks_again(make):
    hub, machine = make()
    lines = lines_of(hub.spawners["alice"].log)
    hub.pass_time(HOUR)
    assert not told(hub) and not state(hub).current.silent_since
    machine.mute = True
    hub.steps.clear()
    hub.pass_time(HOUR)
    assert len(told(hub)) == 1 and state(hub).current.silent_since
    assert hub.steps.count("commit") == 1
    (line,) = [line for line in lines if "has said nothing" in line]
    assert machine.instance.id in line
    assert hub.serving() == {"alice": machine.instance.id}
    machine.mute = False
    hub.pass_time(400)
    assert not told(hub) and not state(hub).current.silent_since


@pytest.mark.parametrize("restarted", [False, True])
def test_a_machine_without_an_agent_ends_after_its_lifetime_all_the_same(
    make, restarted
):
    hub, machine = make(max_lifetime=HOUR)
    machine.mute = True
    hub.pass_time(HOUR - 100)
    assert hub.serving() == {"alice": machine.instance.id}
    if restarted:
        hub.kill()
        hub.start()
    hub.pass_time(600)
    assert not hub.world.living(hub)
    assert "as long as it may" in state(hub).last_end
