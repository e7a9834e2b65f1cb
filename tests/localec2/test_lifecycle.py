"""States take time, and say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from localec2 import Fault

from .conftest import describe, eventually, refused

INIT = "#!/bin/sh\nexec sleep 1000\n"


@pytest.mark.proves("states")
def test_every_state_is_seen_on_the_way(cloud, ec2, launch):
    cloud.control.change_settings(
        pending_seconds=0.6, stopping_seconds=0.6, shutting_down_seconds=0.6
    )
    made = launch()["InstanceId"]

    def state() -> str:
        return str(describe(ec2, made)["State"]["Name"])

    assert state() == "pending"
    eventually(lambda: state() == "running")
    ec2.stop_instances(InstanceIds=[made])
    assert state() == "stopping"
    eventually(lambda: state() == "stopped")
    ec2.start_instances(InstanceIds=[made])
    assert state() == "pending"
    eventually(lambda: state() == "running")
    ec2.terminate_instances(InstanceIds=[made])
    assert state() == "shutting-down"
    eventually(lambda: state() == "terminated")


@pytest.mark.proves("wrong-state")
def test_wrong_states_are_refused(cloud, ec2, launch):
    cloud.control.change_settings(pending_seconds=0.6, stopping_seconds=0.6)
    made = launch()["InstanceId"]
    got = refused(ec2.stop_instances, InstanceIds=[made])
    assert got[0] == "IncorrectInstanceState" and "never reached" in got[2]
    cloud.control.wait_for_state(made, "running")
    ec2.stop_instances(InstanceIds=[made])
    got = refused(ec2.start_instances, InstanceIds=[made])
    assert got[0] == "IncorrectInstanceState"
    ec2.terminate_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "terminated")
    for call in (ec2.start_instances, ec2.stop_instances):
        assert refused(call, InstanceIds=[made])[0] == "IncorrectInstanceState"
    assert describe(ec2, made)["State"]["Name"] == "terminated"


@pytest.mark.proves("repeat-is-harmless")
def test_what_is_already_so_is_no_error(cloud, ec2, launch):
    made = launch()["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    answer = ec2.start_instances(InstanceIds=[made])["StartingInstances"][0]
    assert answer["CurrentState"]["Name"] == "running"
    ec2.stop_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "stopped")
    answer = ec2.stop_instances(InstanceIds=[made])["StoppingInstances"][0]
    assert answer["CurrentState"]["Name"] == "stopped"
    ec2.terminate_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "terminated")
    answer = ec2.terminate_instances(InstanceIds=[made])["TerminatingInstances"][0]
    assert answer["CurrentState"]["Name"] == "terminated"


@pytest.mark.proves("all-or-nothing")
def test_with_one_unknown_id_none_is_terminated(cloud, ec2, launch):
    made = launch()["InstanceId"]
    got = refused(ec2.terminate_instances, InstanceIds=[made, "i-0123456789abcdef0"])
    assert got[0] == "InvalidInstanceID.NotFound"
    assert "i-0123456789abcdef0" in got[2] and made not in got[2]
    cloud.control.wait_for_state(made, "running")


@pytest.mark.proves("user-shutdown", "no-reason-while-running")
def test_a_stop_by_the_api_says_so(cloud, ec2, launch):
    made = launch()["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    assert "StateReason" not in describe(ec2, made)
    ec2.stop_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "stopped")
    shown = describe(ec2, made)
    assert shown["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert shown["StateTransitionReason"].startswith("User initiated (20")
    ec2.start_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "running")
    assert "StateReason" not in describe(ec2, made)


@pytest.mark.proves("guest-shutdown")
@pytest.mark.parametrize(
    ("behavior", "state"), [("stop", "stopped"), ("terminate", "terminated")]
)
@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\nsleep 0.2\n",
        "#!/bin/sh\nsleep 0.2; shutdown -h now; sleep 1000\n",
        "#!/bin/sh\nsleep 0.2; poweroff; sleep 1000\n",
    ],
    ids=["init ends", "shutdown", "poweroff"],
)
def test_a_shutdown_from_inside(cloud, ec2, launch, script, behavior, state):
    made = launch(UserData=script, InstanceInitiatedShutdownBehavior=behavior)
    cloud.control.wait_for_state(made["InstanceId"], state)
    shown = describe(ec2, made["InstanceId"])
    assert shown["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert cloud.control.machine(made["InstanceId"]).pids == []


@pytest.mark.proves("guest-shutdown")
def test_the_shutdown_behavior_can_be_changed(cloud, ec2, launch):
    made = launch(UserData=INIT)["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    ec2.modify_instance_attribute(
        InstanceId=made, InstanceInitiatedShutdownBehavior={"Value": "terminate"}
    )
    found = ec2.describe_instance_attribute(
        InstanceId=made, Attribute="instanceInitiatedShutdownBehavior"
    )
    assert found["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
    cloud.control.guest_shutdown(made)
    cloud.control.wait_for_state(made, "terminated")


@pytest.mark.proves("terminated-has-nothing", "addresses")
def test_a_terminated_instance_has_nothing_left(cloud, ec2, world, launch):
    made = launch()
    address, made = made["PrivateIpAddress"], made["InstanceId"]
    ec2.terminate_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "terminated")
    shown = describe(ec2, made)
    for gone in ("PrivateIpAddress", "SubnetId", "VpcId", "PublicIpAddress"):
        assert not shown.get(gone)
    assert shown["NetworkInterfaces"] == shown["BlockDeviceMappings"] == []
    # and its address is one of the next ones: those of machines that tests before
    # this one have left may come first
    assert address in {launch()["PrivateIpAddress"] for _ in range(5)}


@pytest.mark.proves("terminated-has-nothing")
def test_a_terminated_instance_is_forgotten_in_the_end(cloud, ec2, launch):
    cloud.control.change_settings(terminated_visible_seconds=0.3)
    made = launch()["InstanceId"]
    ec2.terminate_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "terminated")
    eventually(lambda: all(m.instance_id != made for m in cloud.control.machines()))
    got = refused(ec2.describe_instances, InstanceIds=[made])
    assert got[0] == "InvalidInstanceID.NotFound"


@pytest.mark.proves("addresses")
def test_addresses_are_in_the_answer_and_in_the_subnet(cloud, ec2, world, launch):
    cloud.control.change_settings(address_reuse="unused-first")
    number = cloud.vpc_cidr.split(".")[1]
    for index, zone in enumerate(world.zones):
        made = launch(SubnetId=world.subnet_ids[zone])
        assert made["PrivateIpAddress"].startswith(f"127.{number}.{16 * index}.")
        assert "PublicIpAddress" not in describe(ec2, made["InstanceId"])


@pytest.mark.proves("addresses")
def test_freed_addresses_can_be_kept_back(cloud, ec2, launch):
    cloud.control.change_settings(address_reuse="unused-first")
    first = launch()
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    cloud.control.wait_for_state(first["InstanceId"], "terminated")
    assert launch()["PrivateIpAddress"] != first["PrivateIpAddress"]


@pytest.mark.proves("addresses")
def test_a_public_address_when_asked_for(ec2, world, launch):
    nic = {
        "DeviceIndex": 0,
        "SubnetId": world.subnet_ids[world.zones[1]],
        "Groups": [world.security_group_id],
        "AssociatePublicIpAddress": True,
    }
    made = launch(NetworkInterfaces=[nic], SubnetId=None, SecurityGroupIds=None)
    assert describe(ec2, made["InstanceId"])["PublicIpAddress"]
    assert made["Placement"]["AvailabilityZone"] == world.zones[1]
    assert made["SecurityGroups"][0]["GroupId"] == world.security_group_id


@pytest.mark.proves("stop-start-keeps")
def test_id_address_and_disk_stay_over_a_stop(cloud, ec2, launch):
    script = "#!/bin/sh\necho boot >> $HOME/boots\ncat $HOME/boots\nexec sleep 1000\n"
    made = launch(UserData=script)
    name = made["InstanceId"]

    def lines() -> int:
        shown = ec2.get_console_output(InstanceId=name).get("Output", "")
        return str(shown).splitlines().count("boot")

    eventually(lambda: lines() == 1)
    ec2.stop_instances(InstanceIds=[name])
    cloud.control.wait_for_state(name, "stopped")
    assert cloud.control.machine(name).pids == []
    ec2.start_instances(InstanceIds=[name])
    cloud.control.wait_for_state(name, "running")
    assert describe(ec2, name)["PrivateIpAddress"] == made["PrivateIpAddress"]
    eventually(lambda: lines() == 3)


@pytest.mark.proves("user-data-stopped")
def test_user_data_and_type_change_only_while_stopped(cloud, ec2, launch):
    made = launch(UserData=INIT)["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    changes = (
        {"UserData": {"Value": b"#!/bin/sh\necho changed\nexec sleep 1000\n"}},
        {"InstanceType": {"Value": "m5.xlarge"}},
    )
    for change in changes:
        got = refused(ec2.modify_instance_attribute, InstanceId=made, **change)
        assert got[0] == "IncorrectInstanceState"
    ec2.stop_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "stopped")
    for change in changes:
        ec2.modify_instance_attribute(InstanceId=made, **change)
    ec2.start_instances(InstanceIds=[made])
    eventually(
        lambda: "changed" in ec2.get_console_output(InstanceId=made).get("Output", "")
    )
    assert describe(ec2, made)["InstanceType"] == "m5.xlarge"


@pytest.mark.proves("dies-pending")
def test_an_accepted_launch_can_die(cloud, ec2, launch):
    reason = ("Server.InsufficientInstanceCapacity", "no room after all")
    cloud.control.add_fault(Fault("RunInstances", state_reason=reason, times=1))
    made = launch()["InstanceId"]
    cloud.control.wait_for_state(made, "terminated")
    shown = describe(ec2, made)["StateReason"]
    assert (shown["Code"], shown["Message"]) == reason
    cloud.control.wait_for_state(launch()["InstanceId"], "running")


@pytest.mark.proves("dies-pending")
def test_a_start_that_dies_leaves_a_stopped_instance(cloud, ec2, launch):
    made = launch()["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    ec2.stop_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "stopped")
    reason = ("Server.InternalError", "host trouble")
    cloud.control.add_fault(Fault("StartInstances", state_reason=reason, times=1))
    ec2.start_instances(InstanceIds=[made])
    eventually(
        lambda: describe(ec2, made).get("StateReason", {}).get("Code") == reason[0]
    )
    cloud.control.wait_for_state(made, "stopped")


@pytest.mark.proves("dies-pending")
def test_a_machine_that_does_not_boot_is_an_internal_error(cloud, ec2, launch):
    cloud.control.change_settings(pending_seconds=1)
    made = launch()["InstanceId"]
    in_the_way = Path(cloud.folder) / "machines" / made
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.touch()
    cloud.control.wait_for_state(made, "terminated")
    assert describe(ec2, made)["StateReason"]["Code"] == "Server.InternalError"


@pytest.mark.proves("spot-interruption")
def test_a_spot_machine_is_taken_back_after_a_notice(cloud, ec2, launch):
    made = launch(InstanceMarketOptions={"MarketType": "spot"})["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    assert describe(ec2, made)["InstanceLifecycle"] == "spot"
    cloud.control.spot_notice(made, seconds=0.3)
    cloud.control.wait_for_state(made, "terminated")
    shown = describe(ec2, made)["StateReason"]
    assert shown["Code"] == "Server.SpotInstanceTermination"


def test_a_reboot_runs_the_user_data_again_on_the_same_machine(cloud, ec2, launch):
    made = launch(UserData="#!/bin/sh\necho up\nexec sleep 1000\n")["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    for boots, reboot in (
        (2, lambda: ec2.reboot_instances(InstanceIds=[made])),
        (3, lambda: ec2.reboot_instances(InstanceIds=[made])),
    ):
        reboot()
        eventually(lambda boots=boots: cloud.control.machine(made).boots == boots)
        eventually(lambda: cloud.control.machine(made).pids)
    assert describe(ec2, made)["State"]["Name"] == "running"


def test_a_machine_that_reboots_itself_stays_running(cloud, ec2, launch):
    script = (
        "#!/bin/sh\n[ -e $HOME/again ] && exec sleep 1000\n"
        "touch $HOME/again; reboot; sleep 1000\n"
    )
    made = launch(UserData=script)["InstanceId"]
    eventually(lambda: cloud.control.machine(made).boots == 2)
    eventually(lambda: cloud.control.machine(made).pids)
    assert describe(ec2, made)["State"]["Name"] == "running"


@pytest.mark.proves("console-after")
def test_the_console_of_a_machine_outlives_it(cloud, ec2, launch):
    """How one learns why a machine has ended itself."""
    made = launch(
        UserData="#!/bin/sh\necho last words\n",
        InstanceInitiatedShutdownBehavior="terminate",
    )["InstanceId"]
    cloud.control.wait_for_state(made, "terminated")
    shown = ec2.get_console_output(InstanceId=made, Latest=True)["Output"]
    assert "last words" in shown.splitlines()


@pytest.mark.proves("console-latest")
def test_the_latest_console_output_is_for_newer_types(ec2, launch):
    old = launch(InstanceType="m4.large")["InstanceId"]
    got = refused(ec2.get_console_output, InstanceId=old, Latest=True)
    assert got[0] == "UnsupportedOperation"
    ec2.get_console_output(InstanceId=old)
