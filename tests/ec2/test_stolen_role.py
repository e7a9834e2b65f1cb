"""What whoever has stolen the Hub's role gets: its policy, as IAM would judge it.

Each attack is the hub's own call with one thing changed: the call itself is allowed.
"""

from __future__ import annotations

from copy import deepcopy

import pytest
from botocore.exceptions import ClientError

from ec2spawner.admin.doctor.look.facts import RegionFacts
from ec2spawner.admin.doctor.look.trials import candidates_of, nobody
from ec2spawner.admin.doctor.look.wants import Wants
from ec2spawner.admin.policy.needs import needs_of
from ec2spawner.core.tags import HOME_TAG, HUB_TAG, LEASE_TAG
from ec2spawner.ec2.facts import Image
from ec2spawner.hub.checks.variants import variants_of

from .test_doctor_rights import ACCOUNT, WITH_ALL, policy_of
from .tutorial_network import make_network


def tagged(kind, **tags):
    pairs = [{"Key": k, "Value": v} for k, v in tags.items()]
    return [{"ResourceType": kind, "Tags": pairs}]


OURS = {HUB_TAG: "doctored"}
THEIRS = {HUB_TAG: "another"}
ZONE = "us-west-2a"


class World:
    """What the hub has, and what others have, in one account."""

    def __init__(self, api, hub, image):
        self.api, self.image, self.made = api, image, []
        needs = needs_of(hub.settings, hub.hub_id, ["us-west-2"], ACCOUNT)
        wants = Wants(hub.hub_id, variants_of(hub.settings), needs, "http://10.0.0.1")
        self.launch = self.request(wants)
        self.own, self.strange = self.machine(OURS), self.machine(THEIRS)
        self.home = self.volume({**OURS, HOME_TAG: "alice"})
        self.data = self.volume({"Name": "payroll"})
        self.backup = api.create_snapshot(
            VolumeId=self.data, TagSpecifications=tagged("snapshot", Name="backup")
        )["SnapshotId"]

    def request(self, wants):
        image = Image(self.image, "/dev/sda1", "x86_64", root_size=8)
        (variant,) = wants.variants
        facts = RegionFacts("us-west-2", images={variant.image: image})
        found = candidates_of(wants, facts, variant, nobody(wants), "n")
        return deepcopy(dict(found[-1].request))

    def machine(self, tags):
        request = {"ImageId": self.image, "InstanceType": "t3.small"}
        made = self.api.run_instances(
            MinCount=1,
            MaxCount=1,
            TagSpecifications=tagged("instance", **tags),
            **request,
        )["Instances"][0]["InstanceId"]
        self.made.append(made)
        return made

    def volume(self, tags):
        asked = {"AvailabilityZone": ZONE, "Size": 1, "Encrypted": True}
        specs = tagged("volume", **tags)
        return self.api.create_volume(**asked, TagSpecifications=specs)["VolumeId"]


@pytest.fixture
def world(network, hub, ec2):
    made = hub(**WITH_ALL, root_volume_size=30)
    made_world = World(network.client, made, ec2.resources().image_id)
    made_world.other = make_network("us-west-2")
    ec2.change_settings(policy=policy_of(made))
    yield made_world
    ec2.change_settings(policy={})
    network.client.terminate_instances(InstanceIds=made_world.made)


def launches(world):
    """The hub's own launch, and a thief's."""
    own = world.launch
    (interface,) = own["NetworkInterfaces"]
    disk, *_ = own["BlockDeviceMappings"]
    large = {**disk, "Ebs": {**disk["Ebs"], "VolumeSize": 16_000}}
    specs = [
        {**spec, "Tags": [{"Key": HUB_TAG, "Value": "another"}]}
        for spec in own["TagSpecifications"]
    ]
    other = world.other
    yield "a size that nobody offers", {"InstanceType": "p5.48xlarge"}
    yield "a subnet of others", {
        "NetworkInterfaces": [{**interface, "SubnetId": other.subnets[0]}]
    }
    yield "a group of others", {
        "NetworkInterfaces": [{**interface, "Groups": [other.hub]}]
    }
    yield "another image", {"ImageId": "ami-0123456789abcdef1"}
    yield "a role", {"IamInstanceProfile": {"Name": "admin"}}
    yield "a disk of 16 TB", {"BlockDeviceMappings": [large]}
    yield "another hub's tag", {"TagSpecifications": specs}
    yield "no tag", {"TagSpecifications": []}
    yield "metadata for everybody", {
        "MetadataOptions": {**own["MetadataOptions"], "HttpTokens": "optional"}
    }


