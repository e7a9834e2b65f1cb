"""Volumes are in one zone and on one machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conftest import describe, refused


@pytest.fixture
def volume(ec2, world) -> Iterator[str]:
    zone = world.zones[0]
    made = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    yield made


@pytest.fixture
def machine(cloud, launch) -> str:
    made = str(launch()["InstanceId"])
    cloud.control.wait_for_state(made, "running")
    return made


@pytest.mark.proves("volume-token")
def test_the_same_token_gives_the_same_volume(ec2, world):
    wanted = {"AvailabilityZone": world.zones[0], "Size": 1, "ClientToken": "volume"}
    first = ec2.create_volume(**wanted)["VolumeId"]
    assert ec2.create_volume(**wanted)["VolumeId"] == first
    got = refused(ec2.create_volume, **{**wanted, "Size": 2})
    assert got[0] == "IdempotentParameterMismatch"


@pytest.mark.proves("volume-zone")
def test_a_volume_stays_in_its_zone(ec2, world, machine):
    got = refused(ec2.create_volume, AvailabilityZone="us-west-2z", Size=1)
    assert got[0] == "InvalidZone.NotFound"
    other = ec2.create_volume(AvailabilityZone=world.zones[1], Size=1)["VolumeId"]
    got = refused(
        ec2.attach_volume, VolumeId=other, InstanceId=machine, Device="/dev/sdf"
    )
    assert got[0] == "InvalidVolume.ZoneMismatch"


@pytest.mark.proves("volume-in-use", "device-in-use", "detach")
def test_a_volume_is_attached_once_and_detached(cloud, ec2, launch, volume, machine):
    wanted = {"VolumeId": volume, "InstanceId": machine, "Device": "/dev/sdf"}
    ec2.attach_volume(**wanted)
    assert refused(ec2.attach_volume, **wanted)[0] == "VolumeInUse"
    second = launch()["InstanceId"]
    cloud.control.wait_for_state(second, "running")
    got = refused(ec2.attach_volume, **{**wanted, "InstanceId": second})
    assert got[0] == "VolumeInUse"
    assert refused(ec2.delete_volume, VolumeId=volume)[0] == "VolumeInUse"
    another = ec2.create_volume(
        AvailabilityZone=describe(ec2, machine)["Placement"]["AvailabilityZone"], Size=1
    )["VolumeId"]
    got = refused(ec2.attach_volume, **{**wanted, "VolumeId": another})
    assert got[0] == "InvalidParameterValue" and "/dev/sdf" in got[2]
    ec2.detach_volume(VolumeId=volume)
    assert refused(ec2.detach_volume, VolumeId=volume)[0] == "IncorrectState"
    ec2.delete_volume(VolumeId=volume)


@pytest.mark.proves("attach-states")
def test_nothing_is_attached_to_an_instance_that_is_pending(cloud, ec2, launch, volume):
    cloud.control.change_settings(pending_seconds=1)
    made = launch()["InstanceId"]
    wanted = {"VolumeId": volume, "InstanceId": made, "Device": "/dev/sdf"}
    assert refused(ec2.attach_volume, **wanted)[0] == "IncorrectState"
    cloud.control.wait_for_state(made, "running")
    ec2.stop_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "stopped")
    ec2.attach_volume(**wanted)
    ec2.terminate_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "terminated")
    # A volume attached later outlives the instance.
    shown = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    assert shown["State"] == "available"


@pytest.mark.proves("detach")
def test_the_root_volume_of_a_running_instance_stays(ec2, machine):
    root = describe(ec2, machine)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    assert refused(ec2.detach_volume, VolumeId=root)[0] == "OperationNotPermitted"


@pytest.mark.proves("delete-in-use")
def test_what_is_in_use_cannot_be_deleted(ec2, machine):
    instance = describe(ec2, machine)
    volume = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    nic = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    assert refused(ec2.delete_volume, VolumeId=volume)[0] == "VolumeInUse"
    got = refused(ec2.delete_network_interface, NetworkInterfaceId=nic)
    assert got[0] == "InvalidNetworkInterface.InUse"
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=nic)
    got = refused(ec2.release_address, AllocationId=address)
    assert got[0] == "InvalidIPAddress.InUse"
