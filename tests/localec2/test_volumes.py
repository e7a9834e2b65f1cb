"""Volumes and snapshots: AWS's rules, and the data that is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import describe, eventually, refused


def shown(ec2, volume: str) -> dict:
    found: dict = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    return found


def until(ec2, volume: str, state: str) -> None:
    eventually(lambda: shown(ec2, volume)["State"] == state)


def attachment(ec2, volume: str) -> str | None:
    """The state of a volume's attachment; None when it has none."""
    return next((a["State"] for a in shown(ec2, volume)["Attachments"]), None)


@pytest.fixture
def create(ec2, world):
    """Create a volume in the first zone and wait until it is available."""

    def make(**wanted) -> str:
        zone = wanted.pop("AvailabilityZone", world.zones[0])
        made: str = ec2.create_volume(AvailabilityZone=zone, **wanted)["VolumeId"]
        until(ec2, made, "available")
        return made

    return make


@pytest.fixture
def volume(create) -> str:
    return str(create(Size=1))


@pytest.fixture
def machine(cloud, launch) -> str:
    made = str(launch()["InstanceId"])
    cloud.control.wait_for_state(made, "running")
    return made


@pytest.fixture
def attach(ec2):
    def plug(volume: str, machine: str, device: str = "/dev/sdf") -> None:
        ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device=device)
        eventually(lambda: attachment(ec2, volume) == "attached")

    return plug


@pytest.fixture
def snapshot(ec2):
    """Make a snapshot and wait until it is completed."""

    def make(volume: str) -> str:
        made: str = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        eventually(lambda: state_of(ec2, made) == "completed")
        return made

    return make


def state_of(ec2, snapshot: str) -> str:
    found = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
    return str(found["State"])


def on_machine(cloud, machine: str, volume: str) -> Path:
    """Where a process machine finds a volume."""
    return Path(cloud.control.machine(machine).folder) / "devices" / volume


@pytest.mark.proves("volume-token")
def test_the_same_token_gives_the_same_volume(ec2, world):
    wanted = {"AvailabilityZone": world.zones[0], "Size": 1, "ClientToken": "volume"}
    first = ec2.create_volume(**wanted)["VolumeId"]
    assert ec2.create_volume(**wanted)["VolumeId"] == first
    got = refused(ec2.create_volume, **{**wanted, "Size": 2})
    assert got[0] == "IdempotentParameterMismatch"


@pytest.mark.proves("volume-zone")
def test_a_volume_stays_in_its_zone(ec2, world, machine, create):
    got = refused(ec2.create_volume, AvailabilityZone="us-west-2z", Size=1)
    assert got[0] == "InvalidZone.NotFound"
    other = create(AvailabilityZone=world.zones[1], Size=1)
    got = refused(
        ec2.attach_volume, VolumeId=other, InstanceId=machine, Device="/dev/sdf"
    )
    assert got[0] == "InvalidVolume.ZoneMismatch"


@pytest.mark.proves("volume-in-use", "device-in-use", "detach")
def test_a_volume_is_attached_once_and_detached(
    cloud, ec2, launch, volume, machine, create, attach
):
    attach(volume, machine)
    wanted = {"VolumeId": volume, "InstanceId": machine, "Device": "/dev/sdf"}
    assert refused(ec2.attach_volume, **wanted)[0] == "VolumeInUse"
    second = launch()["InstanceId"]
    cloud.control.wait_for_state(second, "running")
    got = refused(ec2.attach_volume, **{**wanted, "InstanceId": second})
    assert got[0] == "VolumeInUse"
    assert refused(ec2.delete_volume, VolumeId=volume)[0] == "VolumeInUse"
    another = create(Size=1)
    # They are two names of one place.
    for device in ("/dev/sdf", "xvdf"):
        asked = {**wanted, "VolumeId": another, "Device": device}
        got = refused(ec2.attach_volume, **asked)
        assert got[0] == "InvalidParameterValue" and device in got[2]
    elsewhere = {"VolumeId": volume, "InstanceId": second}
    assert refused(ec2.detach_volume, **elsewhere)[0] == "InvalidAttachment.NotFound"
    ec2.detach_volume(VolumeId=volume)
    until(ec2, volume, "available")
    assert refused(ec2.detach_volume, VolumeId=volume)[0] == "IncorrectState"


