"""Builds that users wait for: one for all who want the same, whoever goes meanwhile."""

import asyncio
import base64
from functools import partial
from types import SimpleNamespace

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.ids import owner_id
from ec2spawner.core.tags import (
    BUILD_TAG,
    FAILED,
    HUB_TAG,
    IMAGE_TAG,
    KEY_TAG,
    OWNER_TAG,
    READY,
    SOURCE_TAG,
    STATUS_TAG,
    TESTING,
)
from ec2spawner.ec2.facts import Image
from ec2spawner.ec2.machines import Machine
from ec2spawner.fleet.builds import Builds, BuildWish
from ec2spawner.images.builds.driver import Driver
from ec2spawner.images.builds.errand import NotPlanned
from ec2spawner.images.builds.planned import Planned
from ec2spawner.images.errors import ImageError, Unreadable
from ec2spawner.profiles.repository import Repository
from ec2spawner.settings import LaunchSettings

from ..images.builds.small_ec2 import SmallClients, SmallEC2

HUB = "lab"
HYDRO = Repository("https://example.org/lab/hydro")


class Images:
    async def resolve(self, image, owners):
        return Image(image, "/dev/xvda", "x86_64")

    async def look_at_shelf(self):
        self.looked = True


class Fleet:
    def __init__(self, ec2, region="us-west-2"):
        self.hub_id, self.region = HUB, region
        self.clients, self.images = SmallClients(ec2), Images()
        self.inventory = SimpleNamespace(listing=None)

    def detach(self, work):
        asyncio.ensure_future(work)


class World:
    """A hub's process: what it waits for is EC2's time, which goes by at once."""

    def __init__(self):
        self.ec2 = SmallEC2()
        self.fleet = Fleet(self.ec2)
        self.planned = []
        self.refuses = None
        self.ledger = {}
        #: a builder works while this is set
        self.goes = asyncio.Event()
        self.goes.set()
        #: plans are made while this is set
        self.plans = asyncio.Event()
        self.plans.set()
        self.builds = self.process()

    def process(self):
        return Builds(
            SimpleNamespace(of_hub=lambda hub_id: [self.fleet]),
            lambda user, since: self.ledger.get(user, 0),
            lambda: self.ec2.now,
            self.plan,
            partial(Driver, sleep=self.sleep, clock=lambda: self.ec2.now),
        )

    async def sleep(self, seconds):
        await self.goes.wait()
        await asyncio.sleep(0)
        await self.ec2.sleep(seconds)

    async def plan(self, errand, seconds):
        self.planned.append(errand)
        await asyncio.sleep(0)
        await self.plans.wait()
        if self.refuses:
            raise self.refuses
        name = errand.url.rsplit("/", 1)[1]
        key = (name.encode().hex() + "0" * 40)[:40]
        tags = {HUB_TAG: HUB, IMAGE_TAG: name, KEY_TAG: key, STATUS_TAG: READY}
        data = base64.b64encode(b"#!/bin/sh").decode()
        return Planned(name, key, f"ec2spawner/{name}/{key[:12]}", name, tags, data)

    def wish(self, user="ada", repository=HYDRO, **settings):
        chosen = LaunchSettings(region="us-west-2", **settings)
        return BuildWish(self.fleet, chosen, repository, "ami-base", user)

    async def image(self, *args, builds=None, said=None, **kwargs):
        said = [] if said is None else said
        return await (builds or self.builds).image(
            self.wish(*args, **kwargs), lambda share, words: said.append((share, words))
        )

    def launched(self):
        return self.ec2.calls.count("RunInstances")


@pytest.fixture
async def world():
    return World()


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_two_who_want_the_same_at_once_get_one_builder_and_one_image(world):
    hers, his = [], []
    found = await asyncio.gather(
        world.image("ada", said=hers), world.image("bob", said=his)
    )
    assert found[0] == found[1] == next(iter(world.ec2.images))
    assert world.launched() == world.ec2.calls.count("CreateImage") == 1
    assert len(world.planned) == 1
    assert world.ec2.living() == []
    for said in (hers, his):
        assert any("installing packages" in words for _, words in said)
        shares = [share for share, _ in said]
        assert shares == sorted(shares)


