"""Who follows a build: killed at any moment, alone or not, and run again."""

import asyncio
from dataclasses import replace

import pytest

from ec2spawner.core.tags import (
    BUILD_TAG,
    HUB_TAG,
    IMAGE_TAG,
    KEY_TAG,
    OWNER_TAG,
    read_lease,
)
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.facts import Image
from ec2spawner.images.builds.driver import Driver
from ec2spawner.images.builds.follow import Order
from ec2spawner.images.builds.request import builder_request, builder_tags
from ec2spawner.images.errors import ImageError
from ec2spawner.settings import LaunchSettings

from .small_ec2 import Killed, SmallClients, SmallEC2

HUB, KEY = "lab-hub", "0123456789abcdef0123456789abcdef01234567"
BASE = Image("ami-base", "/dev/xvda", "x86_64")


def order(*subnets):
    settings = LaunchSettings(tags={"award": "NSF-1", "who": "{username}"})
    tags = builder_tags(settings, HUB, "hydro", KEY)
    requests = [
        builder_request(settings, BASE, "t3.large", b"data", tags, subnet=subnet)
        for subnet in subnets or ("",)
    ]
    tags = {HUB_TAG: HUB, KEY_TAG: KEY, IMAGE_TAG: "hydro"}
    return Order(HUB, KEY, f"ec2spawner/hydro/{KEY[:12]}", "hydro", tags, requests)


def driver(ec2, wanted=None, told=None):
    return Driver(
        SmallClients(ec2),
        wanted or order(),
        [].append if told is None else told.append,
        pause=15,
        sleep=ec2.sleep,
        clock=lambda: ec2.now,
    )


async def build(ec2, wanted=None, told=None):
    return await driver(ec2, wanted, told).run()


async def test_an_image_is_made_and_its_builder_is_ended():
    ec2, told = SmallEC2(), []
    image = await build(ec2, told=told)
    assert image.state == "available" and image.label == "hydro"
    assert ec2.living() == []
    changes = [c for c in ec2.calls if not c.startswith(("Describe", "Get"))]
    expected = ["RunInstances", "StopInstances", "CreateImage", "TerminateInstances"]
    assert changes == expected
    words = [event.word for event in told]
    steps = ["launch", "begin", "uv", "install", "test", "clean", "stop", "image"]
    assert [word for word in words if word != "told"] == steps
    shares = [event.share for event in told]
    assert shares == sorted(shares) and 0 <= shares[0] < shares[-1] < 1


async def test_the_same_key_again_is_no_machine():
    ec2 = SmallEC2()
    first = await build(ec2)
    ec2.calls.clear()
    assert await build(ec2) == first
    assert ec2.calls == ["DescribeImages", "DescribeInstances"]


