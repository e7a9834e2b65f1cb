"""Machines that are ready before anybody asks: whose they are, whatever happens."""

from __future__ import annotations

import pytest

from .scenarios import SETTINGS
from .virtual_world import saved, tags_of

READY = {**SETTINGS, "home": "none", "ready_machines": [{"profile": "small"}]}
SMALL = {"user_options": {"profile": "small"}}
LARGE = {"user_options": {"profile": "large"}}


@pytest.fixture
def make_hub(hubs_with):
    return hubs_with(READY, "bob")


def waiting(world, hub):
    """The machines that wait, and would have their orders at once."""
    members = hub.runtime.ready.members if hub.alive else ()
    living = {i.id for i in world.living(hub)}
    found = [m.launch.instance_id for m in members if m.listens]
    return [id for id in found if id in living]


def filled(world, hub, count=1):
    hub.pass_until(lambda: len(waiting(world, hub)) == count, 60)
    return waiting(world, hub)


def start(hub, user, options=SMALL):
    hub.call("POST", f"/users/{user}/server", options)


def test_who_asks_for_what_is_ready_has_it_without_a_launch(world, make_hub):
    hub = make_hub()
    (ready,) = filled(world, hub)
    before = tags_of(world.cloud.instance(ready))
    assert before["Name"] == "ec2spawner-ready" and before["ec2spawner:ready"]
    assert not {"ec2spawner:server", "ec2spawner:owner"} & before.keys()
    # Of another choice none is ready: that is launched.
    start(hub, "bob", LARGE)
    hub.pass_until(lambda: "bob" in hub.serving(), 60)
    assert waiting(world, hub) == [ready]
    hub.call("DELETE", "/users/bob/server")
    # No call to EC2 is on its way.
    for action in ("RunInstances", "DescribeInstances", "CreateTags"):
        world.fault(action, error=("Unavailable", 503))
    start(hub, "alice")
    hub.pass_until(lambda: hub.serving() == {"alice": ready}, 8)
    # Another takes its place.
    world.clear_faults()
    (other,) = filled(world, hub)
    assert other != ready and len(world.living(hub)) == 2
    # Its tags have come meanwhile.
    after = tags_of(world.cloud.instance(ready))
    state = saved(hub)["alice", ""][1]
    assert after["ec2spawner:server"] == state.server_id
    assert after["ec2spawner:ready"].startswith("given ")
    assert after["ec2spawner:lease"] and after["ec2spawner:launch"] == state.launch.id


@pytest.mark.slow
def test_two_who_ask_at_once_have_a_machine_each(world, make_hub):
    hub = make_hub()
    (ready,) = filled(world, hub)
    start(hub, "alice")
    start(hub, "bob")
    hub.pass_until(lambda: len(hub.serving()) == 2, 60)
    found = hub.serving()
    assert ready in found.values() and len(set(found.values())) == 2


def test_a_machine_that_waits_ends_itself_when_there_is_no_hub(world, make_hub):
    hub = make_hub()
    (ready,) = filled(world, hub)
    machine = world.machine(ready)

    async def nobody_answers(*args, **kwargs):
        return 503, ""

    hub.request = nobody_answers
    hub.pass_until(lambda: not machine.on, READY["claim_timeout"] + 20)
    reason = world.cloud.instance(ready).state_reason
    assert "InstanceInitiatedShutdown" in str(vars(reason)), vars(reason)


@pytest.mark.slow
def test_a_hub_that_is_back_finds_its_machines_and_gives_them_away(world, make_hub):
    hub = make_hub()
    (ready,) = filled(world, hub)
    hub.kill()
    hub.pass_time(20)
    hub.start()
    assert filled(world, hub) == [ready]
    start(hub, "alice")
    hub.pass_until(lambda: hub.serving() == {"alice": ready}, 20)


def test_a_machine_of_other_settings_is_replaced(world, make_hub):
    hub = make_hub()
    (ready,) = filled(world, hub)
    hub.kill()
    hub.settings["root_volume_size"] = 40
    hub.start()
    hub.pass_until(lambda: ready not in {i.id for i in world.living(hub)}, 60)
    (other,) = filled(world, hub)
    assert other != ready


