"""A second Region of the same account, and images that go there: AWS's rules."""

from __future__ import annotations

import datetime

import pytest
from botocore.exceptions import ClientError

from localec2 import Fault, LocalSettings
from localec2.net.firewall import Group, Interface, Policy, Rule
from localec2.world.security_groups import joined

from .conftest import client, describe, eventually, refused, request_for
from .test_images import available, shown
from .test_volumes import machine, volume  # noqa: F401

ELSEWHERE = "eu-west-1"


@pytest.fixture(scope="session")
def there(cloud):
    """EC2 in the other Region."""
    return client(cloud, region_name=ELSEWHERE)


@pytest.fixture(scope="session")
def its(cloud):
    return cloud.control.resources(ELSEWHERE)


@pytest.fixture
def launch_there(there, its):
    made = []

    def run(**more):
        answer = there.run_instances(**request_for(its, **more))
        made.append(answer["Instances"][0]["InstanceId"])
        return made[-1]

    yield run
    if made:
        there.terminate_instances(InstanceIds=made)


@pytest.fixture
def image(ec2, machine, request):  # noqa: F811
    """An image of this Region, with tags, of a machine with a data volume."""
    name = request.node.name[:100]
    tags = [{"Key": "of", "Value": "a repository"}]
    made = ec2.create_image(
        InstanceId=machine,
        Name=name,
        Description="made here",
        TagSpecifications=[{"ResourceType": "image", "Tags": tags}],
    )["ImageId"]
    available(ec2, made)
    return made


def copying(image, name, **more):
    return {
        "SourceRegion": "us-west-2",
        "SourceImageId": image,
        "Name": name,
        **more,
    }


@pytest.mark.proves("regions")
def test_a_region_has_its_own_network_images_and_machines(
    cloud, ec2, there, world, its, launch, launch_there
):
    assert (its.region, its.zones[0][:-1]) == (ELSEWHERE, ELSEWHERE)
    same = ("vpc_id", "subnet_ids", "image_id", "security_group_id")
    assert all(getattr(world, name) != getattr(its, name) for name in same)
    here, elsewhere = launch()["InstanceId"], launch_there()
    cloud.control.wait_for_state(elsewhere, "running")
    machine = cloud.control.machine(elsewhere)  # noqa: F811
    assert (machine.region, machine.zone[:-1]) == (ELSEWHERE, ELSEWHERE)
    # Wherever they are, no two machines have an address in common.
    addresses = [m.private_ip for m in cloud.control.machines("running")]
    assert len(set(addresses)) == len(addresses)
    for api, theirs, other in ((ec2, here, elsewhere), (there, elsewhere, here)):
        assert describe(api, theirs)["InstanceId"] == theirs
        got = refused(api.describe_instances, InstanceIds=[other])
        assert got[0] == "InvalidInstanceID.NotFound"
    for wrong in ({"ImageId": world.image_id}, {"SubnetId": [*world.subnet_ids][0]}):
        with pytest.raises(ClientError):
            launch_there(**wrong)


@pytest.mark.proves("regions")
def test_tokens_capacity_and_request_buckets_are_each_regions_own(
    cloud, launch, launch_there, there
):
    token = {"ClientToken": "the same in both"}
    assert launch(**token)["InstanceId"] != launch_there(**token)
    cloud.control.set_capacity({"*": 1})
    got = refused(launch_there)
    assert got[0] == "InsufficientInstanceCapacity"
    cloud.control.set_capacity({})
    cloud.control.change_settings(throttle={"DescribeImages": (1, 0.001)})
    there.describe_images()
    assert refused(there.describe_images)[0] == "RequestLimitExceeded"
    client(cloud).describe_images()


def test_a_fault_can_be_of_one_region(cloud, ec2, there):
    cloud.control.add_fault(Fault(error=("Unavailable", 503), region=ELSEWHERE))
    assert refused(there.describe_images)[0] == "Unavailable"
    ec2.describe_images()


def test_regions_are_set_at_the_start_and_find_room_in_the_network():
    names = ("eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1")
    with pytest.raises(ValueError, match="4 further ones"):
        LocalSettings(regions=names)


def test_this_computer_is_a_member_of_every_regions_network_at_one_address():
    hub, first, second = "10.0.0.3", "10.0.0.4", "10.0.48.4"
    lets_in = Group(ingress=(Rule("tcp", (0, 65535), "10.0.0.0/16"),))
    faces = {hub: Interface(("sg-hub-1",)), first: Interface(("sg-1",))}
    here = Policy({"sg-hub-1": lets_in, "sg-1": Group()}, faces)
    faces = {hub: Interface(("sg-hub-2",), "hub"), second: Interface(("sg-2",))}
    there = Policy({"sg-hub-2": lets_in, "sg-2": Group()}, faces)
    both = joined([here, there])
    assert both.interfaces[hub] == Interface(("sg-hub-1", "sg-hub-2"), "hub")
    assert set(both.interfaces) == {hub, first, second}
    assert set(both.groups) == {"sg-hub-1", "sg-hub-2", "sg-1", "sg-2"}


