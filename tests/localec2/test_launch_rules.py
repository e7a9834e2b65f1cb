"""What EC2 refuses or grants when asked to launch."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import client, describe, refused, request_for


@pytest.mark.proves("token-same")
def test_the_same_token_gives_the_same_instance(launch):
    first = launch(ClientToken="same")
    again = launch(ClientToken="same")
    assert again["InstanceId"] == first["InstanceId"]
    assert again["PrivateIpAddress"] == first["PrivateIpAddress"]


@pytest.mark.proves("token-mismatch")
def test_a_token_with_other_parameters_is_refused(ec2, world, launch):
    launch(ClientToken="other")
    wanted = request_for(world, ClientToken="other", InstanceType="m5.xlarge")
    assert refused(ec2.run_instances, **wanted)[:2] == (
        "IdempotentParameterMismatch",
        400,
    )


@pytest.mark.proves("token-terminated")
def test_the_token_of_a_terminated_instance_is_refused(cloud, ec2, world, launch):
    gone = launch(ClientToken="gone")["InstanceId"]
    ec2.terminate_instances(InstanceIds=[gone])
    cloud.control.wait_for_state(gone, "terminated")
    code, _, _ = refused(ec2.run_instances, **request_for(world, ClientToken="gone"))
    assert code == "IdempotentInstanceTerminated"


@pytest.mark.proves("token-zonal")
def test_in_another_zone_a_token_launches_another_instance(world, launch):
    first, second = (
        launch(ClientToken="zonal", SubnetId=world.subnet_ids[zone])
        for zone in world.zones[:2]
    )
    assert first["InstanceId"] != second["InstanceId"]


@pytest.mark.proves("token-concurrent")
def test_fifty_callers_with_one_token_get_one_instance(cloud, world, launch):
    barrier = threading.Barrier(50)

    def call(number: int) -> str:
        mine = client(cloud)
        barrier.wait()
        answer = mine.run_instances(**request_for(world, ClientToken="fifty"))
        return str(answer["Instances"][0]["InstanceId"])

    client(cloud)  # the first one fills boto3's caches, which is not thread-safe
    with ThreadPoolExecutor(50) as pool:
        found = set(pool.map(call, range(50)))
    assert found == {launch(ClientToken="fifty")["InstanceId"]}


@pytest.mark.proves("counts")
def test_as_many_as_there_is_room_for_between_min_and_max(cloud, ec2, world):
    zone = world.zones[0]
    cloud.control.set_capacity({f"c5.large/{zone}": 3})
    wanted = request_for(world, InstanceType="c5.large")
    answer = ec2.run_instances(**{**wanted, "MinCount": 2, "MaxCount": 5})
    ids = [each["InstanceId"] for each in answer["Instances"]]
    assert len(ids) == 3
    ec2.terminate_instances(InstanceIds=ids)
    code, _, _ = refused(ec2.run_instances, **{**wanted, "MinCount": 2})
    assert code == "InvalidParameterValue"  # more at least than at most


@pytest.mark.proves("user-data-size")
def test_user_data_is_at_most_16384_raw_bytes(ec2, world, launch):
    launch(UserData="#" * 16384)
    code, status, _ = refused(
        ec2.run_instances, **request_for(world, UserData="#" * 16385)
    )
    assert (code, status) == ("InvalidUserData.Malformed", 400)


def tagged(*tags: tuple[str, str], kind: str = "instance") -> list[dict[str, object]]:
    return [
        {
            "ResourceType": kind,
            "Tags": [{"Key": key, "Value": value} for key, value in tags],
        }
    ]


@pytest.mark.proves("tag-limits")
@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([(f"k{n}", "v") for n in range(51)], "TagLimitExceeded"),
        ([("k" * 129, "v")], "InvalidParameterValue"),
        ([("k", "v" * 257)], "InvalidParameterValue"),
        ([("k", "1"), ("k", "2")], "InvalidParameterValue"),
    ],
    ids=["51 tags", "long key", "long value", "key twice"],
)
def test_tags_have_limits_at_launch_and_later(ec2, world, launch, tags, code):
    wanted = request_for(world, TagSpecifications=tagged(*tags))
    assert refused(ec2.run_instances, **wanted)[0] == code
    some = launch()["InstanceId"]
    later = tagged(*tags)[0]["Tags"]
    assert refused(ec2.create_tags, Resources=[some], Tags=later)[0] == code


@pytest.mark.proves("tag-limits")
def test_tags_at_the_limits_are_accepted(ec2, launch):
    tags = [("k" * 128, "v" * 256)] + [(f"k{n}", "ü") for n in range(49)]
    made = launch(TagSpecifications=tagged(*tags))["InstanceId"]
    assert len(describe(ec2, made)["Tags"]) == 50


@pytest.mark.proves("tag-aws-prefix")
def test_tag_keys_that_start_with_aws_are_refused(ec2, world, launch):
    wanted = request_for(world, TagSpecifications=tagged(("aws:x", "v")))
    assert refused(ec2.run_instances, **wanted)[0] == "InvalidParameterValue"
    some = launch()["InstanceId"]
    code, _, _ = refused(
        ec2.create_tags, Resources=[some], Tags=[{"Key": "aws:x", "Value": "v"}]
    )
    assert code == "InvalidParameterValue"


@pytest.mark.proves("tag-on-create")
def test_instance_volume_and_network_interface_are_tagged_at_launch(ec2, world, launch):
    kinds = ("instance", "volume", "network-interface")
    made = launch(
        TagSpecifications=[tagged(("of", kind), kind=kind)[0] for kind in kinds]
    )
    shown = describe(ec2, made["InstanceId"])
    assert shown["Tags"] == [{"Key": "of", "Value": "instance"}]
    volume = shown["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    nic = shown["NetworkInterfaces"][0]["NetworkInterfaceId"]
    found = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    assert found["Tags"] == [{"Key": "of", "Value": "volume"}]
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[nic])
    assert found["NetworkInterfaces"][0]["TagSet"] == [
        {"Key": "of", "Value": "network-interface"}
    ]
    wanted = request_for(world, TagSpecifications=tagged(("a", "b"), kind="vpc"))
    assert refused(ec2.run_instances, **wanted)[0] == "InvalidParameterValue"


UNKNOWN = [
    pytest.param({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound",
                 marks=pytest.mark.proves("unknown-image")),
    pytest.param({"ImageId": "my-image"}, "InvalidAMIID.Malformed",
                 marks=pytest.mark.proves("unknown-image")),
    pytest.param({"InstanceType": "m5.tiny"}, "InvalidParameterValue",
                 marks=pytest.mark.proves("unknown-type")),
    pytest.param({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound",
                 marks=pytest.mark.proves("unknown-network")),
    pytest.param({"SecurityGroupIds": ["sg-0123456789abcdef0"]},
                 "InvalidGroup.NotFound",
                 marks=pytest.mark.proves("unknown-network")),
    pytest.param({"KeyName": "nobody's"}, "InvalidKeyPair.NotFound",
                 marks=pytest.mark.proves("unknown-key-pair")),
    pytest.param({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue",
                 marks=pytest.mark.proves("unknown-profile")),
    pytest.param({"PrivateIpAddress": "10.1.2.3"}, "InvalidParameterValue",
                 marks=pytest.mark.proves("address-asked-for")),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), UNKNOWN)
def test_what_is_not_there_cannot_be_launched(ec2, world, change, code):
    before = len(ec2.describe_instances()["Reservations"])
    got = refused(ec2.run_instances, **request_for(world, **change))
    assert got[:2] == (code, 400)
    assert len(ec2.describe_instances()["Reservations"]) == before


@pytest.mark.proves("unknown-network")
def test_a_security_group_of_another_vpc_is_refused(ec2, world):
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)
    wanted = request_for(world, SecurityGroupIds=[group["GroupId"]])
    assert refused(ec2.run_instances, **wanted)[0] == "InvalidParameter"


@pytest.mark.proves("address-asked-for")
def test_an_address_in_use_is_refused(ec2, world, launch):
    address = launch()["PrivateIpAddress"]
    wanted = request_for(world, PrivateIpAddress=address)
    assert refused(ec2.run_instances, **wanted)[0] == "InvalidIPAddress.InUse"


@pytest.mark.proves("architecture")
def test_image_and_type_must_be_of_one_architecture(ec2, world, launch):
    for image, kind in (
        (world.image_id_arm, "m5.large"),
        (world.image_id, "m6g.large"),
    ):
        wanted = request_for(world, ImageId=image, InstanceType=kind)
        code, _, message = refused(ec2.run_instances, **wanted)
        assert code == "InvalidParameterValue" and "architecture" in message
    launch(ImageId=world.image_id_arm, InstanceType="m6g.large")


@pytest.mark.proves("not-sold-here")
def test_a_type_that_a_zone_does_not_sell_is_unsupported(ec2, world):
    offers = ec2.describe_instance_type_offerings(LocationType="availability-zone")
    sold: dict[str, set[str]] = {}
    for row in offers["InstanceTypeOfferings"]:
        sold.setdefault(row["InstanceType"], set()).add(row["Location"])
    kind, zone = next(
        (kind, zone)
        for kind, zones in sorted(sold.items())
        for zone in world.zones
        if zone not in zones and zones & set(world.zones)
    )
    wanted = request_for(world, InstanceType=kind, SubnetId=world.subnet_ids[zone])
    arm = ec2.describe_instance_types(InstanceTypes=[kind])["InstanceTypes"][0]
    if "x86_64" not in arm["ProcessorInfo"]["SupportedArchitectures"]:
        wanted["ImageId"] = world.image_id_arm
    code, _, message = refused(ec2.run_instances, **wanted)
    assert code == "Unsupported" and sorted(sold[kind])[0] in message


@pytest.mark.proves("root-volume")
def test_the_root_volume_is_there_and_goes_with_the_instance(cloud, ec2, world, launch):
    extra = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3}}
    made = launch(BlockDeviceMappings=[extra])["InstanceId"]
    volumes = {
        block["DeviceName"]: block["Ebs"]
        for block in describe(ec2, made)["BlockDeviceMappings"]
    }
    assert set(volumes) == {"/dev/xvda", "/dev/sdf"}
    ec2.terminate_instances(InstanceIds=[made])
    cloud.control.wait_for_state(made, "terminated")
    left = [each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]]
    assert volumes["/dev/xvda"]["VolumeId"] not in left
    assert volumes["/dev/sdf"]["VolumeId"] in left


@pytest.mark.proves("root-volume")
def test_a_root_volume_smaller_than_the_image_is_refused(ec2, world):
    small = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 1}}
    wanted = request_for(world, BlockDeviceMappings=[small])
    assert refused(ec2.run_instances, **wanted)[0] == "InvalidBlockDeviceMapping"


@pytest.mark.proves("dry-run")
def test_a_dry_run_looks_at_rights_alone_and_changes_nothing(cloud, ec2, world, launch):
    made = launch()["InstanceId"]
    cloud.control.wait_for_state(made, "running")
    before = len(cloud.control.machines())
    for call, wanted in (
        (ec2.run_instances, request_for(world)),
        (ec2.stop_instances, {"InstanceIds": [made]}),
        (ec2.terminate_instances, {"InstanceIds": [made]}),
    ):
        got = refused(call, DryRun=True, **wanted)
        assert got[:2] == ("DryRunOperation", 412)
    # Whoever asks is told of rights, not of quotas, ids or room.
    cloud.control.set_capacity({"*": 0})
    bad = request_for(world, InstanceType="m5.tiny")
    assert refused(ec2.run_instances, DryRun=True, **bad)[0] == "DryRunOperation"
    # The one thing beside them.
    odd = request_for(world, IamInstanceProfile={"Name": "nobody"})
    assert (
        "Invalid IAM Instance Profile"
        in refused(ec2.run_instances, DryRun=True, **odd)[2]
    )
    cloud.control.change_settings(denied=["Stop*"])
    asked = {"InstanceIds": ["i-0123456789abcdef0"], "DryRun": True}
    assert refused(ec2.stop_instances, **asked)[:2] == ("UnauthorizedOperation", 403)
    assert refused(ec2.terminate_instances, **asked)[0] == "DryRunOperation"
    assert len(cloud.control.machines()) == before
    assert describe(ec2, made)["State"]["Name"] == "running"


@pytest.mark.proves("rights")
def test_what_is_denied_is_refused_by_name(cloud, ec2, world):
    cloud.control.change_settings(denied=["RunInstances"])
    code, status, message = refused(ec2.run_instances, **request_for(world))
    assert (code, status) == ("UnauthorizedOperation", 403)
    assert "not authorized to perform: ec2:RunInstances" in message
    ec2.describe_instances()


@pytest.mark.proves("free-plan")
def test_the_free_plan_has_few_types(cloud, ec2, world, launch):
    cloud.control.change_settings(free_plan=True)
    code, status, message = refused(ec2.run_instances, **request_for(world))
    assert (code, status) == ("InvalidParameterCombination", 400)
    assert "not eligible for Free Tier" in message
    launch(InstanceType="t3.micro")


@pytest.mark.proves("marketplace-terms")
def test_terms_of_the_marketplace_must_be_accepted(cloud, ec2, world, launch):
    cloud.control.change_settings(marketplace_images=[world.image_id])
    code, status, message = refused(ec2.run_instances, **request_for(world))
    assert (code, status) == ("OptInRequired", 401)
    assert "https://aws.amazon.com/marketplace" in message
    cloud.control.change_settings(marketplace_images=[])
    launch()


@pytest.mark.proves("unknown-service")
@pytest.mark.parametrize("service", ["imagebuilder", "chatbot"])
def test_a_service_that_is_not_there_says_so(cloud, service):
    asked = {
        "imagebuilder": "list_images",
        "chatbot": "list_microsoft_teams_configured_teams",
    }
    _, status, _ = refused(getattr(client(cloud, service), asked[service]))
    assert 400 <= status < 500


@pytest.mark.proves("termination-protection")
def test_a_protected_instance_is_not_terminated(ec2, launch):
    made = launch(DisableApiTermination=True)["InstanceId"]
    got = refused(ec2.terminate_instances, InstanceIds=[made])
    assert got[0] == "OperationNotPermitted"


@pytest.mark.proves("other-region")
def test_credentials_for_another_region_are_refused(cloud):
    elsewhere = client(cloud, region_name="ap-south-1")
    assert refused(elsewhere.describe_instances)[:2] == ("AuthFailure", 401)


@pytest.mark.proves("unknown-action")
def test_an_action_that_is_not_there_is_a_clean_error(ec2):
    code, status, _ = refused(
        ec2.get_spot_placement_scores, TargetCapacity=1, InstanceTypes=["m5.large"]
    )
    assert (code, status) == ("InvalidAction", 400)


@pytest.mark.proves("group-in-use")
def test_a_security_group_in_use_is_not_deleted(ec2, world, launch):
    launch()
    got = refused(ec2.delete_security_group, GroupId=world.security_group_id)
    assert got[0] == "DependencyViolation"


def test_a_launch_with_everything_a_spawner_asks_for(cloud, ec2, world, launch):
    client(cloud, "iam").create_instance_profile(InstanceProfileName="machines")
    made = launch(
        ClientToken="everything",
        KeyName=world.key_name,
        IamInstanceProfile={"Name": "machines"},
        EbsOptimized=True,
        InstanceInitiatedShutdownBehavior="terminate",
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        BlockDeviceMappings=[
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True},
            }
        ],
    )
    assert made["ClientToken"] == "everything"
    assert made["IamInstanceProfile"]["Arn"].endswith("/machines")
    assert made["MetadataOptions"]["HttpTokens"] == "required"
    assert made["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    block = made["BlockDeviceMappings"][0]["Ebs"]
    assert block["DeleteOnTermination"] is True
    volume = ec2.describe_volumes(VolumeIds=[block["VolumeId"]])["Volumes"][0]
    assert (volume["Size"], volume["VolumeType"]) == (20, "gp3")
    assert volume["Encrypted"] is True


def test_a_launch_that_fails_half_way_leaves_nothing(cloud, ec2, world, launch):
    """moto keeps the reservation and the address."""
    address = launch()["PrivateIpAddress"]
    before = {m.instance_id for m in cloud.control.machines()}
    bad = {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}
    wanted = request_for(world, BlockDeviceMappings=[bad])
    assert refused(ec2.run_instances, **wanted)[0] == "InvalidSnapshot.NotFound"
    assert {m.instance_id for m in cloud.control.machines()} == before
    free = [launch()["PrivateIpAddress"] for _ in range(2)]
    assert address not in free and len(set(free)) == 2
