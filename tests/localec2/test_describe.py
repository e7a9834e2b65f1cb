"""What DescribeInstances shows, and how it is asked."""

from __future__ import annotations

import pytest

from .conftest import describe, eventually, refused


@pytest.mark.proves("bad-instance-id")
def test_bad_ids(ec2):
    for bad in ("i-xyz", "machine", "i-123"):
        got = refused(ec2.describe_instances, InstanceIds=[bad])
        assert got[:2] == ("InvalidInstanceID.Malformed", 400)
    got = refused(ec2.describe_instances, InstanceIds=["i-0123456789abcdef0"])
    assert got[:2] == ("InvalidInstanceID.NotFound", 400)


@pytest.mark.proves("filters")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client-token", None),
        ("instance-lifecycle", "spot"),
        ("tag:who", "me"),
        ("tag:who", "m?"),
        ("tag-key", "who"),
        ("image-id", None),
        ("reservation-id", None),
        ("private-ip-address", None),
        ("network-interface.network-interface-id", None),
        ("block-device-mapping.volume-id", None),
    ],
)
def test_filters_find_what_they_should(ec2, launch, name, value):
    made = launch(
        ClientToken=f"filter-{name}-{value}",
        InstanceMarketOptions={"MarketType": "spot"},
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "who", "Value": "me"}]}
        ],
    )
    launch()
    shown = describe(ec2, made["InstanceId"])
    found = ec2.describe_instances(InstanceIds=[made["InstanceId"]])
    values = {
        "client-token": f"filter-{name}-{value}",
        "image-id": shown["ImageId"],
        "reservation-id": found["Reservations"][0]["ReservationId"],
        "private-ip-address": shown["PrivateIpAddress"],
        "network-interface.network-interface-id": shown["NetworkInterfaces"][0][
            "NetworkInterfaceId"
        ],
        "block-device-mapping.volume-id": shown["BlockDeviceMappings"][0]["Ebs"][
            "VolumeId"
        ],
    }
    asked = [
        {"Name": name, "Values": [value or values[name]]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    answer = ec2.describe_instances(Filters=asked)
    ids = [i["InstanceId"] for r in answer["Reservations"] for i in r["Instances"]]
    assert made["InstanceId"] in ids
    if name != "image-id":
        assert ids == [made["InstanceId"]]
        asked[0]["Values"] = ["something else"]
        assert ec2.describe_instances(Filters=asked)["Reservations"] == []


@pytest.mark.proves("filters")
def test_an_unknown_filter_is_refused(ec2, launch):
    launch()
    asked = [{"Name": "colour", "Values": ["red"]}]
    code, status, message = refused(ec2.describe_instances, Filters=asked)
    assert (code, status) == ("InvalidParameterValue", 400)
    assert "colour" in message
    for call in (ec2.describe_volumes, ec2.describe_subnets, ec2.describe_images):
        assert refused(call, Filters=asked)[:2] == ("InvalidParameterValue", 400)


def test_a_filter_of_instance_status_that_is_lacking_is_said(ec2):
    asked = [{"Name": "availability-zone", "Values": ["us-west-2a"]}]
    got = refused(ec2.describe_instance_status, Filters=asked)
    assert got[0] == "UnsupportedOperation" and "availability-zone" in got[2]


@pytest.mark.proves("paging")
def test_pages(ec2, launch):
    cell = "paging"
    made = {
        launch(
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": cell, "Value": str(n)}]}
            ]
        )["InstanceId"]
        for n in range(7)
    }
    asked = [{"Name": "tag-key", "Values": [cell]}]
    pages = list(
        ec2.get_paginator("describe_instances").paginate(
            Filters=asked, PaginationConfig={"PageSize": 5}
        )
    )
    assert len(pages) == 2
    found = [i for p in pages for r in p["Reservations"] for i in r["Instances"]]
    assert {each["InstanceId"] for each in found} == made
    for size in (4, 1001):
        got = refused(ec2.describe_instances, MaxResults=size)
        assert got[0] == "InvalidParameterValue"
    got = refused(ec2.describe_instances, InstanceIds=sorted(made), MaxResults=5)
    assert got[0] == "InvalidParameterCombination"


@pytest.mark.proves("paging")
def test_without_pages_everything_comes_at_once(cloud, ec2, world):
    """moto stops at 100 reservations."""
    from .conftest import request_for

    cloud.control.change_settings(machines="none")
    wanted = request_for(world)
    ids = [
        ec2.run_instances(**wanted)["Instances"][0]["InstanceId"] for _ in range(105)
    ]
    answer = ec2.describe_instances(InstanceIds=ids)
    assert len(answer["Reservations"]) == 105
    answer = ec2.describe_instances()
    shown = {i["InstanceId"] for r in answer["Reservations"] for i in r["Instances"]}
    assert set(ids) <= shown
    ec2.terminate_instances(InstanceIds=ids)


@pytest.mark.proves("consistency")
def test_a_new_instance_is_unknown_for_a_while(cloud, ec2, launch):
    cloud.control.change_settings(consistency_seconds=1.5)
    made = launch()["InstanceId"]
    for call in (ec2.describe_instances, ec2.terminate_instances):
        got = refused(call, InstanceIds=[made])
        assert got[0] == "InvalidInstanceID.NotFound"
    asked = [{"Name": "instance-id", "Values": [made]}]
    assert ec2.describe_instances(Filters=asked)["Reservations"] == []
    eventually(lambda: ec2.describe_instances(Filters=asked)["Reservations"])
    assert describe(ec2, made)["InstanceId"] == made


def test_the_image_is_found_by_name_and_by_parameter(cloud, ec2, world):
    from .conftest import client

    found = ec2.describe_images(
        Owners=[world.image_owner],
        Filters=[
            {"Name": "name", "Values": ["ec2spawner-demo-jupyter-*"]},
            {"Name": "architecture", "Values": ["x86_64"]},
        ],
    )["Images"]
    assert [each["ImageId"] for each in found] == [world.image_id]
    assert found[0]["RootDeviceName"] == "/dev/xvda"
    ssm = client(cloud, "ssm")
    parameter = ssm.get_parameter(Name=world.image_parameter)["Parameter"]
    assert parameter["Value"] == world.image_id


def test_instance_types_are_the_real_ones(ec2):
    shown = ec2.describe_instance_types(InstanceTypes=["g5.xlarge"])["InstanceTypes"][0]
    assert shown["VCpuInfo"]["DefaultVCpus"] == 4
    assert shown["GpuInfo"]["Gpus"][0]["Name"] == "A10G"


def test_status_checks_are_found_by_their_result(ec2, launch, cloud):
    def impaired(check):
        asked = [{"Name": f"{check}-status.status", "Values": ["impaired"]}]
        answer = ec2.describe_instance_status(Filters=asked)
        return [each["InstanceId"] for each in answer["InstanceStatuses"]]

    ill = launch()["InstanceId"]
    launch()
    cloud.control.wait_for_state(ill, "running")
    assert impaired("instance") == []
    cloud.control.crash(ill)
    assert impaired("instance") == [ill]
    assert impaired("system") == []
    asked = [{"Name": "instance-status.status", "Values": ["impaired"]}]
    got = refused(ec2.describe_instances, Filters=asked)
    assert got[0] == "InvalidParameterValue"
