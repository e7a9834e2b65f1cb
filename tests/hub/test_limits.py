"""What the hub's admin allows, and what a hub does when machines fail one by one."""

import asyncio
import sys

import pytest

from ec2spawner.demo.visitor import SpawnFailed, Visitor
from localec2 import Fault

from .conftest import eventually, living


async def start_all(hub, *servers):
    """Click on all of them at once: the answers of the API."""
    return await asyncio.gather(*(hub.start_server(*server) for server in servers))


async def test_a_user_who_clicks_twice_at_once_gets_no_more_than_allowed(
    make_quick_hub, ec2
):
    hub = make_quick_hub(settings={"max_machines_per_user": 1})
    await hub.start()
    await hub.api("POST", "/users/alice")
    answers = await start_all(hub, ("alice",), ("alice", "two"), ("bob",))
    refused = [text["message"] for status, text in answers if status == 429]
    assert len(refused) == 1
    assert "You have 1 machines, and each user of this hub may have 1" in refused[0]
    assert "Stop another of your servers" in refused[0]
    await hub.wait_ready("bob")
    assert len(living(ec2)) == 2


@pytest.mark.slow
async def test_a_full_hub_says_so_on_the_page_until_somebody_stops(make_quick_hub, ec2):
    hub = make_quick_hub(settings={"max_machines": 1})
    await hub.start()
    await hub.ready_server("alice")
    async with Visitor(hub.url, "bob", "any") as bob:
        await bob.log_in()
        with pytest.raises(SpawnFailed, match="This hub has 1 machines"):
            await bob.choose("small")
            await bob.ready()
        await hub.stop_server("alice")
        await bob.choose("small")
        await bob.ready()


@pytest.mark.slow
async def test_machines_are_counted_at_ec2_and_not_in_memory(make_quick_hub, ec2):
    hub = make_quick_hub(settings={"max_machines": 1})
    await hub.start()
    await hub.ready_server("alice")
    hub.kill()
    # The database forgets her machine; EC2 does not.
    for path in hub.folder.glob("jupyterhub.sqlite*"):
        path.unlink()
    await hub.start()
    status, answer = await hub.start_server("bob")
    assert (status, "This hub has 1 machines" in answer["message"]) == (429, True)


@pytest.mark.slow
async def test_a_program_that_starts_servers_again_and_again_is_braked(
    make_quick_hub, ec2
):
    hub = make_quick_hub(settings={"max_launches_per_minute": 2})
    await hub.start()
    answers = await start_all(hub, ("a",), ("b",), ("c",))
    assert sorted(status for status, _ in answers)[-1] == 429
    (text,) = [text["message"] for status, text in answers if status == 429]
    assert "may start 2 machines a minute" in text
    assert len(ec2.requests("RunInstances")) == 2


@pytest.mark.slow
async def test_when_nobody_can_count_nobody_is_let_in(make_quick_hub, ec2):
    ec2.add_fault(Fault("DescribeInstances", error=("Unavailable", 503)))
    hub = make_quick_hub(settings={"max_machines": 5})
    await hub.start()
    status, answer = await hub.start_server("alice")
    if status == 202:  # the Hub does not wait for slow starts
        with pytest.raises(AssertionError):
            await hub.wait_ready("alice", timeout=15)
    else:
        assert "AWS does not list this hub's machines" in answer["message"]
    assert ec2.requests("RunInstances") == []


@pytest.mark.slow
async def test_when_machines_fail_one_after_the_other_no_more_are_launched(
    make_hub, ec2
):
    dying = "import sys; sys.exit(7)"
    hub = make_hub(
        settings={
            "cmd": [sys.executable, "-c", dying],
            "boot_failure_limit": 2,
            "boot_failure_pause": 4,
        }
    )
    await hub.start()
    for name in ("alice", "bob"):
        status, _ = await hub.start_server(name)
        assert status in (202, 503)
        await hub.wait_gone(name)
    launched = len(ec2.requests("RunInstances"))
    assert launched == 2
    async with Visitor(hub.url, "carol", "any") as carol:
        await carol.log_in()
        with pytest.raises(SpawnFailed, match="failed to start again and again"):
            await carol.choose("small")
            await carol.ready()
    assert len(ec2.requests("RunInstances")) == launched
    assert "none is launched for 4 s" in hub.log
    # After the pause one may try.
    await asyncio.sleep(4)
    await start_all(hub, ("carol",), ("dave",))
    assert len(ec2.requests("RunInstances")) == launched + 1
    await asyncio.to_thread(eventually, lambda: not living(ec2))
