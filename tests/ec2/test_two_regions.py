"""An image that is in one of a hub's regions: what the Hub knows and says."""

import logging

import pytest

from ec2spawner.core.tags import HUB_TAG, IMAGE_TAG, READY, STATUS_TAG
from ec2spawner.ec2.clients import Account
from ec2spawner.ec2.images import copy_image, create_image, shelved_images
from ec2spawner.fleet.fleet import Fleet, FleetKey
from ec2spawner.hub.form_facts import learn
from ec2spawner.spawner import EC2Spawner
from localec2 import Fault

from ..localec2.conftest import client, request_for

HERE, THERE = "us-west-2", "eu-west-1"


@pytest.fixture
def there(fleet, cloud):
    """The same hub's fleet in its other region."""
    key = FleetKey(fleet.hub_id, Account(THERE, cloud.endpoint_url))
    made = Fleet(key, fast=0.1, slow=1, log=logging.getLogger("test"))
    yield made
    made.close()


def until_available(cloud, region, image):
    waiter = client(cloud, region_name=region).get_waiter("image_available")
    waiter.wait(ImageIds=[image], WaiterConfig={"Delay": 1})


@pytest.fixture
async def image(fleet, cloud, ec2):
    """``repo:hydro`` of this hub, in the first region."""
    api = client(cloud)
    machine = api.run_instances(**request_for(ec2.resources()))
    machine = machine["Instances"][0]["InstanceId"]
    ec2.wait_for_state(machine, "running")
    tags = {HUB_TAG: fleet.hub_id, IMAGE_TAG: "hydro", STATUS_TAG: READY}
    lane = fleet.clients.killing
    made = await create_image(lane, machine, f"{fleet.hub_id}/hydro", "", tags)
    until_available(cloud, HERE, made)
    (found,) = await shelved_images(lane, fleet.hub_id)
    return found


async def test_it_is_said_once_with_what_to_do_until_it_was_copied(
    fleet, there, cloud, image, caplog
):
    settings = EC2Spawner(images=["repo:hydro"], regions=[HERE, THERE], sizes=[])
    told = set()
    for _ in range(2):
        await learn(settings, [fleet, there], told)
    lines = [r.getMessage() for r in caplog.records if "hydro" in r.getMessage()]
    assert lines == [
        "Image repo:hydro is in us-west-2 only, and servers in eu-west-1 want it: "
        "ec2spawner image copy hydro --to eu-west-1"
    ]
    assert there.images.is_absent("repo:hydro", [])
    assert fleet.images.known("repo:hydro", []).id == image.id
    made = await copy_image(there.clients.killing, image, HERE, image.tags, "once")
    until_available(cloud, THERE, made)
    await learn(settings, [fleet, there], told)
    assert not there.images.is_absent("repo:hydro", [])
    assert there.images.known("repo:hydro", []).id == made


async def test_an_ami_that_another_region_has_is_told_likewise(
    fleet, there, ec2, caplog
):
    ami = ec2.resources().image_id
    settings = EC2Spawner(images={"Demo": ami}, regions=[HERE, THERE])
    await learn(settings, [fleet, there])
    (line,) = [r.getMessage() for r in caplog.records if ami in r.getMessage()]
    assert f"Image {ami} is in {HERE} only, and servers in {THERE} want it" in line


async def test_trouble_with_ec2_is_no_sign_that_an_image_is_not_there(
    fleet, there, ec2, image
):
    ec2.add_fault(Fault("DescribeImages", error=("UnauthorizedOperation", 403)))
    settings = EC2Spawner(images=["repo:hydro"], regions=[HERE, THERE])
    await learn(settings, [fleet, there])
    assert not there.images.is_absent("repo:hydro", [])
