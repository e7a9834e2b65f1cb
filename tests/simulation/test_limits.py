"""Limits of machines cost no call of their own, and keep nobody out by old news."""

from __future__ import annotations

import asyncio

import pytest

from ec2spawner.ec2.machines import Machine

from .scenarios import SETTINGS

LOOKS = {"fast_interval": 2, "slow_interval": 300}
UNLIMITED = {"max_machines": 0, "max_machines_per_user": 0}
ELSEWHERE = {
    "display_name": "elsewhere",
    "ec2spawner_override": {"region": "eu-west-1"},
}


@pytest.fixture
def make_hub(hubs_with):
    return hubs_with({**SETTINGS, **LOOKS, "home": "none"})


def listings(world):
    asked = [each["action"] for each in world.cloud.log.since()]
    return asked.count("DescribeInstances")


def listings_of_a_class(world, hub, users):
    """How often EC2 lists machines until a class has all of its own."""
    world.cloud.log.clear()

    async def click_all():
        await asyncio.gather(*(hub.click(f"user-{n}") for n in range(users)))

    hub.run(click_all())
    hub.pass_until(lambda: len(world.living(hub)) == users, 100)
    return listings(world)


def test_a_class_that_logs_in_pays_no_listing_for_limits(world, make_hub):
    without = listings_of_a_class(world, make_hub(**UNLIMITED), 6)
    assert listings_of_a_class(world, make_hub(), 6) <= without


def test_who_has_just_stopped_is_not_kept_out_by_an_old_listing(world, make_hub):
    hub = make_hub(max_machines_per_user=1, on_stop="terminate")
    assert hub.call("POST", "/users/alice/server")[0] in (201, 202)
    hub.pass_until(lambda: hub.serving(), 100)
    assert hub.call("POST", "/users/alice/servers/two")[0] == 429
    (machine,) = world.living(hub)
    world.cloud.lifecycle.terminate(machine)
    assert hub.call("POST", "/users/alice/servers/two")[0] in (201, 202)


@pytest.fixture
def make_blind_hub(make_hub):
    """Makes hubs that have never listed one of their two regions."""

    async def refused():
        raise OSError("this region cannot be reached")

    def make(**settings):
        hub = make_hub(profile_list=[*SETTINGS["profile_list"], ELSEWHERE], **settings)
        inventory = hub.fleets[1].inventory
        inventory._listing, inventory._lister = None, refused
        hub.pass_time(2 * LOOKS["slow_interval"])
        assert inventory.failing and hub.fleets[1].region == "eu-west-1"
        return hub

    return make


def test_a_region_that_lists_nothing_keeps_nobody_out_of_the_others(make_blind_hub):
    hub = make_blind_hub()
    began = hub.world.time.now
    assert hub.call("POST", "/users/alice/server")[0] in (201, 202)
    hub.pass_until(lambda: hub.serving(), 100)
    assert hub.world.time.now - began < 30


def test_machines_in_a_region_that_lists_nothing_count_as_the_ledger_has_them(
    make_blind_hub,
):
    hub = make_blind_hub(max_machines=1)
    there = Machine("i-there", "running", launched_at=hub.world.time.time())
    hub.runtime.ledger.see("eu-west-1", [there], hub.world.time.time())
    status, answer = hub.call("POST", "/users/alice/server")
    assert (status, "This hub has 1 machines" in answer["message"]) == (429, True)
