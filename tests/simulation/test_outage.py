"""Ten minutes without EC2, for a hub with fifty servers. Time is free here."""

from __future__ import annotations

import asyncio

import pytest

SERVERS = 50
OUTAGE_SECONDS = 600
SLOW_INTERVAL = 15
POLL_INTERVAL = 30
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
def fifty(world):
    """A hub with fifty servers, and nothing to do."""
    hub = world.hub(
        fast_interval=3, slow_interval=SLOW_INTERVAL, poll_interval=POLL_INTERVAL
    )
    hub.start()
    names = [f"user-{i}" for i in range(SERVERS)]

    async def everybody_clicks():
        await asyncio.gather(*(hub.click(name) for name in names))

    hub.run(everybody_clicks())
    hub.pass_time(60)
    assert hub.serving().keys() == set(names)
    return hub


def test_ten_minutes_without_ec2_cost_nobody_a_server(world, fifty):
    before = fifty.serving()
    for outage in OUTAGES.values():
        world.cloud.log.clear()
        world.fault("*", **outage)
        for _ in range(OUTAGE_SECONDS // 20):
            fifty.pass_time(20)
            assert fifty.serving() == before
        world.cloud.faults.clear()
        ended = world.time.now
        fifty.pass_time(SLOW_INTERVAL + 1)
        (fleet,) = fifty.fleets
        assert fleet.inventory.listing.began > ended and not fleet.inventory.failing
        assert fifty.serving() == before
        assert changes(world) == []


@pytest.mark.slow
def test_what_happened_during_an_outage_is_made_good_when_it_ends(world, fifty):
    before = fifty.serving()
    stopped, lost, new, *_ = names = [f"user-{i}" for i in range(SERVERS)]
    fifty.call("DELETE", f"/users/{new}/server")
    fifty.pass_time(5)
    world.fault("*", error=("Unavailable", 503))
    # A stop, a machine that EC2 loses, and a click, none of which EC2 tells of.
    status, _ = fifty.call("DELETE", f"/users/{stopped}/server")
    assert status in (202, 204)
    world.lose(before[lost])
    fifty.call("POST", f"/users/{new}/server")
    fifty.pass_time(OUTAGE_SECONDS)
    untouched = {name: before[name] for name in names[3:]}
    assert fifty.serving().items() >= untouched.items()
    assert len(world.living(fifty)) == SERVERS - 2  # the stopped one still lives
    world.cloud.faults.clear()
    # The listing is fresh within one interval; the Hub asks for it by its own.
    fifty.pass_time(SLOW_INTERVAL + POLL_INTERVAL + 10)
    assert fifty.serving() == untouched
    fifty.pass_time(60)  # a burial that failed waits a minute at most
    assert {i.id for i in world.living(fifty)} == set(untouched.values())
    assert fifty.call("POST", f"/users/{new}/server")[0] in (201, 202)
    fifty.pass_time(30)
    assert new in fifty.serving()
