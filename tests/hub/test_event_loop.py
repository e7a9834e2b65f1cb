"""EC2 may be slow; the Hub may not."""

import asyncio

import pytest

from localec2 import Fault

from .conftest import eventually, living


def at_work(ec2):
    """number -> action, of the requests that EC2 has not answered yet."""
    return {r.number: r.action for r in ec2.requests() if r.status == 0}


async def test_the_hub_answers_before_ec2_does(quick_hub, ec2):
    ec2.add_fault(Fault("*", delay=2))

    async def start_and_stop():
        await quick_hub.ready_server("alice")
        await quick_hub.stop_server("alice")

    work = asyncio.ensure_future(start_and_stop())
    asked, was_first = set(), set()
    while not work.done():
        before = await asyncio.to_thread(at_work, ec2)
        assert await quick_hub.healthy()
        after = await asyncio.to_thread(at_work, ec2)
        asked |= set(before.values())
        # A Hub that waited for EC2 itself would answer when EC2 has.
        was_first |= {before[number] for number in before.keys() & after.keys()}
        await asyncio.sleep(0.1)
    await work
    assert asked >= {"RunInstances", "DescribeInstances", "TerminateInstances"}
    assert was_first == asked


@pytest.mark.slow
async def test_a_hanging_launch_does_not_hold_up_a_stop(quick_hub, ec2):
    await quick_hub.ready_server("alice")
    ec2.add_fault(Fault("RunInstances", delay=25))
    hanging = [
        asyncio.ensure_future(quick_hub.start_server(f"user{i}")) for i in range(10)
    ]
    await asyncio.sleep(1)
    await quick_hub.stop_server("alice")
    assert all(not h.done() for h in hanging)
    ec2.clear_faults()
    for i in range(10):
        await quick_hub.api("DELETE", f"/users/user{i}/server")
    await asyncio.gather(*hanging, return_exceptions=True)
    await asyncio.to_thread(eventually, lambda: not living(ec2), 90)