async def test_a_builder_has_neither_role_nor_key_and_ends_itself():
    ec2 = SmallEC2()
    await build(ec2)
    (machine,) = ec2.machines.values()
    asked = machine["asked"]
    assert asked["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert asked["MetadataOptions"]["HttpTokens"] == "required"
    assert not {"KeyName", "IamInstanceProfile"}.intersection(asked)
    tags = {t["Key"]: t["Value"] for t in machine["tags"]}
    assert tags[HUB_TAG] == HUB and tags[BUILD_TAG] == KEY
    assert tags["award"] == "NSF-1" and "who" not in tags
    # Longer than it can live.
    assert read_lease(tags["ec2spawner:lease"]) >= machine["began"] + ec2.deadline


@pytest.mark.parametrize("arrives", [True, False], ids=["after", "before"])
async def test_killed_at_any_call_the_next_run_goes_on_to_one_image(arrives):
    whole = SmallEC2()
    await build(whole)
    for at in range(1, len(whole.calls) + 1):
        ec2 = SmallEC2()
        ec2.kill_at, ec2.arrives = at, arrives
        with pytest.raises(Killed):
            await build(ec2)
        ec2.kill_at = 0
        image = await build(ec2)
        assert [image.id] == list(ec2.images), at
        assert ec2.living() == [] and len(ec2.machines) == 1, at


@pytest.mark.parametrize("arrives", [True, False], ids=["after", "before"])
async def test_killed_for_good_nothing_runs_after_the_deadline(arrives):
    whole = SmallEC2()
    await build(whole)
    for at in range(1, len(whole.calls) + 1):
        ec2 = SmallEC2()
        ec2.kill_at, ec2.arrives = at, arrives
        with pytest.raises(Killed):
            await build(ec2)
        await ec2.sleep(ec2.deadline)
        assert len(ec2.images) <= 1
        # One that is stopped costs its disk, and the sweep ends it after its lease.
        states = {m["state"] for m in ec2.machines.values()}
        assert states <= {"terminated", "stopped"}, at


async def test_two_who_build_the_same_have_one_builder_and_one_image():
    ec2 = SmallEC2()
    first, second = await asyncio.gather(build(ec2), build(ec2))
    assert first.id == second.id
    assert len(ec2.machines) == len(ec2.images) == 1
    assert ec2.living() == []


async def test_two_programs_that_name_another_owner_have_one_builder_too():
    ec2, names = SmallEC2(), ("ada", "bob")
    wanted = [order(), order()]
    for each, name in zip(wanted, names):
        for spec in each.requests[0]["TagSpecifications"]:
            spec["Tags"].append({"Key": OWNER_TAG, "Value": name})
    drivers = [driver(ec2, each) for each in wanted]
    # Both have looked, and there is none.
    for each in drivers:
        each._look = looked_before(each)
    images = [await each.run() for each in drivers]
    assert images[0] == images[1]
    assert len(ec2.machines) == len(ec2.images) == 1


def looked_before(driver):
    """At first it sees what was there before anybody had launched."""
    first, look = asyncio.ensure_future(driver._look()), driver._look

    async def again():
        driver._look = look
        return await first

    return again


async def test_a_build_that_fails_says_why_and_leaves_nothing():
    ec2 = SmallEC2()
    ec2.fails = "install: numpy ended with 1"
    with pytest.raises(ImageError, match="install: numpy ended with 1"):
        await build(ec2)
    assert ec2.living() == [] and not ec2.images
    ec2.fails = ""
    assert (await build(ec2)).state == "available"
    assert len(ec2.machines) == 2


async def test_a_builder_that_has_ended_is_not_launched_again_and_again():
    ec2 = SmallEC2()
    ec2.deadline = 100
    with pytest.raises(ImageError, match="ended before it was done"):
        await build(ec2)
    assert len(ec2.machines) == 1


async def test_an_image_that_ec2_could_not_make_is_made_again():
    ec2 = SmallEC2()
    ec2.broken_images = 1
    image = await build(ec2)
    assert [image.id] == list(ec2.images)
    assert ec2.living() == [] and ec2.calls.count("CreateImage") == 2


async def test_a_name_that_is_anothers_is_an_error():
    ec2 = SmallEC2()
    wanted = order()
    ec2.images["ami-x"] = dict(Name=wanted.name, Tags=[], State="available", saved=0)
    with pytest.raises(ImageError, match="that this hub has not made"):
        await build(ec2, wanted)
    assert ec2.living() == []


async def test_where_there_is_no_room_another_subnet_is_tried():
    ec2 = SmallEC2()
    ec2.refusals = ["InsufficientInstanceCapacity"]
    await build(ec2, order("subnet-a", "subnet-b"))
    (machine,) = ec2.machines.values()
    (interface,) = machine["asked"]["NetworkInterfaces"]
    assert interface["SubnetId"] == "subnet-b"
    ec2 = SmallEC2()
    ec2.refusals = ["InsufficientInstanceCapacity"]
    with pytest.raises(EC2Error):
        await build(ec2)


async def test_a_lost_answer_is_asked_for_again_with_the_same_token():
    ec2 = SmallEC2()
    ec2.refusals = ["InternalError", "RequestLimitExceeded"]
    assert (await build(ec2)).state == "available"
    assert len(ec2.machines) == 1


async def test_another_key_is_another_image():
    ec2 = SmallEC2()
    await build(ec2)
    other = KEY[::-1]
    wanted = order()
    wanted = replace(
        wanted,
        key=other,
        name=f"ec2spawner/hydro/{other[:12]}",
        tags={**wanted.tags, KEY_TAG: other},
        requests=[
            builder_request(
                LaunchSettings(),
                BASE,
                "t3.large",
                b"data",
                builder_tags(LaunchSettings(), HUB, "hydro", other),
            )
        ],
    )
    await build(ec2, wanted)
    assert len(ec2.images) == len(ec2.machines) == 2
