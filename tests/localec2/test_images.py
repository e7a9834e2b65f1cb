"""Images that are made of machines: AWS's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import describe, eventually, refused
from .test_volumes import attach, create, machine, on_machine, volume  # noqa: F401


def shown(ec2, image: str) -> dict:
    found: dict = ec2.describe_images(ImageIds=[image])["Images"][0]
    return found


def available(ec2, image: str) -> dict:
    eventually(lambda: shown(ec2, image)["State"] == "available")
    return shown(ec2, image)


@pytest.mark.proves("images")
def test_an_image_is_pending_then_available_and_can_be_launched(
    cloud, ec2, launch, machine  # noqa: F811
):
    cloud.control.change_settings(snapshot_seconds=1)
    tags = [{"Key": "of", "Value": "a repository"}]
    kinds = ("image", "snapshot")
    made = ec2.create_image(
        InstanceId=machine,
        Name="made-of-a-machine",
        Description="For a test",
        TagSpecifications=[{"ResourceType": k, "Tags": tags} for k in kinds],
    )["ImageId"]
    pending = shown(ec2, made)
    assert (pending["State"], pending["Tags"]) == ("pending", tags)
    got = refused(launch, ImageId=made)
    assert got[0] == "InvalidAMIID.Unavailable"
    image = available(ec2, made)
    source = shown(ec2, describe(ec2, machine)["ImageId"])
    same = ("Architecture", "RootDeviceName", "RootDeviceType", "OwnerId")
    assert [image[key] for key in same] == [source[key] for key in same]
    assert (image["Name"], image["Description"]) == ("made-of-a-machine", "For a test")
    (disk,) = image["BlockDeviceMappings"]
    assert disk["DeviceName"] == image["RootDeviceName"]
    assert (disk["Ebs"]["VolumeSize"], disk["Ebs"]["DeleteOnTermination"]) == (8, True)
    snapshot = ec2.describe_snapshots(SnapshotIds=[disk["Ebs"]["SnapshotId"]])
    assert snapshot["Snapshots"][0]["Tags"] == tags
    assert made in [
        i["ImageId"] for i in ec2.describe_images(Owners=["self"])["Images"]
    ]
    again = launch(ImageId=made)["InstanceId"]
    cloud.control.wait_for_state(again, "running")
    # It was rebooted for the image, and EC2 called it running all the time.
    assert cloud.control.machine(machine).boots == 2
    ec2.deregister_image(ImageId=made)
    assert refused(launch, ImageId=made)[0] == "InvalidAMIID.NotFound"


@pytest.mark.proves("deregister-image")
def test_the_snapshots_of_an_image_go_with_it_if_that_is_asked_for(
    ec2, machine  # noqa: F811
):
    def snapshots(id):
        found = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        return [each["SnapshotId"] for each in found if each["SnapshotId"] == id]

    for asked in (False, True):
        made = ec2.create_image(InstanceId=machine, Name=f"goes-{asked}")["ImageId"]
        disk = available(ec2, made)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        assert snapshots(disk)
        answer = ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=asked)
        results = answer.get("DeleteSnapshotResults", [])
        if asked:
            assert results == [{"SnapshotId": disk, "ReturnCode": "success"}]
        assert bool(snapshots(disk)) == (not asked)


@pytest.mark.proves("images")
def test_a_machine_may_stay_on_while_an_image_is_made_of_it(
    cloud, ec2, machine  # noqa: F811
):
    asked = {"InstanceId": machine, "Name": "as-it-runs", "NoReboot": True}
    made = ec2.create_image(**asked)["ImageId"]
    available(ec2, made)
    assert cloud.control.machine(machine).boots == 1
    got = refused(ec2.create_image, InstanceId=machine, Name="as-it-runs")
    assert got[0] == "InvalidAMIName.Duplicate" and made in got[2]
    got = refused(ec2.create_image, InstanceId=machine, Name="no\nname")
    assert got[0] == "InvalidAMIName.Malformed"
    ec2.terminate_instances(InstanceIds=[machine])
    got = refused(ec2.create_image, InstanceId=machine, Name="too-late")
    assert got[0] == "IncorrectInstanceState"


@pytest.mark.proves("image-takes-volumes")
def test_an_image_has_copies_of_all_volumes_that_were_attached(
    cloud, ec2, launch, volume, machine, attach  # noqa: F811
):
    attach(volume, machine)
    (on_machine(cloud, machine, volume) / "home").write_text("alice's")
    made = ec2.create_image(InstanceId=machine, Name="with-a-home")["ImageId"]
    # The copies of its volumes are made after the reboot, and take longer than its own.
    cloud.control.change_settings(snapshot_seconds=2)
    disks = available(ec2, made)["BlockDeviceMappings"]
    assert [disk["DeviceName"] for disk in disks] == ["/dev/xvda", "/dev/sdf"]
    second = launch(ImageId=made)["InstanceId"]
    cloud.control.wait_for_state(second, "running")
    blocks = describe(ec2, second)["BlockDeviceMappings"]
    volumes = {b["DeviceName"]: b["Ebs"]["VolumeId"] for b in blocks}
    copy = volumes["/dev/sdf"]
    assert copy != volume
    assert (on_machine(cloud, second, copy) / "home").read_text() == "alice's"
    # Unless the launch, or the one who makes the image, leaves it out.
    nothing = [{"DeviceName": "/dev/sdf", "NoDevice": ""}]
    third = launch(ImageId=made, BlockDeviceMappings=nothing)["InstanceId"]
    assert len(describe(ec2, third)["BlockDeviceMappings"]) == 1
    asked = {"InstanceId": machine, "Name": "without-a-home"}
    bare = ec2.create_image(**asked, BlockDeviceMappings=nothing)["ImageId"]
    assert len(available(ec2, bare)["BlockDeviceMappings"]) == 1


def test_what_process_machines_begin_with_is_the_same_for_every_image(
    cloud, ec2, launch, machine  # noqa: F811
):
    """They have no disk that an image could hold."""
    home = Path(cloud.control.machine(machine).folder) / "home"
    (home / "note").write_text("not taken along")
    made = ec2.create_image(InstanceId=machine, Name="of-a-process")["ImageId"]
    available(ec2, made)
    second = launch(ImageId=made)["InstanceId"]
    cloud.control.wait_for_state(second, "running")
    home = Path(cloud.control.machine(second).folder) / "home"
    assert home.is_dir() and not (home / "note").exists()
