import asyncio
import logging
import time

import pytest

from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.errors.table import meaning_of
from ec2spawner.ec2.inventory import Inventory
from ec2spawner.ec2.machines import Machine

LOG = logging.getLogger("test")


class FakeEC2:
    """Answers listings; counts them; fails on demand."""

    def __init__(self):
        self.machines = {}
        self.calls = 0
        self.error = None
        #: what it says of ids, and for which it was asked
        self.known, self.asked = {}, []
        self.by_id_error = None

    async def list(self):
        self.calls += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return dict(self.machines)

    async def ask(self, ids):
        self.asked.append(list(ids))
        if self.by_id_error:
            raise self.by_id_error
        return {id: self.known[id] for id in ids if id in self.known}

    def has(self, *machines):
        self.machines = {m.id: m for m in machines}


@pytest.fixture
def ec2():
    return FakeEC2()


@pytest.fixture
async def inventory(ec2):
    made = Inventory(ec2.list, ec2.ask, fast=0.01, slow=60, log=LOG)
    yield made
    made.close()


OUTAGE = EC2Error("DescribeInstances", "Unavailable", "", meaning_of("Unavailable"))


async def test_many_waiters_share_one_listing(ec2, inventory):
    waiters = [inventory.newer_than(float("-inf"), 5) for _ in range(50)]
    listings = await asyncio.gather(*waiters)
    assert all(listing is not None for listing in listings)
    assert ec2.calls <= 2


async def test_it_lists_again_at_once_when_somebody_hurries(ec2, inventory):
    await inventory.newer_than(float("-inf"), 5)
    await asyncio.sleep(0.05)  # it has gone back to its slow interval of a minute
    ec2.has(Machine("i-1", "running"))
    assert await inventory.newer_than(time.monotonic(), 5) is not None
    assert inventory.get("i-1").state == "running"


async def test_an_outage_leaves_the_last_listing_standing(ec2, inventory):
    ec2.has(Machine("i-1", "running"))
    await inventory.newer_than(float("-inf"), 5)
    ec2.error = OUTAGE
    assert await inventory.newer_than(time.monotonic(), 0.1) is None
    assert inventory.get("i-1") is not None
    ec2.error = None
    assert await inventory.newer_than(time.monotonic(), 5) is not None


async def test_since_when_ec2_is_silent_is_known_until_it_answers(ec2, inventory):
    assert inventory.failing_since == 0
    ec2.error, began = OUTAGE, time.time()
    await inventory.newer_than(float("-inf"), 0.2)
    since = inventory.failing_since
    assert began <= since <= time.time()
    await inventory.newer_than(float("-inf"), 0.1)
    assert inventory.failing_since == since
    ec2.error = None
    assert await inventory.newer_than(float("-inf"), 5) is not None
    assert inventory.failing_since == 0


async def test_an_error_nobody_thought_of_does_not_end_the_listing(ec2, inventory):
    ec2.error = ZeroDivisionError()
    assert await inventory.newer_than(float("-inf"), 0.1) is None
    ec2.error = None
    assert await inventory.newer_than(float("-inf"), 5) is not None


async def test_an_outage_is_not_made_worse_by_hurry(ec2):
    inventory = Inventory(ec2.list, ec2.ask, fast=0.01, slow=60, log=LOG)
    ec2.error, began = OUTAGE, time.monotonic()
    with inventory.hurry():
        while ec2.calls < 6:
            await asyncio.sleep(0.01)
    inventory.close()
    # Each wait is twice the one before, and not the fast interval again.
    assert time.monotonic() - began >= 0.01 * (2 + 4 + 8 + 16 + 32)


async def test_a_listing_began_before_ec2_was_asked(ec2):
    asked = []

    async def slow_list():
        asked.append(time.monotonic())
        await asyncio.sleep(0.05)
        return await ec2.list()

    inventory = Inventory(slow_list, ec2.ask, fast=0.01, slow=60, log=LOG)
    listing = await inventory.newer_than(float("-inf"), 30)
    inventory.close()
    # A machine that was made meanwhile may be missing in it.
    assert listing.began <= asked[0]


async def test_of_two_machines_of_a_launch_the_living_one_is_found(ec2, inventory):
    ec2.has(
        Machine("i-1", "terminated", launch_id="l"),
        Machine("i-2", "running", launch_id="l"),
    )
    await inventory.newer_than(float("-inf"), 5)
    assert inventory.of_launch("l").id == "i-2"
    assert inventory.of_launch("other") is None


def of_zone(number, zone):
    return Machine(f"i-{number}", "running", zone=zone)


@pytest.fixture
async def two_zones(ec2, monkeypatch):
    """An inventory that knows a machine in each of two zones, when listings cease."""
    monkeypatch.setattr("ec2spawner.ec2.inventory.inventory._WHOLE_SECONDS", 0.0)
    made = Inventory(ec2.list, ec2.ask, fast=0.01, slow=0.02, log=LOG)
    ec2.has(of_zone(1, "a"), of_zone(2, "b"))
    await made.newer_than(float("-inf"), 30)
    ec2.known, ec2.error = dict(ec2.machines), OUTAGE
    yield made
    made.close()


async def newer(inventory):
    return await inventory.newer_than(time.monotonic(), 30)


async def test_when_listings_fail_again_and_again_zones_are_asked_one_by_one(
    ec2, two_zones
):
    listing = await newer(two_zones)
    assert not listing.complete and not two_zones.failing
    assert sorted(ec2.asked[-2:]) == [["i-1"], ["i-2"]]
    ec2.error = None
    while not listing.complete:
        listing = await newer(two_zones)


async def test_machines_of_a_zone_that_does_not_answer_are_as_last_known(
    ec2, two_zones, caplog
):
    async def ask(ids):
        if "i-1" in ids:
            raise OUTAGE
        return {"i-2": Machine("i-2", "terminated", zone="b")}

    two_zones._ask = ask
    listing = await newer(two_zones)
    states = {m.id: m.state for m in listing.machines.values()}
    assert states == {"i-1": "running", "i-2": "terminated"}
    for _ in range(3):
        # Of all that there is nothing answers now.
        assert await two_zones.newer_than(time.monotonic(), 0.2) is None
    said = [r for r in caplog.records if "as last known: a." in r.getMessage()]
    assert len(said) == 1


async def test_when_no_zone_answers_it_is_an_outage(ec2, two_zones):
    ec2.by_id_error = OUTAGE
    assert await two_zones.newer_than(time.monotonic(), 0.5) is None
    assert two_zones.failing


async def test_what_is_refused_for_good_is_not_asked_zone_by_zone(ec2, two_zones):
    ec2.error = EC2Error("DescribeInstances", "AuthFailure", "", meaning_of("x", 401))
    ec2.asked.clear()
    assert await two_zones.newer_than(time.monotonic(), 0.5) is None
    assert not ec2.asked


async def test_a_machine_over_is_so_for_sure_only_by_its_id(ec2, inventory):
    stopped, ended = Machine("i-1", "stopped"), Machine("i-2", "terminated")
    ec2.known = {"i-1": Machine("i-1", "running")}
    assert (await inventory.surely(stopped)).state == "running"
    assert await inventory.surely(ended) is ended
    ec2.by_id_error = OUTAGE
    assert await inventory.surely(stopped) is None
