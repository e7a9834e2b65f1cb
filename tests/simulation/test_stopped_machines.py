"""Machines at rest: what EC2 may say or leave open, and what others do to them."""

from __future__ import annotations

import pytest

from .scenarios import SETTINGS

AT_REST = {**SETTINGS, "home": "none", "on_stop": "stop"}


@pytest.fixture
def make_hub(world):
    """Makes hubs whose machines rest, and alice, who has no server yet."""

    def make(**settings):
        hub = world.hub(**AT_REST, **settings)
        hub.start()
        hub.call("POST", "/users/alice")
        hub.pass_time(2)
        return hub

    return make


def start(hub):
    assert hub.call("POST", "/users/alice/server")[0] in (201, 202)
    hub.pass_until(lambda: "alice" in hub.serving(), 100)
    return hub.serving()["alice"]


def stop(hub):
    assert hub.call("DELETE", "/users/alice/server")[0] in (202, 204)


def living(world, hub):
    return [(machine.id, machine.state) for machine in world.living(hub)]


def rest(world, hub):
    """Let alice's machine go to its rest: its id."""
    machine = start(hub)
    stop(hub)
    hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 60)
    hub.steps.clear()
    return machine


def test_a_stop_that_ec2_cannot_do_just_now_ends_no_machine(world, make_hub):
    hub = make_hub()
    machine = start(hub)
    world.fault("StopInstances", error=("Unavailable", 503))
    stop(hub)
    hub.pass_time(2 * AT_REST["stop_timeout"])
    assert living(world, hub) == [(machine, "running")]
    world.cloud.faults.clear()
    hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 60)
    assert "before TerminateInstances" not in hub.steps
    assert start(hub) == machine


def test_a_machine_that_cannot_rest_is_ended(world, make_hub):
    hub = make_hub()
    start(hub)
    world.fault("StopInstances", error=("UnsupportedOperation", 400))
    stop(hub)
    hub.pass_until(lambda: not world.living(hub), 60)


def test_a_machine_that_may_or_may_not_wake_up_and_does_not_is_replaced(
    world, make_hub
):
    hub = make_hub()
    machine = rest(world, hub)
    world.fault("StartInstances", error=("InternalError", 500))
    fresh = start(hub)
    assert fresh != machine
    hub.pass_until(lambda: living(world, hub) == [(fresh, "running")], 60)


def test_a_machine_that_wakes_up_unheard_is_not_replaced(world, make_hub):
    hub = make_hub()
    machine = rest(world, hub)
    world.fault("StartInstances", lose_answer=True)
    assert start(hub) == machine
    assert living(world, hub) == [(machine, "running")]


def test_a_machine_that_somebody_else_has_started_is_stopped_before_it_is_woken(
    world, make_hub
):
    """Of a machine that runs the user-data cannot be changed, nor would it be read."""
    hub = make_hub()
    machine = rest(world, hub)
    world.cloud.lifecycle.start(world.cloud.instance(machine))
    assert start(hub) == machine
    changes = ("StopInstances", "ModifyInstanceAttribute", "StartInstances")
    calls = [step.split()[1] for step in hub.steps if step.startswith("before ")]
    assert [c for c in dict.fromkeys(calls) if c in changes] == list(changes)
    assert "RunInstances" not in calls


def test_a_machine_that_is_woken_counts_once_for_its_user(world, make_hub):
    hub = make_hub(max_machines_per_user=2)
    rest(world, hub)
    start(hub)
    assert hub.call("POST", "/users/alice/servers/two")[0] in (201, 202)
    hub.pass_until(lambda: len(world.living(hub)) == 2, 60)
    status, answer = hub.call("POST", "/users/alice/servers/three")
    assert (status, "You have 2 machines" in answer["message"]) == (429, True)


def test_what_has_rested_for_too_long_is_ended_without_a_click(world, make_hub):
    hub = make_hub(stopped_ttl=120)
    machine = rest(world, hub)
    hub.pass_time(60)
    assert living(world, hub) == [(machine, "stopped")]
    hub.pass_until(lambda: not world.living(hub), 120)
    assert start(hub) != machine
