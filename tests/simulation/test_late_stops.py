"""StopInstances that reaches EC2 so late that its machine is being woken by then."""

from __future__ import annotations

import pytest

from .order_of_events import Events
from .scenarios import SETTINGS
from .virtual_world import saved

AT_REST = {**SETTINGS, "home": "user", "on_stop": "stop", "start_timeout": 200}
#: from when the first StopInstances is sent; the second one is answered after 15
LATE_SECONDS = 40.0


@pytest.fixture
def hub(hubs_with, world):
    """One with alice, whose stop has just been sent twice, and bob, who works."""
    hub = hubs_with(AT_REST, "bob")()
    for user in ("alice", "bob"):
        hub.call("POST", f"/users/{user}/server")
        hub.pass_until(lambda: user in hub.serving(), 60)
    return hub


def stop_in_doubt(hub, times=1):
    """:returns: alice's machine, when it is stopped"""
    machine = hub.serving()["alice"]
    hub.world.fault("StopInstances", delay=LATE_SECONDS, times=times)
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: state_of(hub, machine) == "stopped", 60)
    return machine


def state_of(hub, machine):
    return hub.world.cloud.instance(machine).state


def start_just_before(hub, sent_at):
    """Start alice's server so that its machine boots when the late stop arrives."""
    hub.pass_time(sent_at + LATE_SECONDS - 3 - hub.world.time.now)
    assert hub.call("POST", "/users/alice/server")[0] in (201, 202)


def test_a_start_whose_machine_an_old_stop_has_stopped_wakes_it_again(world, hub):
    events, bobs = Events(hub), hub.serving()["bob"]
    machine = stop_in_doubt(hub)
    sent_at = events.of("StopInstances")[0].at
    start_just_before(hub, sent_at)
    hub.pass_until(lambda: "alice" in hub.serving(), 60)
    assert hub.serving() == {"alice": machine, "bob": bobs}
    assert len(events.of("StopInstances")) == 2
    first, again = events.of("StartInstances")
    assert first.at < sent_at + LATE_SECONDS < again.at
    assert not events.of("RunInstances")
    # So a Hub that is killed at this moment finds it.
    assert again.state.current.instance_id == machine
    assert not saved(hub)["alice", ""][1].last_end and not world.disks.wrongs


def test_it_is_not_woken_without_end_and_kept(world, hub):
    machine = stop_in_doubt(hub)
    wakes = []

    def observe(what, sent):
        if what == "StartInstances":
            wakes.append(sent)
            world.events.later(1.5, stop, world.cloud.instance(machine))

    stop = world.cloud.lifecycle.stop
    hub.observer = observe
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: not hub.spawners["alice"].pending, 200)
    assert len(wakes) == 3 and "alice" not in hub.serving()
    hub.observer = None
    hub.pass_time(30)
    assert state_of(hub, machine) == "stopped"
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: hub.serving().get("alice") == machine, 60)


def test_what_somebody_else_has_stopped_is_not_woken_again(world, hub):
    """No stop of ours is without an answer: an admin has stopped it."""
    machine = hub.serving()["alice"]
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: state_of(hub, machine) == "stopped", 60)
    hub.pass_time(10)
    events = Events(hub)
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: state_of(hub, machine) == "running", 20)
    world.cloud.lifecycle.stop(world.cloud.instance(machine))
    hub.pass_until(lambda: not hub.spawners["alice"].pending, 60)
    assert len(events.of("StartInstances")) == 1
    hub.pass_time(10)
    assert state_of(hub, machine) == "stopped"


@pytest.mark.parametrize("times", [1, 3])
def test_a_machine_that_was_shutting_down_when_it_was_put_to_sleep_is_woken_once_more(
    world, hubs_with, times
):
    hub = hubs_with({**AT_REST, "on_stop": "hibernate", "root_volume_size": 20})()
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: "alice" in hub.serving(), 60)
    machine = hub.serving()["alice"]
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: state_of(hub, machine) == "stopped", 60)
    events, wakes = Events(hub), []
    watched = hub.observer

    def observe(what, sent):
        watched(what, sent)
        if what == "StartInstances":
            wakes.append(sent)
            if len(wakes) <= times:
                # It goes on with that as soon as it is awake.
                world.events.later(1.5, lambda: world.machine(machine).power_off())

    hub.observer = observe
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: not hub.spawners["alice"].pending, 200)
    assert len(wakes) == 2 and not events.of("RunInstances")
    assert hub.serving() == ({"alice": machine} if times == 1 else {})
    hub.observer = None
    hub.pass_time(30)
    # It is kept, and the next click wakes it.
    if times > 1:
        assert state_of(hub, machine) == "stopped"
        hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: hub.serving().get("alice") == machine, 60)


BY_NIGHT = pytest.param("stop", marks=pytest.mark.slow)


@pytest.mark.parametrize("on_stop", ["terminate", BY_NIGHT])
def test_an_end_that_comes_late_is_in_the_row_though_the_hub_has_a_new_spawner(
    world, hubs_with, on_stop
):
    hub = hubs_with({**AT_REST, "on_stop": on_stop})()
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: "alice" in hub.serving(), 60)
    (machine,) = hub.serving().values()
    world.fault("TerminateInstances", error=("InternalError", 500))
    world.fault("StopInstances", error=("InternalError", 500))
    before = hub.spawners["alice"]
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: not (before.active or before.pending), 60)
    assert state_of(hub, machine) == "running"
    assert hub.call("DELETE", "/users/alice/server")[0] == 204
    assert hub.spawners["alice"] is not before
    world.clear_faults()
    hub.pass_time(100)
    assert state_of(hub, machine) in ("stopped", "terminated")
    state = saved(hub)["alice", ""][1]
    assert not state.doomed and (state.stopped is None or state.stopped.certain)
    assert hub.spawners["alice"].state == state
