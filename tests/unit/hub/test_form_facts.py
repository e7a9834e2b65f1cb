import asyncio
import logging
from types import SimpleNamespace

import pytest

from ec2spawner.core.tags import READY, STATUS_TAG
from ec2spawner.ec2.facts import Region, TypeFacts
from ec2spawner.ec2.images import ShelvedImage
from ec2spawner.hub import form_facts
from ec2spawner.hub.form_facts import keep_learning, wished_images
from ec2spawner.server.choice import known_profiles
from ec2spawner.spawner import EC2Spawner

LOG = logging.getLogger("test")
SIZE = {
    "choices": {
        "s": {"ec2spawner_override": {"instance_type": "t3.small"}},
        "l": {"ec2spawner_override": {"instance_type": "m7i.large"}},
    }
}
LIST = [{"display_name": "A", "profile_options": {"size": SIZE}}]


class SlowEC2:
    """Tells what it knows of types when the test lets it."""

    def __init__(self, *known):
        self.known = list(known)
        self.asked = []
        self.may_answer = asyncio.Semaphore(0)
        self.catalog = self
        self.images = SimpleNamespace(resolve=self.resolve)
        self.log = LOG

    async def region(self, types, subnets):
        self.asked.append(types)
        await self.may_answer.acquire()
        known = self.known.pop(0)
        return Region(types={name: TypeFacts() for name in types if name in known})

    async def resolve(self, image, owners):
        self.asked.append(image)


async def learning_of(ec2, **settings):
    """What is said of whether the Hub is still learning, as it changes."""
    said = []
    spawner = EC2Spawner(instance_type="t3.small", **settings)
    task = asyncio.ensure_future(keep_learning(spawner, [ec2], LOG, said.append))
    for _ in range(5):
        await asyncio.sleep(0)
    return said, task


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("settings", [{"profile_list": LIST}, {"sizes": ["m7i.large"]}])
async def test_the_form_is_told_that_ec2_is_asked_until_it_has_answered(settings):
    ec2 = SlowEC2({"t3.small", "m7i.large"})
    said, task = await learning_of(ec2, **settings)
    assert said == [True] and ec2.asked == [["m7i.large", "t3.small"]]
    ec2.may_answer.release()
    await settled()
    assert said == [True, False]
    task.cancel()


async def test_what_ec2_does_not_tell_is_asked_again_soon_and_not_promised(monkeypatch):
    monkeypatch.setattr(form_facts, "_SOON", 0)
    ec2 = SlowEC2(set(), {"t3.small", "m7i.large"})
    said, task = await learning_of(ec2, profile_list=LIST)
    ec2.may_answer.release()
    await settled()
    assert said == [True, False] and len(ec2.asked) == 2
    ec2.may_answer.release()
    await settled()
    assert len(ec2.asked) == 2
    task.cancel()


async def test_of_a_list_without_options_nothing_is_asked():
    ec2 = SlowEC2()
    said, task = await learning_of(ec2, profile_list=[{"display_name": "A"}])
    assert said == [True, False] and ec2.asked == []
    task.cancel()


# Which images servers may start from, and where.


def wishes(**settings):
    spawner = EC2Spawner(region="us-west-2", image="repo:hydro", **settings)
    found = wished_images(spawner, known_profiles(spawner))
    return {(region, image) for region, image, _ in found}


def test_without_profiles_it_is_the_setting():
    assert wishes() == {("us-west-2", "repo:hydro")}


def test_each_image_goes_with_each_region_that_is_on_offer():
    images, regions = ["repo:hydro", "repo:ocean"], ["us-west-2", "eu-west-1"]
    found = wishes(images=images, regions=regions)
    assert found == {(region, image) for region in regions for image in images}


def test_an_image_that_names_its_region_goes_with_that_one():
    ocean = {"image": "ami-ocean", "ec2spawner_override": {"region": "eu-west-1"}}
    images = {"Ocean": ocean, "Hydro": "repo:hydro"}
    found = wishes(images=images, regions=["us-west-2"])
    assert found == {("us-west-2", "repo:hydro"), ("eu-west-1", "ami-ocean")}


def test_a_profile_with_a_region_of_its_own_takes_its_image_there():
    override = {"region": "eu-west-1"}
    profile = {"display_name": "Europe", "ec2spawner_override": override}
    assert wishes(profile_list=[profile]) == {
        ("us-west-2", "repo:hydro"),
        ("eu-west-1", "repo:hydro"),
    }


# What the hub has made, for the form.


class Shelf:
    """A region with images of these names."""

    def __init__(self, region, *names):
        self.region, self.names, self.looked, self.log = region, names, 0, LOG
        self.images, self.shelf = self, None
        self.catalog = SimpleNamespace(region=self.types)

    async def types(self, types, subnets):
        return Region(types={name: TypeFacts() for name in types})

    async def resolve(self, image, owners):
        pass

    async def look_at_shelf(self):
        self.looked += 1
        tags = {STATUS_TAG: READY}
        self.shelf = [
            ShelvedImage(name, name, "available", name, tags=tags)
            for name in self.names
        ]

    def is_absent(self, image, owners):
        return False


async def learned(settings, *shelves):
    return await form_facts.learn(EC2Spawner(region="a", **settings), shelves)


async def test_shelves_are_looked_at_where_somebody_may_want_what_is_on_them():
    here, there = Shelf("a", "hydro"), Shelf("b")
    assert await learned({"image": "repo:hydro"}, here, there)
    assert (here.looked, there.looked) == (1, 0)
    assert await learned({"image": "ami-1"}, here, there)
    assert (here.looked, there.looked) == (1, 0)
    own = {"image": "ami-1", "ec2spawner_override": {"repository": "https://x/y"}}
    await form_facts.learn(EC2Spawner(region="a", images={"Own": own}), [here, there])
    assert (here.looked, there.looked) == (2, 1)


async def test_what_is_still_to_be_built_is_looked_for_again_soon():
    assert not await learned({"image": "repo:hydro"}, Shelf("a", "other"))
    assert not await learned({"image": "repo:hydro"}, Shelf("a"))
