"""Machines at rest: what EC2 may say or leave open, and what others do to them."""

from __future__ import annotations

import pytest

from ec2spawner.core.state import Phase

from .scenarios import NO_CAPACITY, SETTINGS
from .virtual_world import ELSEWHERE, saved

AT_REST = {**SETTINGS, "home": "none", "on_stop": "stop"}


@pytest.fixture
def make_hub(hubs_with):
    """Makes hubs whose machines rest, and alice, who has no server yet."""
    return hubs_with(AT_REST)


def start(hub, server="/server"):
    """:returns: the machine, once alice's server is ready on it"""
    assert hub.call("POST", f"/users/alice{server}")[0] in (201, 202)
    name = server.removeprefix("/server").removeprefix("s/")

    def ready():
        launch = saved(hub)["alice", name][1].current
        return launch.phase is Phase.READY and launch.instance_id

    hub.pass_until(ready, 300)
    return ready()


def stop(hub, server="/server"):
    assert hub.call("DELETE", f"/users/alice{server}")[0] in (202, 204)


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


PATIENT = {"start_timeout": 600, "claim_timeout": 120}
UNAVAILABLE = {"error": ("Unavailable", 503)}
PASSES = {
    "no right to start it": ("StartInstances", ("UnauthorizedOperation", 403), None),
    "EC2 finds it in another state": (
        "StartInstances",
        ("IncorrectInstanceState", 400),
        None,
    ),
    "EC2 does not start it": ("StartInstances", ("InternalError", 500), None),
    "starts are limited for long": (
        "StartInstances",
        ("RequestLimitExceeded", 503),
        None,
    ),
    "starts are limited": ("StartInstances", ("RequestLimitExceeded", 503), 3),
    "credentials expire": ("StartInstances", ("ExpiredToken", 400), 1),
    "EC2 lists nothing": ("DescribeInstances", ("Unavailable", 503), None),
    "changes are limited": (
        "ModifyInstanceAttribute",
        ("RequestLimitExceeded", 503),
        1,
    ),
    "a change fails": ("ModifyInstanceAttribute", ("InternalError", 500), 1),
    "no right to change it": (
        "ModifyInstanceAttribute",
        ("UnauthorizedOperation", 403),
        None,
    ),
}


def asked_for(hub, action):
    return f"before {action}" in hub.steps


def click(hub):
    """Start, whatever comes of it: what the user has read if it fails at once."""
    answer = hub.call("POST", "/users/alice/server")[1]
    hub.pass_until(lambda: "alice" in hub.serving() or is_off(hub), 700)
    return (answer or {}).get("message", "")


def is_off(hub):
    spawner = hub.spawners["alice"]
    return not (spawner.active or spawner.pending)


def told(hub):
    """The last thing a user reads of a start that has failed."""
    future = hub.spawners["alice"]._spawn_future
    error = future.exception() if future and future.done() else None
    return getattr(error, "jupyterhub_message", "")


@pytest.mark.parametrize("trouble", PASSES)
def test_trouble_that_passes_costs_no_stopped_machine(world, make_hub, trouble):
    hub = make_hub(**PATIENT)
    machine = rest(world, hub)
    action, error, times = PASSES[trouble]
    world.fault(action, error=error, times=times)
    click(hub)
    assert [id for id, _ in living(world, hub)] == [machine]
    if times and "ExpiredToken" not in error:
        assert hub.serving()["alice"] == machine
    elif times is None:
        assert not hub.serving() and machine in told(hub)
        assert "is kept" in told(hub).replace("It is kept", "it is kept")
    world.cloud.faults.clear()
    if not hub.serving():
        hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 60)
        assert start(hub) == machine
    assert not asked_for(hub, "TerminateInstances")
    assert not asked_for(hub, "RunInstances")


def test_who_wakes_a_machine_waits_for_no_listing(world, make_hub):
    """With thousands of machines it would take seconds."""
    hub = make_hub()
    machine = rest(world, hub)
    world.cloud.log.clear()
    assert start(hub) == machine
    calls = [(each["action"], each["params"]) for each in world.cloud.log.since()]
    actions = [action for action, _ in calls]
    before = calls[: actions.index("StartInstances")]
    looks = [params for action, params in before if action == "DescribeInstances"]
    assert looks and all("InstanceId.1" in params for params in looks)


def test_a_stopped_machine_that_a_listing_omits_is_woken(world, make_hub):
    hub = make_hub(**PATIENT)
    machine = rest(world, hub)
    settings = world.cloud.settings
    world.cloud.settings = settings.changed({"pending_seconds": 30.0})
    tag = {"ec2spawner:hub": hub.hub_id}
    world.cloud.backend.delete_tags([machine], tag)
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: asked_for(hub, "StartInstances"), 60)
    world.cloud.backend.create_tags([machine], tag)
    hub.pass_until(lambda: "alice" in hub.serving(), 60)
    assert hub.serving()["alice"] == machine
    assert not asked_for(hub, "RunInstances")


def test_a_stopped_machine_that_ec2_knows_no_more_is_replaced(world, make_hub):
    hub = make_hub(**PATIENT)
    machine = rest(world, hub)
    instance = world.cloud.instance(machine)
    world.cloud.lifecycle.terminate(instance)
    hub.pass_time(10)
    world.cloud.forget(instance)
    fresh = start(hub)
    assert fresh != machine and living(world, hub) == [(fresh, "running")]


