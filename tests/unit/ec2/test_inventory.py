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

    async def list(self):
        self.calls += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return dict(self.machines)

    def has(self, *machines):
        self.machines = {m.id: m for m in machines}


@pytest.fixture
def ec2():
    return FakeEC2()


@pytest.fixture
async def inventory(ec2):
    made = Inventory(ec2.list, fast=0.01, slow=60, log=LOG)
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
    inventory = Inventory(ec2.list, fast=0.01, slow=60, log=LOG)
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

    inventory = Inventory(slow_list, fast=0.01, slow=60, log=LOG)
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
