"""What EC2 has room for, and what an account may have: by zone, type and market."""

from __future__ import annotations

import pytest

from .conftest import describe, eventually, refused, request_for


@pytest.mark.proves("capacity")
def test_a_full_zone_is_http_500_and_names_the_others(cloud, ec2, world):
    first, second, third = world.zones
    cloud.control.set_capacity({f"m5.large/{first}": 0, f"m5.large/{second}": 0})
    code, status, message = refused(ec2.run_instances, **request_for(world))
    assert (code, status) == ("InsufficientInstanceCapacity", 500)
    assert message.endswith(f"or choosing {third}.") and first in message


@pytest.mark.proves("capacity")
def test_without_a_zone_ec2_takes_one_that_has_room(cloud, world, launch):
    cloud.control.set_capacity({f"m5.large/{world.zones[0]}": 0})
    made = launch(SubnetId=None)
    assert made["Placement"]["AvailabilityZone"] == world.zones[1]


@pytest.mark.proves("capacity")
def test_capacity_is_used_up_and_comes_back(cloud, ec2, world, launch):
    cloud.control.set_capacity({f"r5.large/{world.zones[0]}": 1})
    wanted = request_for(world, InstanceType="r5.large")
    one = launch(InstanceType="r5.large")["InstanceId"]
    assert refused(ec2.run_instances, **wanted)[0] == "InsufficientInstanceCapacity"
    ec2.terminate_instances(InstanceIds=[one])
    eventually(lambda: launch(InstanceType="r5.large"))


@pytest.mark.proves("capacity-start")
def test_starting_a_stopped_instance_needs_capacity(cloud, ec2, world, launch):
    made = launch()["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    ec2.stop_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "stopped")
    cloud.control.set_capacity({"m5.large/*": 0})
    got = refused(ec2.start_instances, InstanceIds=[made])
    assert got[:2] == ("InsufficientInstanceCapacity", 500)
    assert describe(ec2, made)["State"]["Name"] == "stopped"


@pytest.mark.proves("quota")
def test_over_the_vcpu_quota_is_refused(cloud, ec2, world, launch):
    cloud.control.change_settings(vcpu_quota={"g": 8})
    launch(InstanceType="g4dn.xlarge")
    wanted = request_for(world, InstanceType="g4dn.2xlarge")
    assert refused(ec2.run_instances, **wanted)[:2] == ("VcpuLimitExceeded", 400)
    launch(InstanceType="g4dn.xlarge")
    launch(InstanceType="m5.large")


def spot(**options):
    return {"MarketType": "spot", "SpotOptions": options}


@pytest.mark.proves("capacity-spot")
def test_spot_has_capacity_of_its_own(cloud, ec2, world, launch):
    cloud.control.set_capacity({f"spot:m5.large/{world.zones[0]}": 0})
    wanted = request_for(world, InstanceMarketOptions=spot())
    code, status, message = refused(ec2.run_instances, **wanted)
    assert (code, status) == ("InsufficientInstanceCapacity", 500)
    assert "Spot capacity" in message and "choosing" not in message
    assert "InstanceLifecycle" not in describe(ec2, launch()["InstanceId"])
    cloud.control.set_capacity({f"on-demand:m5.large/{world.zones[0]}": 0})
    made = launch(InstanceMarketOptions=spot())["InstanceId"]
    assert describe(ec2, made)["InstanceLifecycle"] == "spot"


@pytest.mark.proves("quota-spot")
def test_spot_has_a_quota_of_its_own(cloud, ec2, world, launch):
    cloud.control.change_settings(vcpu_quota={"spot:standard": 2, "standard": 2})
    launch(InstanceMarketOptions=spot())
    launch()
    wanted = request_for(world, InstanceMarketOptions=spot())
    got = refused(ec2.run_instances, **wanted)
    assert got[:2] == ("MaxSpotInstanceCountExceeded", 400)
    assert refused(ec2.run_instances, **request_for(world))[0] == "VcpuLimitExceeded"


@pytest.mark.proves("spot-one-time")
def test_the_machine_of_a_one_time_spot_request_cannot_be_stopped(
    cloud, ec2, world, launch
):
    made = launch(InstanceMarketOptions=spot())["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    got = refused(ec2.stop_instances, InstanceIds=[made])
    assert got[:2] == ("UnsupportedOperation", 400)
    stopping = spot(InstanceInterruptionBehavior="stop")
    wanted = request_for(world, InstanceMarketOptions=stopping)
    assert refused(ec2.run_instances, **wanted)[0] == "InvalidParameterCombination"
