"""Builds that wait until there are no more than the admin allows."""

import asyncio
from types import SimpleNamespace

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.profiles.repository import Repository

from ..images.builds.small_ec2 import SmallEC2
from .test_builds import Fleet, settle, world  # noqa: F401

OTHERS = [Repository(f"https://example.org/lab/{name}") for name in "abcd"]


def most_at_once(world, most):  # noqa: F811
    """Look at each moment that there are no more builders."""
    real = world.ec2.sleep

    async def sleep(seconds):
        assert len(world.ec2.living()) <= most
        await real(seconds)

    world.ec2.sleep = sleep


async def test_no_more_are_built_at_once_than_the_admin_allows_and_the_others_wait(
    world,  # noqa: F811
):
    most_at_once(world, 2)
    said = [[] for _ in OTHERS]
    found = await asyncio.gather(
        *(
            world.image("ada", each, said=words, max_builds=2)
            for each, words in zip(OTHERS, said)
        )
    )
    assert len({*found}) == 4 and world.launched() == 4
    first, second, third, fourth = ["\n".join(w for _, w in words) for words in said]
    assert "before it" not in first + second
    assert third.count("waits for 1 build before it") == 1
    assert "waits for 2 builds before it" in fourth
    # They began in the order in which they came.
    names = [image["Name"] for image in world.ec2.images.values()]
    assert names.index("ec2spawner/c/" + "c".encode().hex() + "0" * 10) >= 2


async def test_two_who_wait_in_line_for_the_same_join_one_builder(world):  # noqa: F811
    world.goes.clear()
    first = asyncio.ensure_future(world.image("ada", max_builds=1))
    while not world.launched():
        await asyncio.sleep(0)
    both = [
        asyncio.ensure_future(world.image(user, OTHERS[0], max_builds=1))
        for user in ("bob", "eve")
    ]
    await settle()
    assert world.launched() == 1
    world.goes.set()
    found = await asyncio.gather(first, *both)
    assert found[1] == found[2] != found[0] and world.launched() == 2


async def test_what_nobody_waits_for_any_more_is_not_built_and_counts_for_nobody(
    world,  # noqa: F811
):
    world.goes.clear()
    first = asyncio.ensure_future(world.image("ada", max_builds=1))
    while not world.launched():
        await asyncio.sleep(0)
    limits = {"max_builds": 1, "max_builds_per_user_per_day": 1}
    gone = asyncio.ensure_future(world.image("bob", OTHERS[0], **limits))
    stays = asyncio.ensure_future(world.image("eve", OTHERS[1], **limits))
    await settle()
    gone.cancel()
    world.goes.set()
    await asyncio.gather(first, stays)
    assert world.launched() == 2
    assert await world.image("bob", OTHERS[2], **limits)


async def test_a_hub_that_is_ended_while_some_wait_in_line_goes_on_with_one_at_a_time(
    world,  # noqa: F811
):
    most_at_once(world, 1)
    world.goes.clear()
    before = [
        asyncio.ensure_future(world.image(each.url, each, max_builds=1))
        for each in OTHERS[:2]
    ]
    while not world.launched():
        await asyncio.sleep(0)
    await settle()
    for task in before:
        task.cancel()
    stalled, world.goes = world.goes, asyncio.Event()
    world.goes.set()
    again, said = world.process(), []
    found = await asyncio.gather(
        world.image("bob", OTHERS[1], builds=again, said=said, max_builds=1),
        world.image("ada", OTHERS[0], builds=again, max_builds=1),
    )
    assert len({*found}) == 2 and world.launched() == 2
    assert any("waits for 1 build before it" in words for _, words in said)
    assert world.ec2.living() == []
    stalled.set()


async def test_whose_turn_does_not_come_is_told_so(world):  # noqa: F811
    world.goes.clear()
    first = asyncio.ensure_future(world.image("ada", max_builds=1))
    while not world.launched():
        await asyncio.sleep(0)
    wish = world.wish("bob", OTHERS[0], max_builds=1)
    wish.settings.__dict__["_trait_values"]["build_timeout"] = 0.05
    with pytest.raises(EC2SpawnError, match="is not built yet: this hub has") as late:
        await world.builds.image(wish, lambda share, words: None)
    assert late.value.reason == "timeout"
    world.goes.set()
    assert await first


async def test_builders_of_others_count_too(world):  # noqa: F811
    # Such as those of `ec2spawner image build`, in whatever region.
    other = Fleet(SmallEC2(), "eu-west-1")
    machine = SimpleNamespace(build="f" * 40, gone=False)
    other.inventory.listing = SimpleNamespace(machines={"i-1": machine})
    world.builds._fleets.of_hub = lambda hub_id: [world.fleet, other]
    waits = asyncio.ensure_future(world.image(max_builds=1))
    for _ in range(200):
        await asyncio.sleep(0)
    assert world.launched() == 0
    machine.gone = True
    assert await waits
