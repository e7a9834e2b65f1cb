"""Who saves somebody's machine, killed at any moment or not: no copy of it is left."""

import pytest

from ec2spawner.core.tags import (
    HUB_TAG,
    IMAGE_TAG,
    KEY_TAG,
    RAW,
    SAVED_TAG,
    SECRETS_TAG,
    STATUS_TAG,
)
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.facts import Image
from ec2spawner.ec2.images import ShelvedImage, shelved_images
from ec2spawner.ec2.machines import Machine
from ec2spawner.images.builds.order import order_of_raw, order_of_save
from ec2spawner.images.builds.save import Save
from ec2spawner.images.errors import ImageError
from ec2spawner.settings import LaunchSettings

from .small_ec2 import Killed, SmallClients, SmallEC2

RAW_TAGS = {HUB_TAG: "lab-hub", SAVED_TAG: "alice"}
HUB, MACHINE = "lab-hub", "i-of-alice"
TOOLS = {"uv": {}, "indexes": [], "scanner": "x==1", "homes": False, "born": 0.0}
ALICES = Machine(
    MACHINE,
    "running",
    volumes={"/dev/xvda": "vol-root", "/dev/sdf": "vol-home", "/dev/sdg": "vol-data"},
    root_device="/dev/xvda",
)


def small():
    ec2 = SmallEC2()
    ec2.secrets = "0"
    ec2.machine_of_a_user(MACHINE)
    return ec2


def of(ec2, label="tools", told=None):
    settings = LaunchSettings()
    return Save(
        SmallClients(ec2),
        order_of_raw(HUB, ALICES, label, "alice", ec2.now),
        [].append if told is None else told.append,
        pause=15,
        sleep=ec2.sleep,
        clock=lambda: ec2.now,
        machine=ALICES,
        clean_order=lambda raw, base: order_of_save(
            settings, raw, base, TOOLS, "t3.small"
        ),
    )


async def saved(ec2, told=None):
    return await of(ec2, told=told).run()


def tags_of(image):
    return {each["Key"]: each["Value"] for each in image["Tags"]}


async def test_a_machine_becomes_an_image_and_its_copy_is_gone():
    ec2, told = small(), []
    image = await saved(ec2, told)
    assert image.ready and list(ec2.images) == [image.id]
    assert image.tags[SAVED_TAG] == "alice" and image.tags[SECRETS_TAG] == "0"
    assert ec2.living() == []
    changes = [c for c in ec2.calls if not c.startswith(("Describe", "Get"))]
    assert changes == [
        *("CreateImage", "RunInstances", "StopInstances", "CreateImage"),
        *("TerminateInstances", "DeregisterImage"),
    ]
    shares = [event.share for event in told]
    assert shares == sorted(shares) and told[0].word == "copy"


async def test_the_copy_has_no_home_is_never_offered_and_the_machine_runs_on():
    ec2 = small()
    ec2.fails = "scan: no"
    seen = []
    create = ec2.create_image

    def created(**asked):
        seen.append(asked)
        return create(**asked)

    ec2.create_image = created
    with pytest.raises(ImageError, match="the build has failed.*scan: no"):
        await saved(ec2)
    (raw,) = seen
    tags = {t["Key"]: t["Value"] for t in raw["TagSpecifications"][0]["Tags"]}
    assert tags[STATUS_TAG] == RAW and KEY_TAG not in tags
    assert raw["NoReboot"] is True
    without = [each["DeviceName"] for each in raw["BlockDeviceMappings"]]
    assert without == ["/dev/sdf", "/dev/sdg"]
    assert ec2.images == {} and ec2.living() == []
    assert ec2.machines[MACHINE]["state"] == "running"


def test_a_large_disk_has_more_time_to_be_overwritten():
    raw = ShelvedImage("ami-raw", "raw", "available", "tools", tags=RAW_TAGS)
    orders = [
        order_of_save(
            LaunchSettings(),
            raw,
            Image("ami-raw", "/dev/xvda", "x86_64", root_size=size),
            TOOLS,
            "t3.small",
        )
        for size in (8, 500)
    ]
    # 500 GiB at 125 MiB/s, and some more.
    assert orders[1].deadline - orders[0].deadline > 492 * 1024 / 125
    (disk,) = orders[1].requests[0]["BlockDeviceMappings"]
    assert disk["Ebs"]["VolumeSize"] == 500


async def test_what_looks_like_secrets_is_counted_on_the_image():
    ec2 = small()
    ec2.secrets = "3"
    assert (await saved(ec2)).tags[SECRETS_TAG] == "3"


async def test_saved_again_it_is_another_image():
    ec2 = small()
    first = await saved(ec2)
    second = await saved(ec2)
    assert first.key != second.key and len(ec2.images) == 2


@pytest.mark.parametrize("arrives", [True, False], ids=["after", "before"])
async def test_killed_at_any_call_the_next_run_leaves_one_image_and_no_copy(arrives):
    whole = small()
    await saved(whole)
    for at in range(1, len(whole.calls) + 1):
        ec2 = small()
        ec2.kill_at, ec2.arrives = at, arrives
        with pytest.raises(Killed):
            await saved(ec2)
        ec2.kill_at = 0
        image = await saved(ec2)
        mine = await shelved_images(SmallClients(ec2).reading, HUB, {STATUS_TAG: RAW})
        assert mine == [] and image.ready, at
        # Whose copy was gone when it was killed had nothing more to do.
        last = at == len(whole.calls) and arrives
        assert len(ec2.images) == 1 + last, at
        assert ec2.living() == [] and ec2.machines[MACHINE]["state"] == "running", at


async def test_killed_for_good_nothing_runs_after_the_deadline_and_no_copy_is_offered():
    whole = small()
    await saved(whole)
    for at in range(1, len(whole.calls) + 1):
        ec2 = small()
        ec2.kill_at = at
        with pytest.raises(Killed):
            await saved(ec2)
        await ec2.sleep(ec2.deadline)
        states = {ec2.machines[id]["state"] for id in ec2.living()}
        assert states <= {"stopped"}, at
        raw = [i for i in ec2.images.values() if tags_of(i)[STATUS_TAG] == RAW]
        done = [i for i in ec2.images.values() if KEY_TAG in tags_of(i)]
        assert len(raw) <= 1 and len(done) <= 1, at


async def test_a_copy_of_before_is_not_taken_for_the_disk_of_now():
    ec2 = small()
    ec2.kill_at = 6
    with pytest.raises(Killed):
        await saved(ec2)
    (old,) = ec2.images
    ec2.kill_at = 0
    await ec2.sleep(3 * 3600)
    await saved(ec2)
    assert old not in ec2.images and ec2.calls.count("CreateImage") == 3
    assert len(ec2.images) == 1


async def test_a_copy_of_another_name_is_left_alone():
    ec2 = small()
    ec2.kill_at = 6
    with pytest.raises(Killed):
        await of(ec2, "others").run()
    ec2.kill_at = 0
    await saved(ec2)
    labels = sorted(tags_of(i)[IMAGE_TAG] for i in ec2.images.values())
    assert labels == ["others", "tools"]
    assert all(tags_of(i)[HUB_TAG] == HUB for i in ec2.images.values())


async def test_what_ec2_refuses_leaves_no_copy_either():
    ec2 = small()
    ec2.refusals = ["UnauthorizedOperation"]
    with pytest.raises(EC2Error):
        await saved(ec2)
    assert ec2.images == {} and ec2.living() == []


async def test_a_copy_that_ec2_could_not_make_is_made_again():
    ec2 = small()
    ec2.broken_images = 1
    assert (await saved(ec2)).ready
    assert len(ec2.images) == 1
