"""From what an admin writes for ``image`` to one AMI."""

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.tags import HUB_TAG, IMAGE_TAG, READY, STATUS_TAG
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.images import create_image, deregister_image, shelved_images

from ..localec2.conftest import client, request_for


@pytest.fixture
def world(ec2):
    return ec2.resources()


async def test_an_ami_id_is_taken_as_it_is(fleet, world):
    image = await fleet.images.resolve(world.image_id, [])
    assert image.id == world.image_id
    assert image.root_device == "/dev/xvda"
    assert image.architecture == "x86_64"


async def test_any_architecture_will_do(fleet, world):
    image = await fleet.images.resolve(world.image_id_arm, [])
    assert image.architecture == "arm64"


async def test_an_ssm_parameter_is_followed(fleet, world):
    image = await fleet.images.resolve(f"ssm:{world.image_parameter}", [])
    assert image.id == world.image_id


async def test_a_name_pattern_finds_an_image_of_its_owners(fleet, world):
    pattern = f"name:{world.image_name[:-4]}*"
    image = await fleet.images.resolve(pattern, [world.image_owner])
    assert image.id in (world.image_id, world.image_id_arm)


async def test_an_answer_is_remembered(fleet, world, ec2):
    for _ in range(3):
        await fleet.images.resolve(f"ssm:{world.image_parameter}", [])
    assert len(ec2.requests("GetParameter")) == 1
    assert len(ec2.requests("DescribeImages")) == 1


@pytest.mark.parametrize(
    "image, owners, complaint",
    [
        ("name:ec2spawner-demo-*", [], "image_owners is empty"),
        ("name:no-such-image", ["self"], "is named 'no-such-image'"),
        ("repo:nothing", [], "make one with ec2spawner image build"),
        ("ubuntu", [], "set it to 'ami-...'"),
        ("", [], "set it to 'ami-...'"),
    ],
)
async def test_what_names_no_image_is_explained_to_the_admin(
    fleet, world, image, owners, complaint
):
    with pytest.raises(EC2SpawnError) as caught:
        await fleet.images.resolve(image, owners)
    assert complaint in caught.value.log_message
    assert caught.value.reason == "image"
    assert "tell your hub's admin" in caught.value.jupyterhub_message


@pytest.mark.parametrize("image", ["ami-0123456789abcdef0", "ssm:/no/such/parameter"])
async def test_what_aws_does_not_know_is_an_error_of_the_image(fleet, image):
    with pytest.raises((EC2Error, EC2SpawnError)) as caught:
        await fleet.images.resolve(image, [])
    error = caught.value
    reason = getattr(error, "meaning", error).reason
    assert reason == "image"


@pytest.fixture
def api(cloud):
    return client(cloud)


@pytest.fixture
def machine(api, ec2, world):
    """One that runs, to make images of."""
    id = api.run_instances(**request_for(world))["Instances"][0]["InstanceId"]
    ec2.wait_for_state(id, "running")
    yield id
    api.terminate_instances(InstanceIds=[id])


async def test_a_repository_is_the_newest_image_that_its_hub_has_made(
    fleet, api, machine
):
    lane = fleet.clients.reading
    made = []
    for number, (hub, status) in enumerate(
        [
            (fleet.hub_id, READY),
            (fleet.hub_id, READY),
            (fleet.hub_id, "testing"),
            ("another-hub", READY),
        ]
    ):
        tags = {HUB_TAG: hub, IMAGE_TAG: "hydro", STATUS_TAG: status}
        name = f"{fleet.hub_id}/{number}"
        made.append(await create_image(lane, machine, name, "a test", tags))
    waiter = api.get_waiter("image_available")
    waiter.wait(ImageIds=made, WaiterConfig={"Delay": 1})
    shelf = await shelved_images(lane, fleet.hub_id, {IMAGE_TAG: "hydro"})
    assert {image.id for image in shelf} == set(made[:3])
    assert {image.label for image in shelf} == {"hydro"}
    ready = [image for image in shelf if image.ready]
    assert {image.id for image in ready} == set(made[:2])
    newest = max(ready, key=lambda image: image.created_at)
    assert (await fleet.images.resolve("repo:hydro", [])).id == newest.id


async def test_the_name_of_an_image_is_given_once_and_its_snapshots_go_with_it(
    fleet, api, machine
):
    lane, tags = fleet.clients.killing, {HUB_TAG: fleet.hub_id, IMAGE_TAG: "once"}
    made = await create_image(lane, machine, f"{fleet.hub_id}/once", "", tags)
    with pytest.raises(EC2Error) as caught:
        await create_image(lane, machine, f"{fleet.hub_id}/once", "", tags)
    assert caught.value.code == "InvalidAMIName.Duplicate"
    api.get_waiter("image_available").wait(ImageIds=[made], WaiterConfig={"Delay": 1})
    (image,) = await shelved_images(lane, fleet.hub_id, {IMAGE_TAG: "once"})
    assert image.snapshots and image.size
    await deregister_image(lane, made)
    assert await shelved_images(lane, fleet.hub_id, {IMAGE_TAG: "once"}) == []
    left = api.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert not {s["SnapshotId"] for s in left}.intersection(image.snapshots)
