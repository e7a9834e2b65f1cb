import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.ids import owner_id
from ec2spawner.ec2.facts import Region
from ec2spawner.launch.plan import Image, LaunchIdentity, fingerprint, plan_launch
from ec2spawner.settings import LaunchSettings

IMAGE = Image("ami-1", "/dev/sda1", "arm64")
WHO = LaunchIdentity("hub", "server", "launch", "alice", "")


def request(who=WHO, **settings):
    plan = plan_launch(LaunchSettings(**settings), IMAGE, who, b"data")
    return plan.candidates[0].request


def tags(request, kind="instance"):
    for spec in request["TagSpecifications"]:
        if spec["ResourceType"] == kind:
            return {t["Key"]: t["Value"] for t in spec["Tags"]}
    raise AssertionError(f"no tags for {kind}")


def test_everything_a_launch_creates_is_tagged_in_the_same_call():
    made = request(tags={"award": "NSF-1"})
    for kind in ("instance", "volume", "network-interface"):
        assert tags(made, kind) == {
            "Name": "ec2spawner-server",
            "award": "NSF-1",
            "ec2spawner:hub": "hub",
            "ec2spawner:server": "server",
            "ec2spawner:launch": "launch",
            "ec2spawner:owner": owner_id("hub", "alice"),
        }


def test_the_whole_request_of_a_launch():
    """All that EC2 is told, to be read at once. The tests around say why."""
    settings = {
        "instance_types": ["t4g.small"],
        "subnets": ["subnet-a"],
        "security_groups": ["sg-1"],
        "iam_instance_profile": "nodes",
        "root_volume_size": 40,
    }
    ours = [
        {"Key": "Name", "Value": "ec2spawner-server"},
        {"Key": "ec2spawner:hub", "Value": "hub"},
        {"Key": "ec2spawner:server", "Value": "server"},
        {"Key": "ec2spawner:owner", "Value": owner_id("hub", "alice")},
        {"Key": "ec2spawner:launch", "Value": "launch"},
    ]
    assert request(**settings) == {
        "ImageId": "ami-1",
        "InstanceType": "t4g.small",
        "MinCount": 1,
        "MaxCount": 1,
        "UserData": b"data",
        "InstanceInitiatedShutdownBehavior": "terminate",
        "IamInstanceProfile": {"Name": "nodes"},
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
            "InstanceMetadataTags": "disabled",
        },
        "NetworkInterfaces": [
            {
                "DeviceIndex": 0,
                "SubnetId": "subnet-a",
                "Groups": ["sg-1"],
                "AssociatePublicIpAddress": False,
                "DeleteOnTermination": True,
            }
        ],
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/sda1",
                "Ebs": {
                    "VolumeType": "gp3",
                    "VolumeSize": 40,
                    "Encrypted": True,
                    "DeleteOnTermination": True,
                },
            }
        ],
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": ours},
            {"ResourceType": "volume", "Tags": ours},
            {"ResourceType": "network-interface", "Tags": ours},
        ],
    }


def test_each_subnet_is_a_candidate_in_order_of_preference():
    settings = LaunchSettings(subnets=["subnet-a", "subnet-b"])
    plan = plan_launch(settings, IMAGE, WHO, b"")
    assert [c.subnet for c in plan.candidates] == ["subnet-a", "subnet-b"]
    assert [c.request["NetworkInterfaces"][0]["SubnetId"] for c in plan.candidates] == [
        "subnet-a",
        "subnet-b",
    ]


def test_without_subnets_ec2_picks_the_zone():
    assert "SubnetId" not in request()["NetworkInterfaces"][0]


def test_the_metadata_service_is_version_2_and_one_hop_away():
    options = request()["MetadataOptions"]
    assert options["HttpTokens"] == "required"
    assert options["HttpPutResponseHopLimit"] == 1


def test_the_metadata_service_does_not_show_our_tags_to_users():
    assert request()["MetadataOptions"]["InstanceMetadataTags"] == "disabled"


