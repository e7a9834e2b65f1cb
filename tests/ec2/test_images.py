"""From what an admin writes for ``image`` to one AMI."""

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.ec2.errors import EC2Error


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
