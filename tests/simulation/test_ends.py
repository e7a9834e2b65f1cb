"""However a start or a server ends, its machine ends with it, and nobody else's."""

from __future__ import annotations

import pytest

from ec2spawner.core.state import Phase

from . import virtual_machine
from .scenarios import SETTINGS
from .virtual_world import saved


@pytest.fixture
def make_hub(hubs_with):
    """Makes hubs of alice, who has no server yet, and whose machines end."""
    # No sweep makes good what is not done.
    usual = {"home": "none", "on_stop": "terminate", "sweep_interval": 3600}
    return hubs_with({**SETTINGS, **usual})


def start(hub):
    assert hub.call("POST", "/users/alice/server")[0] in (201, 202)


def serve(hub):
    """Start, and wait until the server is ready: its machine."""
    start(hub)
    hub.pass_until(lambda: "alice" in hub.serving(), 60)
    return hub.serving()["alice"]


def is_off(hub):
    spawner = hub.spawners.get("alice")
    return spawner is None or not (spawner.active or spawner.pending)


def ends_in_words(world, hub, words):
    """The start fails in these words, leaves no machine, and the next one works."""
    hub.pass_until(lambda: is_off(hub) and not world.living(hub), 120)
    failure = hub.spawners["alice"]._spawn_future.exception()
    assert words in failure.jupyterhub_message
    assert not saved(hub)["alice", ""][1].doomed


def test_a_start_that_takes_too_long_ends_in_our_words(world, make_hub, monkeypatch):
    hub = make_hub(start_timeout=30)
    with monkeypatch.context() as patch:
        patch.setattr(virtual_machine, "SERVER_SECONDS", 600.0)
        start(hub)
        ends_in_words(world, hub, "was not ready within ")
    serve(hub)


def test_a_machine_that_never_calls_back_is_given_up(world, make_hub):
    hub = make_hub(claim_timeout=20)
    world.silent = True
    start(hub)
    ends_in_words(world, hub, "did not call back within 20 seconds")
    world.silent = False
    serve(hub)


def test_a_machine_that_died_while_the_hub_was_away_is_noticed(world, make_hub):
    hub = make_hub()
    machine = serve(hub)
    hub.kill()
    world.lose(machine)
    hub.start()
    hub.pass_until(lambda: is_off(hub), 60)
    assert serve(hub) != machine
    assert len(world.living(hub)) == 1


def test_a_stop_that_ec2_refuses_is_finished_in_the_background(world, make_hub):
    hub = make_hub(stop_timeout=5)
    machine = serve(hub)
    world.fault("TerminateInstances", error=("Unavailable", 503))
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: is_off(hub), 30)
    (doomed,) = saved(hub)["alice", ""][1].doomed
    assert doomed.instance_id == machine
    assert [each.id for each in world.living(hub)] == [machine]
    world.clear_faults()
    hub.pass_until(lambda: not world.living(hub), 60)
    hub.pass_until(lambda: not saved(hub)["alice", ""][1].doomed, 60)


def test_a_stop_that_the_hub_did_not_live_to_finish_is_finished(world, make_hub):
    hub = make_hub()
    serve(hub)
    world.fault("TerminateInstances", error=("Unavailable", 503))
    hub.call("DELETE", "/users/alice/server")
    hub.kill()
    world.clear_faults()
    hub.start()
    hub.pass_until(lambda: is_off(hub) and not world.living(hub), 60)


def test_with_a_deleted_user_goes_the_machine_that_was_stopped(world, make_hub):
    hub = make_hub(on_stop="stop")
    serve(hub)
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: [m.state for m in world.living(hub)] == ["stopped"], 60)
    assert hub.call("DELETE", "/users/alice")[0] == 204
    hub.pass_until(lambda: not world.living(hub), 60)


def test_two_hubs_in_one_account_do_not_touch_each_other(world, make_hub):
    # A machine of the other's would take the only place.
    own = {"max_machines": 1, "sweep_interval": SETTINGS["sweep_interval"]}
    one, other = make_hub(**own), make_hub(**own)
    serve(one)
    kept = serve(other)
    one.call("DELETE", "/users/alice/server")
    one.pass_until(lambda: not world.living(one), 60)
    # More than a grace of either's sweeps.
    for hub in (one, other):
        hub.pass_time(4 * SETTINGS["sweep_grace"])
    assert [each.id for each in world.living(other)] == [kept]
    assert other.serving() == {"alice": kept}
    assert saved(other)["alice", ""][1].current.phase is Phase.READY