@pytest.mark.proves("volume-states")
def test_a_volume_takes_its_time_to_be_created_attached_detached_and_deleted(
    cloud, ec2, world, machine
):
    cloud.control.change_settings(volume_seconds=1)
    zone = world.zones[0]
    made = ec2.create_volume(AvailabilityZone=zone, Size=1)
    assert made["State"] == "creating"
    volume = made["VolumeId"]
    asked = {"VolumeId": volume, "InstanceId": machine, "Device": "/dev/sdf"}
    got = refused(ec2.attach_volume, **asked)
    assert got[:1] + got[2:] == ("IncorrectState", f"{volume} is not 'available'.")
    assert refused(ec2.delete_volume, VolumeId=volume)[0] == "IncorrectState"
    until(ec2, volume, "available")
    assert ec2.attach_volume(**asked)["State"] == "attaching"
    assert (shown(ec2, volume)["State"], attachment(ec2, volume)) == (
        "in-use",
        "attaching",
    )
    eventually(lambda: attachment(ec2, volume) == "attached")
    (block,) = describe(ec2, machine)["BlockDeviceMappings"][1:]
    assert (block["DeviceName"], block["Ebs"]["Status"]) == ("/dev/sdf", "attached")
    assert ec2.detach_volume(VolumeId=volume)["State"] == "detaching"
    assert attachment(ec2, volume) == "detaching"
    until(ec2, volume, "available")
    assert len(describe(ec2, machine)["BlockDeviceMappings"]) == 1
    ec2.delete_volume(VolumeId=volume)
    assert shown(ec2, volume)["State"] == "deleting"
    assert refused(ec2.attach_volume, **asked)[0] == "IncorrectState"

    def gone() -> bool:
        volumes = ec2.describe_volumes()["Volumes"]
        return volume not in [each["VolumeId"] for each in volumes]

    eventually(gone)
    assert refused(ec2.delete_volume, VolumeId=volume)[0] == "InvalidVolume.NotFound"


@pytest.mark.proves("device-name")
@pytest.mark.parametrize("device", ["sdf1x", "/dev/nvme1n1", "/dev/sd", "/dev/../x"])
def test_a_device_name_is_one_of_awss(ec2, launch, volume, machine, device):
    asked = {"VolumeId": volume, "InstanceId": machine, "Device": device}
    got = refused(ec2.attach_volume, **asked)
    assert got[0] == "InvalidParameterValue" and device in got[2]
    disk = {"DeviceName": device, "Ebs": {"VolumeSize": 1}}
    assert refused(launch, BlockDeviceMappings=[disk])[0] == "InvalidBlockDeviceMapping"


@pytest.mark.proves("attach-states")
def test_nothing_is_attached_to_an_instance_that_is_pending(
    cloud, ec2, launch, volume, attach
):
    cloud.control.change_settings(pending_seconds=1)
    made = launch()["InstanceId"]
    wanted = {"VolumeId": volume, "InstanceId": made, "Device": "/dev/sdf"}
    assert refused(ec2.attach_volume, **wanted)[0] == "IncorrectState"
    cloud.control.wait_for_state(made, "running")
    ec2.stop_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "stopped")
    attach(volume, made)
    ec2.terminate_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "terminated")
    # A volume attached later outlives the instance.
    assert shown(ec2, volume)["State"] == "available"


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


def test_what_is_written_to_a_volume_outlives_its_machine(
    cloud, ec2, launch, volume, machine, attach
):
    attach(volume, machine)
    (on_machine(cloud, machine, volume) / "note").write_text("kept")
    first_disk = cloud.control.machine(machine).folder
    # A stop keeps it there, and a start plugs it in again.
    ec2.stop_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "stopped")
    ec2.start_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "running")
    assert (on_machine(cloud, machine, volume) / "note").read_text() == "kept"
    ec2.terminate_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "terminated")
    assert not Path(first_disk).exists()
    second = launch()["InstanceId"]
    cloud.control.wait_for_state(second, "running")
    attach(volume, second)
    assert (on_machine(cloud, second, volume) / "note").read_text() == "kept"
    ec2.detach_volume(VolumeId=volume)
    until(ec2, volume, "available")
    assert not on_machine(cloud, second, volume).is_symlink()