async def test_the_builder_is_on_the_ledger_of_who_asked_first(world):
    await world.image("ada")
    (machine,) = world.ec2.machines.values()
    tags = {each["Key"]: each["Value"] for each in machine["tags"]}
    assert tags[OWNER_TAG] == owner_id(HUB, "ada")


async def test_another_branch_with_the_same_packages_waits_for_the_same_build(world):
    other = Repository(HYDRO.url, "v1")
    found = await asyncio.gather(world.image(), world.image("bob", repository=other))
    assert found[0] == found[1] and world.launched() == 1
    assert len(world.planned) == 2


async def test_an_image_that_there_is_costs_nothing(world):
    first = await world.image()
    world.ec2.calls.clear()
    assert await world.image("bob", max_builds_per_user_per_day=1) == first
    assert set(world.ec2.calls) == {"DescribeImages"}


async def test_who_goes_away_ends_no_build(world):
    waits = asyncio.ensure_future(world.image())
    world.goes.clear()
    while not world.launched():
        await asyncio.sleep(0)
    waits.cancel()
    await settle()
    assert waits.cancelled() and world.ec2.living()
    world.goes.set()
    for _ in range(5000):
        await asyncio.sleep(0)
    assert len(world.ec2.images) == 1 and world.ec2.living() == []
    assert await world.image() == next(iter(world.ec2.images))


async def test_who_goes_away_while_it_is_planned_spoils_it_for_nobody(world):
    world.plans.clear()
    hers = asyncio.ensure_future(world.image("ada"))
    his = asyncio.ensure_future(world.image("bob"))
    await settle()
    hers.cancel()
    await settle()
    world.plans.set()
    assert await his in world.ec2.images and hers.cancelled()
    assert len(world.planned) == 1


async def test_a_class_that_asks_at_once_does_not_take_the_hubs_computer(world):
    world.plans.clear()
    names = [Repository(f"https://example.org/lab/{name}") for name in "abcde"]
    all_of_them = asyncio.gather(
        *(world.image(str(each), each, max_builds=9) for each in names)
    )
    await settle()
    assert len(world.planned) == 2
    world.plans.set()
    assert len(set(await all_of_them)) == 5


async def test_a_hub_that_was_ended_joins_the_builder_it_has_begun(world):
    waits = asyncio.ensure_future(world.image())
    world.goes.clear()
    while not world.launched():
        await asyncio.sleep(0)
    await settle()
    waits.cancel()
    stalled, world.goes = world.goes, asyncio.Event()
    world.goes.set()
    # The limits have no say: it is not another build.
    world.ledger["ada"] = 9
    again = world.process()
    assert await world.image(builds=again, max_builds=1) in world.ec2.images
    assert world.launched() == 1
    stalled.set()


async def test_what_is_planned_says_what_is_wrong_and_nothing_is_launched(world):
    world.refuses = ImageError("no versions go together: a==1 and b==2. Change one")
    for user in ("ada", "bob"):
        with pytest.raises(EC2SpawnError) as refused:
            await world.image(user)
        text = refused.value.jupyterhub_message
        assert "a==1 and b==2" in text and text.endswith("choose other software.")
        assert refused.value.reason == "options"
    assert world.ec2.calls == []
    world.refuses = NotPlanned("exit code 1: Traceback")
    with pytest.raises(EC2SpawnError) as refused:
        await world.image()
    assert "Traceback" not in refused.value.jupyterhub_message
    assert "Traceback" in refused.value.log_message


async def test_who_has_had_an_image_has_it_also_while_nobody_can_read_the_repository(
    world,
):
    first, said = await world.image(), []
    world.refuses = Unreadable("the repository cannot be read (git fetch: no route)")
    assert await world.image("bob", said=said) == first
    assert any("cannot be read just now" in words for _, words in said)
    for other in (Repository(HYDRO.url, "v2"), Repository("https://example.org/lab/x")):
        with pytest.raises(EC2SpawnError, match="cannot be read"):
            await world.image("ada", other)
    # What cannot be solved is no trouble that passes.
    world.refuses = ImageError("no versions go together: a==1 and b==2")
    with pytest.raises(EC2SpawnError, match="a==1"):
        await world.image()


