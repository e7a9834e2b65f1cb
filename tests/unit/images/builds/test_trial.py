"""Who tries an image, killed at any moment or not: it is offered when it has passed."""

import pytest

from ec2spawner.core.tags import (
    BUILD_TAG,
    FAILED,
    HUB_TAG,
    IMAGE_TAG,
    KEY_TAG,
    LEASE_TAG,
    STATUS_TAG,
    TESTING,
    read_lease,
)
from ec2spawner.ec2.facts import Image
from ec2spawner.ec2.images import shelved_images
from ec2spawner.images.builds.driver import Driver
from ec2spawner.images.builds.order import order_of_trial
from ec2spawner.images.builds.trial import DEADLINE, Trial, Unfit
from ec2spawner.images.errors import ImageError
from ec2spawner.settings import LaunchSettings

from .small_ec2 import Killed, SmallClients, SmallEC2
from .test_driver import order

HUB, NAME, ID = "lab-hub", "ec2spawner/hydro/0123", "ami-hydro"


def shelf(status=TESTING):
    """An EC2 that has one image."""
    ec2 = SmallEC2()
    ec2.deadline = DEADLINE
    tags = {HUB_TAG: HUB, IMAGE_TAG: "hydro", KEY_TAG: "0123", STATUS_TAG: status}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    ec2.images[ID] = dict(ImageId=ID, Name=NAME, State="available", Tags=pairs)
    return ec2


async def image(ec2):
    """As it is now; that the test looks is no call of who is killed."""
    at, ec2.kill_at = ec2.kill_at, 0
    (found,) = await shelved_images(SmallClients(ec2).reading, HUB)
    ec2.kill_at = at
    ec2.calls.pop()
    return found


async def tried(ec2, told=None, subnets=()):
    found = await image(ec2)
    settings = LaunchSettings(subnets=list(subnets))
    base = Image(found.id, "/dev/xvda", "x86_64")
    wanted = order_of_trial(settings, HUB, found, base, "t3.small")
    trial = Trial(
        SmallClients(ec2),
        wanted,
        [].append if told is None else told.append,
        pause=15,
        sleep=ec2.sleep,
        clock=lambda: ec2.now,
        image=found,
    )
    return await trial.run()


async def test_an_image_that_passes_is_ready_and_its_machine_is_ended():
    ec2, told = shelf(), []
    assert not (await image(ec2)).ready
    assert (await tried(ec2, told)).ready
    assert ec2.living() == []
    changes = [c for c in ec2.calls if not c.startswith(("Describe", "Get"))]
    assert changes == ["RunInstances", "CreateTags", "TerminateInstances"]
    words = [event.word for event in told if event.word != "told"]
    assert words[:2] == ["launch", "begin"] and words[-1] == "verdict"
    shares = [event.share for event in told]
    assert shares == sorted(shares) and shares[-1] < 1


async def test_its_machine_is_the_hubs_has_a_lease_and_ends_itself():
    ec2 = shelf()
    await tried(ec2)
    (machine,) = ec2.machines.values()
    asked = machine["asked"]
    assert asked["ImageId"] == ID
    assert asked["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert not {"KeyName", "IamInstanceProfile"}.intersection(asked)
    tags = {t["Key"]: t["Value"] for t in machine["tags"]}
    assert tags[HUB_TAG] == HUB and tags[IMAGE_TAG] == "hydro"
    # No sweep ends it before its time, and no build takes it for its own.
    assert tags[BUILD_TAG] and tags[BUILD_TAG] != "0123"
    assert read_lease(tags[LEASE_TAG]) >= machine["began"] + DEADLINE


@pytest.mark.parametrize("before", [TESTING, "ready"])
async def test_an_image_that_fails_is_not_offered_and_says_why(before):
    ec2 = shelf(before)
    ec2.fails = "start: the server does not start"
    with pytest.raises(Unfit, match="ami-hydro has failed its test: start: the server"):
        await tried(ec2)
    assert (await image(ec2)).tags[STATUS_TAG] == FAILED
    assert ec2.living() == []


async def test_an_image_that_does_not_boot_fails():
    ec2 = shelf()
    ec2.silent, ec2.deadline = True, float("inf")
    with pytest.raises(Unfit, match="its machine said nothing in 20 min"):
        await tried(ec2)
    assert (await image(ec2)).tags[STATUS_TAG] == FAILED
    assert ec2.living() == []


async def test_what_nobody_can_say_changes_nothing():
    ec2 = shelf("ready")
    ec2.deadline = 60
    with pytest.raises(ImageError, match="has ended before it was done: its 30 min"):
        await tried(ec2)
    assert (await image(ec2)).ready and len(ec2.machines) == 1


@pytest.mark.parametrize("arrives", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("fails", ["", "start: no"], ids=["passes", "fails"])
async def test_killed_at_any_call_the_next_run_comes_to_the_same_verdict(
    arrives, fails
):
    async def verdict(ec2):
        try:
            return (await tried(ec2)).ready
        except Unfit:
            return False

    whole = shelf()
    whole.fails = fails
    assert await verdict(whole) is (not fails)
    for at in range(1, len(whole.calls) + 1):
        ec2 = shelf()
        ec2.fails, ec2.kill_at, ec2.arrives = fails, at, arrives
        with pytest.raises(Killed):
            await verdict(ec2)
        ec2.kill_at, ec2.calls = 0, []
        assert await verdict(ec2) is (not fails), at
        assert ec2.living() == [], at
        # After the verdict nobody remembers that there was one machine.
        assert len(ec2.machines) <= 2, at


async def test_killed_for_good_nothing_runs_after_the_deadline():
    whole = shelf()
    await tried(whole)
    for at in range(1, len(whole.calls) + 1):
        ec2 = shelf()
        ec2.kill_at = at
        with pytest.raises(Killed):
            await tried(ec2)
        await ec2.sleep(DEADLINE)
        assert ec2.living() == [], at


async def test_where_there_is_no_room_another_subnet_is_tried():
    ec2 = shelf()
    ec2.refusals = ["InsufficientInstanceCapacity"]
    assert (await tried(ec2, subnets=["subnet-a", "subnet-b"])).ready
    (machine,) = ec2.machines.values()
    (interface,) = machine["asked"]["NetworkInterfaces"]
    assert interface["SubnetId"] == "subnet-b"


async def test_a_build_does_not_hand_out_an_image_that_has_failed():
    ec2 = shelf(FAILED)
    wanted = order()
    pairs = [{"Key": key, "Value": value} for key, value in wanted.tags.items()]
    ec2.images[ID]["Tags"] = [*pairs, {"Key": STATUS_TAG, "Value": FAILED}]
    driver = Driver(SmallClients(ec2), wanted, [].append, sleep=ec2.sleep)
    with pytest.raises(ImageError, match="has failed its test: look why with ec2spawn"):
        await driver.run()
    assert ec2.machines == {}