def test_a_machine_that_cannot_be_woken_stays_until_its_successor_serves(
    world, make_hub
):
    hub = make_hub(home="user", start_timeout=600, claim_timeout=400)
    machine = rest(world, hub)
    world.fault("StartInstances", **NO_CAPACITY)
    world.silent = True
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: len(world.living(hub)) == 2, 60)
    hub.pass_time(3 * AT_REST["sweep_interval"] + AT_REST["sweep_grace"])
    assert (machine, "stopped") in living(world, hub)
    assert not saved(hub)["alice", ""][1].doomed
    world.silent = False
    hub.kill()
    hub.start()
    hub.pass_until(lambda: "alice" in hub.serving(), 100)
    fresh = hub.serving()["alice"]
    assert fresh != machine
    hub.pass_until(lambda: living(world, hub) == [(fresh, "running")], 100)


def test_a_machine_that_may_have_woken_up_unheard_is_kept_and_not_replaced(
    world, make_hub
):
    hub = make_hub()
    machine = rest(world, hub)
    world.fault("StartInstances", error=("InternalError", 500), times=1)
    world.fault("StartInstances", **NO_CAPACITY)
    click(hub)
    assert machine in told(hub) and not asked_for(hub, "RunInstances")
    hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 60)
    world.cloud.faults.clear()
    assert start(hub) == machine


def test_a_successor_that_fails_leaves_the_stopped_machine_for_the_next_click(
    world, make_hub
):
    """Also the home, which the successor may have had already."""
    hub = make_hub(home="user")
    machine = rest(world, hub)
    world.fault("StartInstances", **NO_CAPACITY)
    world.silent = True
    click(hub)
    hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 100)
    world.silent = False
    world.cloud.faults.clear()
    assert start(hub) == machine
    assert not world.disks.wrongs


def test_a_machine_whose_server_does_not_come_is_woken_twice_and_then_replaced(
    world, make_hub
):
    hub = make_hub()
    machine = rest(world, hub)
    world.silent = True
    for _ in range(2):
        click(hub)
        assert not hub.serving()
        hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 60)
    world.silent = False
    fresh = start(hub)
    assert fresh != machine
    hub.pass_until(lambda: living(world, hub) == [(fresh, "running")], 100)


def test_a_machine_whose_server_did_not_come_once_is_kept_when_it_comes_again(
    world, make_hub
):
    hub = make_hub()
    machine = rest(world, hub)
    for _ in range(3):
        world.silent = True
        click(hub)
        assert not hub.serving()
        hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 60)
        world.silent = False
        assert start(hub) == machine
        stop(hub)
        hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 60)


def test_a_wake_up_that_ec2_takes_back_is_noticed_at_once(world, make_hub):
    hub = make_hub()
    machine = rest(world, hub)
    world.fault("StartInstances", state_reason=("Client.InternalError", "the key"))
    began = world.time.now
    click(hub)
    assert world.time.now - began < 30
    assert "was stopped while it was starting" in told(hub)
    hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 20)
    world.cloud.faults.clear()
    assert start(hub) == machine


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


def test_a_machine_that_is_stopped_in_another_region_is_not_woken(world, make_hub):
    hub = make_hub()
    machine = rest(world, hub)
    hub.kill()
    hub.settings |= world.settings_in(ELSEWHERE)
    hub.start()
    assert start(hub) != machine
    assert "before StartInstances" not in hub.steps
    hub.pass_until(lambda: machine not in dict(living(world, hub)), 60)


def test_a_machine_that_is_stopped_in_another_zone_than_the_home_is_not_woken(
    world, make_hub
):
    hub = make_hub(home="user", home_may_move=True)
    machine = rest(world, hub)
    (zone,) = {home.availability_zone for (home,) in world.homes(hub).values()}
    # Another server of hers takes the home to another zone.
    settings = world.cloud.settings
    world.cloud.settings = settings.changed({"capacity": {f"*/{zone}": 0}})
    other = start(hub, "/servers/other")
    stop(hub, "/servers/other")
    hub.pass_until(lambda: dict(living(world, hub)).get(other) == "stopped", 60)
    world.cloud.settings = settings
    hub.steps.clear()
    fresh = start(hub)
    assert fresh not in (machine, other)
    assert "before StartInstances" not in hub.steps
    assert "before CreateSnapshot" not in hub.steps  # the home is where it was
    hub.pass_until(lambda: machine not in dict(living(world, hub)), 60)


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


def test_who_wakes_a_server_that_had_ended_is_told_and_the_next_try_serves(
    world, make_hub
):
    hub = make_hub(on_stop="hibernate", root_volume_size=20)
    settings = world.cloud.settings
    world.cloud.settings = settings.changed({"hibernation_ready_seconds": 0})
    machine = start(hub)
    # It is asleep before it can say so.
    world.machine(machine).crash_server()
    stop(hub)
    hub.pass_until(lambda: living(world, hub) == [(machine, "stopped")], 60)
    status, answer = hub.call("POST", "/users/alice/server")
    assert status == 503
    assert "the server ended with code 1. Try again" in answer["message"]
    assert start(hub) == machine
    assert machine in hub.serving().values()
