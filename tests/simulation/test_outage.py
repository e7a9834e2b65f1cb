"""Ten minutes of a hub with eight servers, mostly without EC2. Time is free here."""

from __future__ import annotations

import asyncio

import pytest

SERVERS = 8
OUTAGE_SECONDS = 600
SLOW_INTERVAL = 15
POLL_INTERVAL = 30
SWEEP_INTERVAL = 120
CHANGES = ("RunInstances", "StartInstances", "StopInstances", "TerminateInstances")
OUTAGES = {
    "errors": {"error": ("Unavailable", 503)},
    "no answers": {"lose_request": True},
    "throttling": {"error": ("RequestLimitExceeded", 503)},
    "credentials that expired": {"error": ("ExpiredToken", 400)},
}


def changes(world):
    return [r["action"] for r in world.cloud.log.since() if r["action"] in CHANGES]


@pytest.fixture
def hub(world):
    """A hub with eight servers, and nothing to do."""
    hub = world.hub(
        fast_interval=3,
        slow_interval=SLOW_INTERVAL,
        poll_interval=POLL_INTERVAL,
        sweep_interval=SWEEP_INTERVAL,
    )
    hub.start()
    names = [f"user-{i}" for i in range(SERVERS)]

    async def everybody_clicks():
        await asyncio.gather(*(hub.click(name) for name in names))

    hub.run(everybody_clicks())
    hub.pass_time(60)
    assert hub.serving().keys() == set(names)
    return hub


def test_polls_cost_no_call_and_a_listing_serves_all(world, hub):
    world.cloud.log.clear()
    hub.pass_time(OUTAGE_SECONDS)
    asked = world.cloud.log.since()
    listings = [r["params"] for r in asked if r["action"] == "DescribeInstances"]
    # The shared one, and a fresh one for each sweep.
    intervals = (SLOW_INTERVAL, SWEEP_INTERVAL)
    most = sum(OUTAGE_SECONDS // each + 1 for each in intervals)
    assert 0 < len(listings) <= most
    assert all("tag:ec2spawner:hub" in params.values() for params in listings)
    # A hundred and more polls, and no question about one server.
    assert not any(key.startswith("InstanceId") for r in asked for key in r["params"])
    assert hub.serving()


NO_MACHINE = {"RunInstances": {"error": ("InsufficientInstanceCapacity", 500)}}
TROUBLE = {name: {"*": fault} for name, fault in OUTAGES.items()}


@pytest.mark.parametrize(
    "trouble", [NO_MACHINE, *TROUBLE.values()], ids=["no capacity", *TROUBLE]
)
def test_trouble_of_aws_never_counts_towards_the_hubs_failure_limit(world, trouble):
    hub = world.hub(consecutive_failure_limit=2, start_timeout=60)
    hub.start()
    hub.call("POST", "/users/alice")
    for action, fault in trouble.items():
        world.fault(action, **fault)
    for _ in range(3):
        hub.call("POST", "/users/alice/server")
        hub.pass_until(lambda: not hub.spawners["alice"].pending, 300)
    assert hub.alive and not hub.serving()
    assert hub.app.tornado_application.settings["failure_count"] == 0


def test_ten_minutes_without_ec2_cost_nobody_a_server(world, hub):
    before = hub.serving()
    for outage in OUTAGES.values():
        world.cloud.log.clear()
        world.fault("*", **outage)
        for _ in range(OUTAGE_SECONDS // 20):
            hub.pass_time(20)
            assert hub.serving() == before
        world.cloud.faults.clear()
        ended = world.time.now
        hub.pass_time(SLOW_INTERVAL + 1)
        (fleet,) = hub.fleets
        assert fleet.inventory.listing.began > ended and not fleet.inventory.failing
        assert hub.serving() == before
        assert changes(world) == []


@pytest.mark.slow
def test_what_happened_during_an_outage_is_made_good_when_it_ends(world, hub):
    before = hub.serving()
    stopped, lost, new, *_ = names = [f"user-{i}" for i in range(SERVERS)]
    hub.call("DELETE", f"/users/{new}/server")
    hub.pass_time(5)
    world.fault("*", error=("Unavailable", 503))
    # A stop, a machine that EC2 loses, and a click, none of which EC2 tells of.
    status, _ = hub.call("DELETE", f"/users/{stopped}/server")
    assert status in (202, 204)
    world.lose(before[lost])
    hub.call("POST", f"/users/{new}/server")
    hub.pass_time(OUTAGE_SECONDS)
    untouched = {name: before[name] for name in names[3:]}
    assert hub.serving().items() >= untouched.items()
    assert len(world.living(hub)) == SERVERS - 2  # the stopped one still lives
    world.cloud.faults.clear()
    # The listing is fresh within one interval; the Hub asks for it by its own.
    hub.pass_time(SLOW_INTERVAL + POLL_INTERVAL + 10)
    assert hub.serving() == untouched
    hub.pass_time(60)  # a burial that failed waits a minute at most
    assert {i.id for i in world.living(hub)} == set(untouched.values())
    assert hub.call("POST", f"/users/{new}/server")[0] in (201, 202)
    hub.pass_time(30)
    assert new in hub.serving()