def test_a_machine_has_no_public_address_no_key_and_no_role_unless_set():
    made = request()
    assert made["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    assert "KeyName" not in made and "IamInstanceProfile" not in made


@pytest.mark.parametrize(
    "setting, expected",
    [
        ("nodes", {"Name": "nodes"}),
        (
            "arn:aws:iam::1:instance-profile/n",
            {"Arn": "arn:aws:iam::1:instance-profile/n"},
        ),
    ],
)
def test_an_instance_profile_is_given_by_name_or_arn(setting, expected):
    assert request(iam_instance_profile=setting)["IamInstanceProfile"] == expected


def test_a_machine_with_another_role_does_not_serve_in_the_others_place():
    roles = ["", "nodes", "admins", "arn:aws:iam::1:instance-profile/nodes"]
    prints = {fingerprint(request(iam_instance_profile=role)) for role in roles}
    assert len(prints) == len(roles)


def test_the_root_volume_is_the_images_and_encrypted_and_goes_with_the_machine():
    volume = request(root_volume_size=40)["BlockDeviceMappings"][0]
    assert volume["DeviceName"] == "/dev/sda1"
    assert volume["Ebs"] == {
        "VolumeType": "gp3",
        "DeleteOnTermination": True,
        "Encrypted": True,
        "VolumeSize": 40,
    }


def test_an_image_that_is_encrypted_itself_is_not_asked_to_be_plain():
    volume = request(root_volume_encrypted=False)["BlockDeviceMappings"][0]
    assert "Encrypted" not in volume["Ebs"]


@pytest.mark.parametrize("wrong", ["", "a b", "x" * 65, "hub/1", "hub\n"])
def test_a_hub_id_that_cannot_be_a_tag_everywhere_is_refused(wrong):
    with pytest.raises(TraitError):
        LaunchSettings(hub_id=wrong)


def test_a_machine_that_shuts_itself_down_is_terminated():
    assert request()["InstanceInitiatedShutdownBehavior"] == "terminate"


@given(name=st.text(max_size=400))
def test_no_name_of_a_person_makes_a_tag_that_ec2_refuses(name):
    who = LaunchIdentity("hub", "server", "launch", name, name)
    value = tags(request(who, tags={"user": "{username}/{servername}"}))["user"]
    assert len(value) <= 256
    assert re.fullmatch(r"[\w +\-=._:/@]*", value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aws:x": "1"},
        {"ec2spawner:hub": "mine"},
        {"": "1"},
        {"k" * 129: "1"},
        {"user": "{password}"},
        {"user": "{username.__class__}"},
        {"user": "{"},
        {f"key-{n}": "" for n in range(47)},
    ],
)
def test_tags_that_cannot_work_are_refused_when_they_are_configured(wrong):
    with pytest.raises(TraitError):
        LaunchSettings(tags=wrong)


@pytest.mark.parametrize("name", ["root", "", "Alice", "a b", "x" * 33, "a;b", "a\n"])
def test_an_account_name_that_linux_or_we_refuse_is_refused(name):
    with pytest.raises(TraitError):
        LaunchSettings(user_account=name)


def test_a_setup_script_says_what_runs_it():
    with pytest.raises(TraitError, match="#!"):
        LaunchSettings(setup_script="echo hello")


@pytest.mark.parametrize(
    "zones, told",
    [
        ({"subnet-a": "us-west-2a"}, "has no machines any more"),
        ({}, "AWS does not say just now where this hub's machines can be"),
    ],
)
def test_what_is_not_known_of_zones_is_not_taken_for_none(zones, told):
    settings = LaunchSettings(subnets=["subnet-a"])
    with pytest.raises(EC2SpawnError) as caught:
        plan_launch(settings, IMAGE, WHO, b"", Region({}, zones), "us-west-2b")
    assert told in caught.value.jupyterhub_message