def test_a_process_machine_is_told_where_its_volumes_are(cloud, ec2, launch, volume):
    made = launch(UserData="#!/bin/sh\nls $EC2SPAWNER_LOCAL_DEVICES\nexec sleep 1000\n")
    machine = made["InstanceId"]
    cloud.control.wait_for_state(machine, "running")
    ec2.stop_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "stopped")
    ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdf")
    ec2.start_instances(InstanceIds=[machine])

    def told() -> bool:
        output = ec2.get_console_output(InstanceId=machine).get("Output", "")
        return volume in output

    eventually(told)


@pytest.mark.proves("snapshots")
def test_a_snapshot_holds_what_the_volume_held(
    cloud, ec2, world, volume, machine, attach, create
):
    attach(volume, machine)
    note = on_machine(cloud, machine, volume) / "note"
    note.write_text("before")
    cloud.control.change_settings(snapshot_seconds=1)
    made = ec2.create_snapshot(
        VolumeId=volume,
        TagSpecifications=[
            {"ResourceType": "snapshot", "Tags": [{"Key": "of", "Value": "alice"}]}
        ],
    )
    snapshot = made["SnapshotId"]
    assert (made["State"], made["VolumeSize"]) == ("pending", 1)
    wanted = {"AvailabilityZone": world.zones[1], "SnapshotId": snapshot}
    assert refused(ec2.create_volume, **wanted)[0] == "IncorrectState"
    assert "FullSnapshotSizeInBytes" not in made
    eventually(lambda: state_of(ec2, snapshot) == "completed")
    (told,) = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    assert told["FullSnapshotSizeInBytes"] == 2**30
    note.write_text("after")
    # In another zone: a way for a home to move.
    copy = create(**wanted)
    assert (shown(ec2, copy)["Size"], shown(ec2, copy)["SnapshotId"]) == (1, snapshot)
    bigger = create(**wanted, Size=3)
    assert shown(ec2, bigger)["Size"] == 3
    data = Path(cloud.folder) / "volumes"
    eventually(lambda: (data / copy / "note").exists())
    assert (data / copy / "note").read_text() == "before"
    ec2.delete_snapshot(SnapshotId=snapshot)
    eventually(lambda: not (data / snapshot).exists())
    assert refused(ec2.create_volume, **wanted)[0] == "InvalidSnapshot.NotFound"
    assert (data / copy / "note").read_text() == "before"


@pytest.mark.proves("snapshots")
def test_a_volume_is_not_smaller_than_its_snapshot(
    ec2, world, launch, create, snapshot
):
    made = snapshot(create(Size=2))
    small = {"SnapshotId": made, "Size": 1, "AvailabilityZone": world.zones[0]}
    got = refused(ec2.create_volume, **small)
    assert got[0] == "InvalidParameterValue" and "expect size >= 2GB" in got[2]
    disk = {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": made, "VolumeSize": 1}}
    got = refused(launch, BlockDeviceMappings=[disk])
    assert got[0] == "InvalidBlockDeviceMapping" and "expect size >= 2GB" in got[2]


@pytest.mark.proves("launch-volumes")
def test_volumes_are_made_with_a_machine_and_go_with_it_or_stay(
    cloud, ec2, launch, volume, machine, attach, snapshot
):
    attach(volume, machine)
    (on_machine(cloud, machine, volume) / "data").write_text("set")
    source = snapshot(volume)
    made = launch(
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": source}},
            {
                "DeviceName": "/dev/sdg",
                "Ebs": {"VolumeSize": 2, "DeleteOnTermination": True},
            },
        ]
    )["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    blocks = describe(ec2, made)["BlockDeviceMappings"]
    volumes = {b["DeviceName"]: b["Ebs"]["VolumeId"] for b in blocks}
    assert sorted(volumes) == ["/dev/sdf", "/dev/sdg", "/dev/xvda"]
    copy, scratch = volumes["/dev/sdf"], volumes["/dev/sdg"]
    assert [shown(ec2, each)["Size"] for each in (copy, scratch)] == [1, 2]
    assert (on_machine(cloud, made, copy) / "data").read_text() == "set"
    (on_machine(cloud, made, scratch) / "data").write_text("gone soon")
    ec2.terminate_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "terminated")
    until(ec2, copy, "available")
    asked = {"VolumeIds": [scratch]}
    assert refused(ec2.describe_volumes, **asked)[0] == "InvalidVolume.NotFound"
    eventually(lambda: not (Path(cloud.folder) / "volumes" / scratch).exists())
    assert (Path(cloud.folder) / "volumes" / copy / "data").read_text() == "set"