@pytest.mark.proves("copy-image")
def test_an_image_is_copied_to_another_region_and_launched_there(
    cloud, ec2, there, image, launch_there
):
    cloud.control.change_settings(snapshot_seconds=1)
    made = there.copy_image(**copying(image, "copied"))["ImageId"]
    pending = shown(there, made)
    assert (pending["State"], pending.get("Tags", [])) == ("pending", [])
    got = refused(there.copy_image, **copying(made, "again", SourceRegion=ELSEWHERE))
    assert got[0] == "InvalidAMIID.Unavailable"
    copy, source = available(there, made), shown(ec2, image)
    same = ("Architecture", "RootDeviceName", "RootDeviceType", "Description")
    assert [copy[key] for key in same] == [source[key] for key in same]
    assert (copy["SourceImageId"], copy["SourceImageRegion"]) == (image, "us-west-2")
    disks = [each["BlockDeviceMappings"][0]["Ebs"] for each in (source, copy)]
    assert disks[0]["VolumeSize"] == disks[1]["VolumeSize"]
    assert disks[0]["SnapshotId"] != disks[1]["SnapshotId"]
    # It needs nothing of the first one.
    ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    cloud.control.wait_for_state(launch_there(ImageId=made), "running")


@pytest.mark.proves("copy-image")
def test_tags_come_along_if_that_is_asked_for_and_others_with_the_request(there, image):
    new = [{"Key": "copied", "Value": "yes"}]
    specification = [
        {"ResourceType": kind, "Tags": new} for kind in ("image", "snapshot")
    ]
    asked = copying(image, "with tags", TagSpecifications=specification)
    made = there.copy_image(**asked, CopyImageTags=True)["ImageId"]
    tags = {tag["Key"]: tag["Value"] for tag in available(there, made)["Tags"]}
    assert tags == {"of": "a repository", "copied": "yes"}
    disk = shown(there, made)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    (snapshot,) = there.describe_snapshots(SnapshotIds=[disk])["Snapshots"]
    assert snapshot["Tags"] == new


@pytest.mark.proves("copy-image")
def test_what_cannot_be_copied_is_refused(cloud, ec2, there, machine):  # noqa: F811
    unknown = "ami-00000000000000000"
    got = refused(there.copy_image, **copying(unknown, "nothing"))
    assert got[0] == "InvalidAMIID.NotFound"
    got = refused(
        there.copy_image, **copying(unknown, "from mars", SourceRegion="mars-1")
    )
    assert got[0] == "InvalidParameterValue"
    cloud.control.change_settings(snapshot_seconds=30)
    made = ec2.create_image(InstanceId=machine, Name="not yet")["ImageId"]
    got = refused(there.copy_image, **copying(made, "too early"))
    assert got[0] == "InvalidAMIID.Unavailable"


@pytest.mark.proves("copy-image-token", "copy-image-name")
def test_a_token_makes_one_copy_and_no_token_one_each_time(there, image):
    first, again = (
        there.copy_image(**copying(image, "once", ClientToken="one"))["ImageId"]
        for _ in range(2)
    )
    assert first == again
    got = refused(there.copy_image, **copying(image, "other", ClientToken="one"))
    assert got[0] == "IdempotentParameterMismatch"
    second = there.copy_image(**copying(image, "once"))["ImageId"]
    assert second != first
    named = [{"Name": "name", "Values": ["once"]}]
    assert len(there.describe_images(Filters=named)["Images"]) == 2


def test_a_copy_can_fail_after_it_was_accepted(cloud, there, image):
    why = ("Client.InvalidKMSKey", "the key is closed")
    cloud.control.add_fault(Fault("CopyImage", state_reason=why, times=1))
    made = there.copy_image(**copying(image, "fails"))["ImageId"]
    eventually(lambda: shown(there, made)["State"] == "failed")
    assert "the key is closed" in shown(there, made)["StateReason"]["Message"]


@pytest.mark.proves("image-deprecation")
def test_a_deprecated_image_is_still_its_owners(ec2, image, launch):
    now = datetime.datetime.now(datetime.timezone.utc)
    at = now.replace(second=40, microsecond=0) + datetime.timedelta(days=3)
    ec2.enable_image_deprecation(ImageId=image, DeprecateAt=at)
    found = ec2.describe_images(Owners=["self"])["Images"]
    (mine,) = [each for each in found if each["ImageId"] == image]
    rounded = at.replace(second=0) + datetime.timedelta(minutes=1)
    assert mine["DeprecationTime"] == rounded.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    launch(ImageId=image)
    past = now - datetime.timedelta(days=1)
    got = refused(ec2.enable_image_deprecation, ImageId=image, DeprecateAt=past)
    assert got[0] == "InvalidParameterValue"
    ec2.disable_image_deprecation(ImageId=image)
    assert "DeprecationTime" not in shown(ec2, image)


@pytest.mark.proves("pending-image")
def test_an_image_that_is_pending_is_not_shared(cloud, ec2, machine):  # noqa: F811
    share = {"LaunchPermission": {"Add": [{"UserId": "111122223333"}]}}
    cloud.control.change_settings(snapshot_seconds=1)
    made = ec2.create_image(InstanceId=machine, Name="to be shared")["ImageId"]
    got = refused(ec2.modify_image_attribute, ImageId=made, **share)
    assert got[0] == "InvalidAMIID.Unavailable"
    available(ec2, made)
    ec2.modify_image_attribute(ImageId=made, **share)
    asked = {"ImageId": made, "Attribute": "launchPermission"}
    answer = ec2.describe_image_attribute(**asked)
    assert answer["LaunchPermissions"] == share["LaunchPermission"]["Add"]
