"""What is in the database before something is done, whenever the Hub is killed."""

from __future__ import annotations

import pytest

from ec2spawner.core.ids import secret_hash
from ec2spawner.core.state import Phase, Wish

from .order_of_events import Events
from .scenarios import NO_CAPACITY, SETTINGS
from .virtual_world import saved

CLAIM = "POST /hub/api/ec2spawner/claim"


@pytest.fixture
def hub_of(world):
    """Makes a hub with one user, alice, who has no server yet."""

    def make(**settings):
        hub = world.hub(**{**SETTINGS, "home": "none", **settings})
        hub.start()
        hub.call("POST", "/users/alice")
        hub.pass_time(2)
        return hub

    return make


def start(hub, size="small"):
    options = {"user_options": {"profile": size}}
    assert hub.call("POST", "/users/alice/server", options)[0] in (201, 202)


def serve(hub):
    start(hub)
    hub.pass_until(lambda: "alice" in hub.serving(), 60)


def test_each_attempt_is_saved_before_its_request(world, hub_of):
    hub = hub_of()
    events = Events(hub)
    world.fault("RunInstances", **NO_CAPACITY, times=2)
    serve(hub)
    requests = events.of("RunInstances")
    assert len({request.sent["ClientToken"] for request in requests}) == 3
    for request in requests:
        assert request.state.current.client_token == request.sent["ClientToken"]
        assert request.state.current.phase is Phase.REQUESTED


def test_a_machine_is_saved_as_waking_before_anything_of_it_changes(hub_of):
    hub = hub_of(on_stop="stop")
    serve(hub)
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: saved(hub)["alice", ""][1].stopped.certain, 60)
    stopped = saved(hub)["alice", ""][1].stopped
    hub.pass_time(10)
    events = Events(hub)
    start(hub, "large")
    hub.pass_until(lambda: "alice" in hub.serving(), 60)
    # Its user-data with the new nonce, its size, its start.
    assert len(events.of("ModifyInstanceAttribute")) == 2
    assert events.of("StartInstances") and not events.of("RunInstances")
    for what in ("ModifyInstanceAttribute", "StartInstances"):
        for request in events.of(what):
            assert request.state.current.phase is Phase.REQUESTED
            assert request.state.current.id == stopped.launch_id
            assert request.state.current.instance_id == stopped.instance_id


def test_a_launch_is_saved_as_claimed_before_its_orders_are_waited_for(world, hub_of):
    hub = hub_of(home="user")
    world.silent = True
    life = world.cloud.volume_life
    plug, life._plug = life._plug, lambda volume, attachment: None
    try:
        start(hub)
        hub.pass_until(lambda: saved(hub)["alice", ""][1].current.private_ip, 60)
        events = Events(hub)
        (machine,) = hub.machines
        nonce = {"nonce": machine.config["nonce"]}
        assert hub.run(machine.post("claim", nonce))[0] == 202
        during = events.between(CLAIM, f"202 {CLAIM}")
        first = next(event for event in during if event.what == "commit")
        assert first.state.current.phase is Phase.CLAIMED
        assert first.state.current.machine_key_hash == secret_hash(machine.key)
        (answer,) = events.of(f"202 {CLAIM}")
        assert first.at < answer.at
        # So nobody else gets them from a Hub that is killed meanwhile.
        hub.kill()
        hub.start()
        thief = {**nonce, "machine_key": "other"}
        assert hub.run(machine.post("claim", thief))[0] == 409
        assert hub.run(machine.post("claim", nonce))[0] == 202
    finally:
        life._plug = plug


def test_no_machine_is_ended_before_its_launch_is_answered(world, hub_of):
    hub = hub_of(start_timeout=20, stop_timeout=60)
    events = Events(hub)
    world.seconds["RunInstances"] = 40
    start(hub)
    hub.pass_until(lambda: not hub.spawners["alice"].pending, 120)
    (launch,) = events.of("RunInstances")
    stopping, *_ = [e for e in events.all if e.state.current.wish is not Wish.SERVE]
    (end,) = events.of("TerminateInstances")
    assert launch.at < stopping.at < launch.at + 40 <= end.at
    assert not world.living(hub)