@pytest.mark.proves("launch-volumes")
def test_a_volume_of_a_launch_needs_a_size_or_a_snapshot(ec2, launch):
    disk = {"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}
    assert refused(launch, BlockDeviceMappings=[disk])[0] == "MissingParameter"
    disk["Ebs"] = {"SnapshotId": "snap-00000000000000000"}
    got = refused(launch, BlockDeviceMappings=[disk])
    assert got[0] == "InvalidSnapshot.NotFound"


@pytest.mark.proves("volume-grows")
def test_a_volume_grows_one_change_at_a_time_and_four_times_a_day(
    cloud, ec2, volume, machine
):
    cloud.control.change_settings(volume_seconds=0.5)

    def change() -> str:
        found = ec2.describe_volumes_modifications(VolumeIds=[volume])
        return str(found["VolumesModifications"][0]["ModificationState"])

    got = ec2.modify_volume(VolumeId=volume, Size=2)["VolumeModification"]
    assert (got["OriginalSize"], got["TargetSize"]) == (1, 2)
    assert change() == "modifying"
    got = refused(ec2.modify_volume, VolumeId=volume, Size=3)
    assert got[0] == "IncorrectModificationState"
    asked = {"VolumeId": volume, "InstanceId": machine, "Device": "/dev/sdf"}
    assert refused(ec2.attach_volume, **asked)[0] == "OperationNotPermitted"
    eventually(lambda: change() == "completed")
    assert shown(ec2, volume)["Size"] == 2
    got = refused(ec2.modify_volume, VolumeId=volume, Size=1)
    assert got[0] == "InvalidParameterValue" and "smaller" in got[2]
    cloud.control.change_settings(volume_seconds=0)
    for size in (3, 4, 5):
        ec2.modify_volume(VolumeId=volume, Size=size)
        eventually(lambda: change() == "completed")
    got = refused(ec2.modify_volume, VolumeId=volume, Size=6)
    assert got[0] == "VolumeModificationRateExceeded"
    assert shown(ec2, volume)["Size"] == 5


@pytest.mark.proves("volume-in-use")
def test_a_volume_for_many_machines_at_once_is_not_there(ec2, world):
    wanted = {"AvailabilityZone": world.zones[0], "Size": 4, "VolumeType": "io2"}
    got = refused(ec2.create_volume, **wanted, Iops=100, MultiAttachEnabled=True)
    assert got[0] == "UnsupportedOperation"


def test_dry_runs_change_no_volume(ec2, volume, machine, attach):
    assert refused(ec2.delete_volume, VolumeId=volume, DryRun=True)[1] == 412
    asked = {"VolumeId": volume, "InstanceId": machine, "Device": "/dev/sdf"}
    assert refused(ec2.attach_volume, **asked, DryRun=True)[1] == 412
    assert shown(ec2, volume)["State"] == "available"
    attach(volume, machine)
    assert refused(ec2.detach_volume, VolumeId=volume, DryRun=True)[1] == 412
    assert attachment(ec2, volume) == "attached"


def test_an_encrypted_volume_names_its_key(ec2, create):
    made = create(Size=1, Encrypted=True, VolumeType="gp3")
    assert shown(ec2, made)["Encrypted"] is True
    assert ":key/" in shown(ec2, made)["KmsKeyId"]