async def test_a_build_that_fails_leaves_no_machine_and_tells_each_why(world):
    world.ec2.fails = "these cannot be imported: gdal"
    found = await asyncio.gather(
        world.image(), world.image("bob"), return_exceptions=True
    )
    for error in found:
        assert isinstance(error, EC2SpawnError) and error.reason == "image"
        assert "cannot be imported: gdal" in error.jupyterhub_message
    assert world.ec2.living() == [] and world.ec2.images == {}
    world.ec2.fails = ""
    assert await world.image()


@pytest.mark.parametrize("status", [TESTING, FAILED])
async def test_an_image_that_has_not_passed_its_test_is_given_to_nobody(world, status):
    await world.image()
    (image,) = world.ec2.images.values()
    tags = [each for each in image["Tags"] if each["Key"] != STATUS_TAG]
    image["Tags"] = [*tags, {"Key": STATUS_TAG, "Value": status}]
    with pytest.raises(EC2SpawnError) as refused:
        await world.image("bob")
    told = refused.value.jupyterhub_message
    assert "its test is not over or has failed. Try again" in told
    assert world.launched() == 1 and status in image["Tags"][-1]["Value"]


async def test_a_user_has_so_many_builds_a_day_and_joining_is_none(world):
    limit = {"max_builds_per_user_per_day": 2}
    names = [Repository(f"https://example.org/lab/{name}") for name in "abc"]
    for each in names[:2]:
        await world.image("ada", each, **limit)
    with pytest.raises(EC2SpawnError, match="2 images built within a day") as refused:
        await world.image("ada", names[2], **limit)
    assert refused.value.reason == "limit"
    assert world.launched() == 2
    await asyncio.gather(
        world.image("bob", names[2], **limit), world.image("ada", names[2], **limit)
    )
    assert world.launched() == 3
    # After a restart the ledger knows.
    world.ledger["ada"] = 2
    last = Repository("https://example.org/lab/d")
    with pytest.raises(EC2SpawnError, match="within a day"):
        await world.image("ada", last, builds=world.process(), **limit)
    world.ledger.clear()
    world.ec2.now += 86_401
    assert await world.image("ada", last, **limit)


async def test_who_has_no_time_left_is_told_that_it_goes_on(world):
    world.goes.clear()
    wish = world.wish()
    wish.settings.set_trait("build_timeout", 60)
    # As short as a test may take.
    wish.settings.__dict__["_trait_values"]["build_timeout"] = 0.05
    with pytest.raises(EC2SpawnError) as late:
        await world.builds.image(wish, lambda share, words: None)
    text = late.value.jupyterhub_message
    assert late.value.reason == "timeout"
    assert "the build goes on" in text and "in a few minutes" in text
    world.goes.set()
    assert await world.image() and world.launched() == 1


async def test_how_long_it_goes_on_is_told_once_a_build_has_been_seen(world):
    said = []
    await world.image(said=said)
    assert not any("min left" in words for _, words in said)
    await world.image("ada", Repository("https://example.org/lab/b"), said=said)
    assert any("(about 5 min left)" in words for _, words in said)


async def test_the_form_is_told_of_builds_by_name_and_by_repository(world):
    await world.image()
    tags = {BUILD_TAG: "f" * 40, IMAGE_TAG: "b", SOURCE_TAG: "https://example.org/b"}
    machine = Machine("i-1", "running", tags=tags, launched_at=world.ec2.now - 60)
    world.fleet.inventory.listing = SimpleNamespace(machines={"i-1": machine})
    for what in ("b", "https://example.org/b"):
        assert 60 < world.builds.left_of(world.fleet, what) < 600
        # A Hub that has seen no build knows no more than that it is one.
        assert world.process().left_of(world.fleet, what) == 0
    assert world.builds.left_of(world.fleet, "hydro") is None
    await settle()
    assert world.fleet.images.looked