@pytest.mark.slow
def test_sweeps_leave_alone_what_is_ready_and_its_lease_goes_on(world, make_hub):
    hub = make_hub(hub_silence_limit=200)
    (ready,) = filled(world, hub)
    first = tags_of(world.cloud.instance(ready))["ec2spawner:lease"]
    hub.pass_time(400)
    assert waiting(world, hub) == [ready]
    assert tags_of(world.cloud.instance(ready))["ec2spawner:lease"] > first


@pytest.mark.slow
def test_a_machine_that_has_died_in_the_pool_is_replaced(world, make_hub):
    hub = make_hub()
    (ready,) = filled(world, hub)
    world.lose(ready)
    hub.pass_until(lambda: waiting(world, hub) not in ([], [ready]), 90)


@pytest.mark.slow
def test_a_machine_that_hangs_is_given_to_nobody(world, make_hub):
    hub = make_hub()
    (ready,) = filled(world, hub)
    world.machine(ready).on = False  # EC2 does not know
    hub.pass_time(15)
    start(hub, "alice")
    hub.pass_until(lambda: "alice" in hub.serving(), 30)
    assert hub.serving()["alice"] != ready


def test_one_that_dies_as_it_is_given_costs_a_wait_and_no_start(world, make_hub):
    hub = make_hub()
    (ready,) = filled(world, hub)
    (member,) = hub.runtime.ready.members
    world.machine(ready).on = False
    while member._held:
        hub.pass_time(0.2)
    assert member.listens, "so it is taken for one that lives"
    start(hub, "alice")
    assert saved(hub)["alice", ""][1].launch.instance_id == ready
    hub.pass_until(lambda: "alice" in hub.serving(), 120)
    assert hub.serving()["alice"] != ready
    hub.pass_until(lambda: ready not in {i.id for i in world.living(hub)}, 60)


def killed_at(world, make_hub, moment):
    """A Hub with a ready machine dies at a step of two starts; then it is back."""
    hub = make_hub()
    filled(world, hub)
    hub.steps_left = moment
    for user in ("alice", "bob"):
        if hub.alive:
            start(hub, user)
    if hub.alive:
        hub.pass_time(6)
    died, hub.steps_left = not hub.alive, None
    if died:
        hub.pass_time(2)
        hub.start()
    return hub, died


def check_after(world, hub):
    """Everybody has a machine of their own, and none is nobody's."""
    for _ in range(10):  # a start that the Hub's death has ended is not the last
        for user in {"alice", "bob"} - hub.serving().keys():
            start(hub, user)
        hub.pass_time(20)
    served = list(hub.serving().values())
    assert len(set(served)) == 2, "one machine was given to two"
    hub.pass_time(3 * SETTINGS["sweep_interval"] + SETTINGS["sweep_grace"])
    (ready,) = filled(world, hub)
    wanted = {*hub.serving().values(), ready}
    assert {i.id for i in world.living(hub)} == wanted, "one machine is lost"
    whose = {world.machine(id).orders["env"]["JUPYTERHUB_USER"] for id in served}
    assert whose == {"alice", "bob"} and not world.machine(ready).orders


@pytest.mark.slow
def test_a_hub_killed_at_any_step_gives_no_machine_to_two_and_loses_none(
    worlds,
):
    moment, died = 0, True
    while died:
        world = worlds()
        hub, died = killed_at(world, lambda: hub_with_users(world), moment)
        check_after(world, hub)
        world.close()
        moment += 1
    assert moment > 20


@pytest.mark.parametrize("moment", (3, 4))
def test_a_hub_killed_as_it_gives_a_machine_away_neither_doubles_nor_loses_it(
    world, moment
):
    hub, died = killed_at(world, lambda: hub_with_users(world), moment)
    assert died
    check_after(world, hub)


def hub_with_users(world):
    hub = world.hub(**READY)
    hub.start()
    for user in ("alice", "bob"):
        hub.call("POST", f"/users/{user}")
    hub.pass_time(2)
    return hub
