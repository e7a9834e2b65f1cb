"""Misfortunes that come one at a time, in a world whose time is free."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ec2spawner.ec2 import machines

from .scenarios import SETTINGS
from .virtual_world import saved

HOUR = 3600


@pytest.fixture
def hub(world):
    """A hub with homes, and alice, who has no server yet."""
    hub = world.hub(**SETTINGS, on_stop="terminate")
    hub.start()
    hub.call("POST", "/users/alice")
    hub.pass_time(2)
    return hub


def start(hub):
    assert hub.call("POST", "/users/alice/server")[0] in (201, 202)


def is_off(hub):
    return not (hub.spawners["alice"].active or hub.spawners["alice"].pending)


def serves(hub):
    return "alice" in hub.serving()


def the_home(world, hub):
    ((home,),) = world.homes(hub).values()
    return home


def nothing_lives(world, hub):
    return not world.living(hub)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [-HOUR, HOUR])
def test_a_hub_whose_clock_is_an_hour_off_ends_nobodys_server(world, wrong):
    world.time.wrong = wrong
    hub = world.hub(**SETTINGS)
    hub.start()
    hub.call("POST", "/users/alice")
    start(hub)
    hub.pass_until(lambda: serves(hub), 60)
    before = hub.serving()
    hub.kill()
    hub.start()
    hub.pass_time(600)
    # And then somebody sets it right.
    world.time.wrong = 0
    hub.pass_time(600)
    assert hub.serving() == before
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: nothing_lives(world, hub), 60)


@pytest.mark.slow
def test_a_hub_whose_clock_is_slow_still_ends_what_is_nobodys(world):
    world.time.wrong = -HOUR
    hub = world.hub(**SETTINGS)
    hub.start()
    world.leak(hub)
    hub.pass_until(lambda: nothing_lives(world, hub), 200)


def test_a_machine_that_ec2_hides_is_kept_by_the_next_hub(world):
    """What EC2 has named once is not looked for: it may take longer to show it."""
    hub = world.hub(**{**SETTINGS, "home": "none"})
    hub.start()
    hub.call("POST", "/users/alice")
    hub.pass_time(2)
    slow = {"consistency_seconds": 50, "pending_seconds": 30}
    world.cloud.settings = world.cloud.settings.changed(slow)
    start(hub)
    (machine,) = world.living(hub)
    hub.kill()
    hub.start()
    hub.pass_until(lambda: serves(hub), 120)
    assert hub.serving()["alice"] == machine.id


def test_a_home_that_stays_attaching_costs_a_start_and_no_more(world, hub):
    start(hub)
    hub.pass_until(lambda: serves(hub), 60)
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: nothing_lives(world, hub), 60)
    life = world.cloud.volume_life
    plug = life._plug
    life._plug = lambda volume, attachment: None
    try:
        start(hub)
        hub.pass_until(lambda: is_off(hub) and nothing_lives(world, hub), 300)
    finally:
        life._plug = plug
    start(hub)
    hub.pass_until(lambda: serves(hub), 100)
    assert the_home(world, hub).attachment.instance.id == hub.serving()["alice"]
    assert not world.disks.wrongs


def test_a_machine_that_cannot_have_another_disk_is_given_up_at_once(world, hub):
    world.fault("AttachVolume", error=("AttachmentLimitExceeded", 400))
    # The Hub answers so soon only when it is over: it waits for ten seconds at most.
    status, answer = hub.call("POST", "/users/alice/server")
    assert status == 500 and "cannot have so many disks" in answer["message"]
    hub.pass_until(lambda: is_off(hub) and nothing_lives(world, hub), 60)
    world.clear_faults()
    start(hub)
    hub.pass_until(lambda: serves(hub), 100)


def test_a_machine_that_no_hub_can_reach_is_given_up_as_soon_as_it_runs(
    world, hub, monkeypatch
):
    """In a subnet of IPv6 alone."""
    read = machines.read_machine

    def read_without(*sent):
        return replace(read(*sent), private_ip="")

    monkeypatch.setattr(machines, "read_machine", read_without)
    status, answer = hub.call("POST", "/users/alice/server")
    assert status == 500 and "has no IPv4 address" in answer["message"]
    hub.pass_until(lambda: is_off(hub) and nothing_lives(world, hub), 60)


@pytest.mark.slow
def test_a_zone_that_fails_keeps_its_homes_and_costs_no_machine(world, hub):
    start(hub)
    hub.pass_until(lambda: serves(hub), 60)
    home = the_home(world, hub)
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: nothing_lives(world, hub), 60)
    subnet = world.cloud.resources.subnet_ids[home.availability_zone]
    there = {"NetworkInterface.1.SubnetId": subnet}
    world.fault("RunInstances", error=("InternalError", 500), match=there)
    start(hub)
    hub.pass_until(lambda: is_off(hub), 200)
    assert nothing_lives(world, hub)
    assert the_home(world, hub) is home
    world.cloud.faults.clear()
    start(hub)
    hub.pass_until(lambda: serves(hub), 100)
    assert the_home(world, hub) is home and not world.disks.wrongs


def test_a_proxy_that_takes_no_route_leaves_no_machine(world, hub):
    hub.proxy_is_down = True
    start(hub)
    hub.pass_until(lambda: is_off(hub) and nothing_lives(world, hub), 300)
    assert not saved(hub)["alice", ""][1].doomed
    hub.proxy_is_down = False
    start(hub)
    hub.pass_until(lambda: serves(hub), 100)


def test_a_machine_is_not_lost_that_was_made_after_the_last_listing(world, hub):
    """However long ago that is: the listing cannot have had it."""
    hub.pass_time(20)
    world.fault("DescribeInstances", error=("Unavailable", 503))
    start(hub)
    hub.pass_until(lambda: serves(hub), 200)
    before = hub.serving()
    hub.pass_time(HOUR)
    assert hub.serving() == before


def test_a_machine_that_was_to_rest_when_the_hub_died_rests_without_a_click(world):
    hub = world.hub(**{**SETTINGS, "home": "none"}, on_stop="stop")
    hub.start()
    hub.call("POST", "/users/alice")
    hub.pass_time(2)
    start(hub)
    hub.pass_until(lambda: serves(hub), 60)
    world.fault("StopInstances", error=("Unavailable", 503))
    hub.call("DELETE", "/users/alice/server")
    hub.pass_time(30)
    assert not saved(hub)["alice", ""][1].stopped.certain
    hub.kill()
    world.cloud.faults.clear()
    hub.start()
    hub.pass_time(30)
    (machine,) = world.living(hub)
    assert machine.state == "stopped"
    assert saved(hub)["alice", ""][1].stopped.certain