def calls(world):
    """The hub's call, what it says, and what a thief says in its place."""
    own, strange = {"InstanceIds": [world.own]}, {"InstanceIds": [world.strange]}
    home = {
        "AvailabilityZone": ZONE,
        "Size": 10,
        "Encrypted": True,
        "TagSpecifications": tagged("volume", **OURS, **{HOME_TAG: "bob"}),
    }
    lease = [{"Key": LEASE_TAG, "Value": "0"}]
    adopt = {"Resources": [world.strange], "Tags": [{"Key": HUB_TAG, "Value": "x"}]}
    attach = {"InstanceId": world.own, "Device": "/dev/sdf"}
    snap = {"TagSpecifications": tagged("snapshot", **OURS)}
    for action in ("terminate", "stop", "start"):
        yield f"{action}_instances", own, [strange]
    yield "get_console_output", {"InstanceId": world.own}, [
        {"InstanceId": world.strange}
    ]
    yield "modify_instance_attribute", {
        "InstanceId": world.own,
        "UserData": {"Value": b"#!"},
    }, [
        {"InstanceId": world.own, "InstanceType": {"Value": "p5.48xlarge"}},
        {"InstanceId": world.strange, "UserData": {"Value": b"#!"}},
    ]
    yield "create_volume", home, [
        {**home, "Size": 16_000},
        {**home, "Encrypted": False},
        {**home, "TagSpecifications": tagged("volume", Name="x")},
        {**home, "SnapshotId": world.backup},
    ]
    yield "attach_volume", {**attach, "VolumeId": world.home}, [
        {**attach, "VolumeId": world.data},
        {**attach, "VolumeId": world.home, "InstanceId": world.strange},
    ]
    yield "detach_volume", {"VolumeId": world.home}, [{"VolumeId": world.data}]
    yield "modify_volume", {"VolumeId": world.home, "Size": 2}, [
        {"VolumeId": world.data, "Size": 2}
    ]
    yield "create_snapshot", {"VolumeId": world.home, **snap}, [
        {"VolumeId": world.data, **snap}
    ]
    # A home goes only once it was given up, and a stranger's volume never.
    yield "delete_volume", None, [{"VolumeId": world.home}, {"VolumeId": world.data}]
    yield "delete_snapshot", None, [{"SnapshotId": world.backup}]
    yield "create_tags", {"Resources": [world.own], "Tags": lease}, [
        adopt,
        {"Resources": [world.strange], "Tags": lease},
        {"Resources": [world.data], "Tags": [{"Key": HUB_TAG, "Value": "doctored"}]},
    ]
    yield "create_image", {
        "InstanceId": world.own,
        "Name": "thief",
        "TagSpecifications": tagged("image", **OURS) + tagged("snapshot", **OURS),
    }, [{"InstanceId": world.strange, "Name": "thief"}]
    # What a hub never does.
    yield "authorize_security_group_ingress", None, [
        {"GroupId": world.other.machines, "IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
    ]
    yield "create_key_pair", None, [{"KeyName": "thief"}]
    yield "delete_tags", None, [{"Resources": [world.own], "Tags": lease}]


def answer(call, **request):
    try:
        call(**request, DryRun=True)
    except ClientError as e:
        return e.response["Error"]["Code"]
    return "done"


def test_who_has_stolen_the_hubs_role_gets_what_a_hub_does_and_nothing_else(world):
    api = world.api
    allowed, refused = [], []
    assert answer(api.run_instances, **world.launch) == "DryRunOperation"
    for what, change in launches(world):
        got = answer(api.run_instances, **{**world.launch, **change})
        (refused if got == "UnauthorizedOperation" else allowed).append((what, got))
    for name, ours, thiefs in calls(world):
        call = getattr(api, name)
        if ours is not None:
            assert answer(call, **ours) == "DryRunOperation", name
        for request in thiefs:
            got = answer(call, **request)
            where = refused if got == "UnauthorizedOperation" else allowed
            where.append((name, got, request))
    assert not allowed
    assert len(refused) > 30
