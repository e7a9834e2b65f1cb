"""Machines that hibernate, and what EC2 demands of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import describe, eventually, refused

COUNTS = "#!/bin/sh\ni=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done\n"
ON = {"Configured": True}


@pytest.fixture
def device(ec2, world):
    image = ec2.describe_images(ImageIds=[world.image_id])["Images"][0]
    return image["RootDeviceName"]


@pytest.fixture
def able(launch, device):
    """Launch a machine that may hibernate."""

    def run(size=30, encrypted=True, **wanted):
        ebs = {"VolumeSize": size, **({"Encrypted": True} if encrypted else {})}
        disks = [{"DeviceName": device, "Ebs": ebs}]
        wanted.setdefault("HibernationOptions", ON)
        return launch(BlockDeviceMappings=disks, **wanted)["InstanceId"]

    return run


def hibernate(cloud, ec2, machine):
    ec2.stop_instances(InstanceIds=[machine], Hibernate=True)
    cloud.control.wait_for_state(machine, "stopped")


@pytest.mark.proves("hibernation")
def test_a_machine_goes_on_where_it_was_and_nothing_runs_meanwhile(
    cloud, ec2, world, able
):
    machine = able(UserData=COUNTS)
    console = Path(cloud.control.wait_for_state(machine, "running").console_log)
    volume = ec2.create_volume(AvailabilityZone=world.zones[0], Size=1)["VolumeId"]
    eventually(
        lambda: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"]
        == "available"
    )
    eventually(lambda: "tick 3" in console.read_text())
    hibernate(cloud, ec2, machine)
    shown = describe(ec2, machine)
    assert shown["StateReason"]["Code"] == "Client.UserInitiatedHibernate"
    assert shown["HibernationOptions"] == ON
    assert len(shown["BlockDeviceMappings"]) == 1
    before = console.read_text()
    ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdf")
    assert console.read_text() == before
    ec2.start_instances(InstanceIds=[machine])
    found = cloud.control.wait_for_state(machine, "running")
    eventually(lambda: len(console.read_text()) > len(before))
    lines = [line for line in console.read_text().splitlines() if "tick" in line]
    # It counts on: nothing has booted.
    assert [line.split()[-1] for line in lines] == [
        str(n) for n in range(1, len(lines) + 1)
    ]
    assert found.boots == 1
    eventually(lambda: (Path(found.folder) / "devices" / volume).exists())
    # An ordinary stop forgets what was in memory.
    ec2.stop_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "stopped")
    shown = describe(ec2, machine)
    assert shown["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    hibernated_is_over = ec2.start_instances(InstanceIds=[machine])
    assert hibernated_is_over["StartingInstances"]
    assert cloud.control.wait_for_state(machine, "running").boots == 2


def test_a_machine_that_hibernates_can_be_ended(cloud, ec2, able):
    machine = able(UserData=COUNTS)
    cloud.control.wait_for_state(machine, "running")
    hibernate(cloud, ec2, machine)
    assert cloud.control.machine(machine).pids
    ec2.terminate_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "terminated")
    assert cloud.control.machine(machine).pids == []


@pytest.mark.proves("hibernation-launch")
@pytest.mark.parametrize(
    "wrong, code, why",
    [
        ({"InstanceType": "g4dn.xlarge"}, "UnsupportedHibernation", "does not support"),
        ({"encrypted": False}, "UnsupportedHibernation", "not encrypted"),
        ({"size": 9, "InstanceType": "m5.xlarge"}, "UnsupportedHibernation", "16384"),
        (
            {
                "InstanceMarketOptions": {
                    "MarketType": "spot",
                    "SpotOptions": {"InstanceInterruptionBehavior": "terminate"},
                }
            },
            "InvalidParameterCombination",
            "interruption",
        ),
    ],
)
def test_what_cannot_hibernate_is_not_launched(able, wrong, code, why):
    got = refused(able, **wrong)
    assert got[0].startswith(code) and why in got[2]


@pytest.mark.proves("hibernation-refused")
def test_a_machine_is_not_hibernated_that_was_not_made_for_it_or_has_just_booted(
    cloud, ec2, able
):
    cloud.control.change_settings(hibernation_ready_seconds=3600)
    plain, able = able(HibernationOptions={"Configured": False}), able()
    for machine in (plain, able):
        cloud.control.wait_for_state(machine, "running")
    got = refused(ec2.stop_instances, InstanceIds=[plain], Hibernate=True)
    assert got[0] == "UnsupportedHibernationConfiguration" and plain in got[2]
    got = refused(ec2.stop_instances, InstanceIds=[able], Hibernate=True)
    assert got[0] == "UnsupportedOperation" and "not ready to hibernate" in got[2]
    assert cloud.control.machine(able).state == "running"


@pytest.mark.proves("hibernation-type")
def test_the_type_of_a_machine_that_hibernates_can_be_changed(cloud, ec2, able):
    machine = able()
    cloud.control.wait_for_state(machine, "running")
    hibernate(cloud, ec2, machine)
    larger = {"InstanceId": machine, "InstanceType": {"Value": "m5.xlarge"}}
    ec2.modify_instance_attribute(**larger)
    assert describe(ec2, machine)["InstanceType"] == "m5.xlarge"
    # Its user-data can be changed, as on any machine that is stopped.
    ec2.modify_instance_attribute(InstanceId=machine, UserData={"Value": b"other"})
