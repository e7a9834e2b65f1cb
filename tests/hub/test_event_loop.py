"""EC2 may be slow; the Hub may not."""

import asyncio
import time

import aiohttp
import pytest

from localec2 import Fault

from .conftest import eventually, living


async def slowest_health_check(hub, while_pending):
    """Ask for /hub/health all the time until a task ends: the longest answer."""
    slowest, asked = 0.0, 0
    async with aiohttp.ClientSession() as session:
        while not while_pending.done():
            began = time.monotonic()
            async with session.get(f"{hub.url}/hub/health") as answer:
                assert answer.status == 200
            slowest = max(slowest, time.monotonic() - began)
            asked += 1
            await asyncio.sleep(0.02)
    return slowest, asked


async def test_the_hub_answers_while_every_answer_of_ec2_takes_five_seconds(
    quick_hub, ec2
):
    ec2.add_fault(Fault("*", delay=5))

    async def start_and_stop():
        await asyncio.gather(
            quick_hub.ready_server("alice"), quick_hub.ready_server("bob")
        )
        await quick_hub.stop_server("alice")

    work = asyncio.ensure_future(start_and_stop())
    slowest, asked = await slowest_health_check(quick_hub, work)
    await work
    # A blocked loop would show the five seconds: a fifth of them is far from both.
    assert slowest < 1
    assert asked > 50
    ec2.clear_faults()


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
