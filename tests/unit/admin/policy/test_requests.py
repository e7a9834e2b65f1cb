"""The launches that a hub really asks for are allowed, and a thief's are not.

A small reading of IAM: a request is allowed if each resource of it is, by a statement
whose conditions all hold (IAM user guide, "Policy evaluation logic").
"""

from copy import deepcopy
from fnmatch import fnmatchcase

import pytest

from ec2spawner.admin.policy.needs import needs_of
from ec2spawner.admin.policy.statements import document, statements
from ec2spawner.ec2.facts import Image
from ec2spawner.launch.plan import LaunchIdentity, plan_launch
from ec2spawner.settings import LaunchSettings

HERE, ACCOUNT = "us-west-2", "111122223333"
IMAGE = Image("ami-0123456789abcdef0", "/dev/sda1")
WHO = LaunchIdentity("lab", "5e7", "1a2", "ada")
SETTINGS = {
    "image": IMAGE.id,
    "subnets": ["subnet-1", "subnet-2"],
    "security_groups": ["sg-1"],
    "instance_types": ["m7i.large", "m6i.large"],
    "root_volume_size": 30,
}


def settings(**given):
    return LaunchSettings(**{**SETTINGS, **given})


def policy(of):
    return document(statements(needs_of(of, "lab", [HERE], ACCOUNT)))["Statement"]


def requests(of):
    plan = plan_launch(of, IMAGE, WHO, b"")
    return [deepcopy(dict(each.request)) for each in plan.candidates]


def listed(value):
    return value if isinstance(value, list) else [value]


OPERATORS = {
    "StringEquals": lambda got, asked: got is not None and got in listed(asked),
    "NumericLessThanEquals": lambda got, asked: got is not None and got <= int(asked),
    "Null": lambda got, asked: (got is None) == (asked == "true"),
    "ArnLikeIfExists": lambda got, asked: got is None
    or any(fnmatchcase(got, each) for each in asked),
}


def allows(statement, action, arn, context):
    return (
        action in listed(statement["Action"])
        and any(fnmatchcase(arn, each) for each in listed(statement["Resource"]))
        and all(
            OPERATORS[operator](context.get(key), asked)
            for operator, keys in statement.get("Condition", {}).items()
            for key, asked in keys.items()
        )
    )


def parts(request):
    """What a RunInstances request is about: ARN -> what conditions may ask of it."""

    def tags(kind):
        found = [t for t in request["TagSpecifications"] if t["ResourceType"] == kind]
        pairs = [pair for each in found for pair in each["Tags"]]
        return {f"aws:RequestTag/{pair['Key']}": pair["Value"] for pair in pairs}

    def arn(kind, name, account=ACCOUNT):
        return f"arn:aws:ec2:{HERE}:{account}:{kind}/{name}"

    instance = {
        "ec2:InstanceType": request["InstanceType"],
        "ec2:MetadataHttpTokens": request["MetadataOptions"]["HttpTokens"],
    }
    if profile := request.get("IamInstanceProfile"):
        name = f"arn:aws:iam::{ACCOUNT}:instance-profile/{profile['Name']}"
        instance["ec2:InstanceProfile"] = name
    yield arn("instance", "new"), {**instance, **tags("instance")}
    yield arn("image", request["ImageId"], ""), {}
    for number, disk in enumerate(request["BlockDeviceMappings"]):
        ebs = disk["Ebs"]
        size = {"ec2:VolumeSize": ebs["VolumeSize"]} if "VolumeSize" in ebs else {}
        yield arn("volume", f"new-{number}"), {**size, **tags("volume")}
        if snapshot := ebs.get("SnapshotId"):
            yield arn("snapshot", snapshot, ""), {}
    for interface in request["NetworkInterfaces"]:
        yield arn("network-interface", "new"), tags("network-interface")
        yield arn("subnet", interface["SubnetId"]), {}
        for group in interface["Groups"]:
            yield arn("security-group", group), {}
    if "InstanceMarketOptions" in request:
        yield arn("spot-instances-request", "new"), tags("spot-instances-request")
    if key := request.get("KeyName"):
        yield arn("key-pair", key), {}


def refused(found, request):
    """The resources that no statement allows, by kind."""
    return {
        arn.split(":")[-1].split("/")[0]
        for arn, context in parts(request)
        if not any(allows(s, "ec2:RunInstances", arn, context) for s in found)
    }


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"market": "spot-then-on-demand"},
        {"key_name": "ada"},
        {"iam_instance_profile": "reader"},
        {"root_volume_size": 0},
        {"image": "name:lab-*"},
        {
            "data_volumes": [
                {"snapshot_id": "snap-0123456789abcdef0", "mount_path": "/data/dem"}
            ]
        },
    ],
    ids=lambda given: next(iter(given), "plain"),
)
def test_every_launch_of_a_hub_is_allowed_by_its_policy(given):
    of = settings(**given)
    assert requests(of)
    for request in requests(of):
        assert refused(policy(of), request) == set()


def test_what_a_profile_changes_is_allowed_too():
    large = {"instance_types": ["m7i.4xlarge"], "root_volume_size": 200}
    own = [{"display_name": "Large", "ec2spawner_override": large}]
    for request in requests(settings(**large)):
        assert refused(policy(settings(profile_list=own)), request) == set()
        assert refused(policy(settings()), request) == {"instance", "volume"}


@pytest.mark.parametrize(
    "stolen, kind",
    [
        ({"instance_types": ["p5.48xlarge"]}, "instance"),
        ({"iam_instance_profile": "admin"}, "instance"),
        ({"subnets": ["subnet-of-others"]}, "subnet"),
        ({"security_groups": ["sg-open"]}, "security-group"),
        ({"root_volume_size": 16_000}, "volume"),
        ({"key_name": "thief"}, "key-pair"),
        ({"market": "spot"}, "spot-instances-request"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_who_has_stolen_the_hubs_role_gets_no_other_machine(stolen, kind):
    for request in requests(settings(**stolen)):
        assert refused(policy(settings()), request) == {kind}


def test_nor_one_with_another_image_or_another_hubs_tag_or_an_open_metadata_service():
    found = policy(settings())
    request, *_ = requests(settings())
    assert refused(found, request | {"ImageId": "ami-1"}) == {"image"}
    assert refused(
        found, request | {"MetadataOptions": {"HttpTokens": "optional"}}
    ) == {"instance"}
    assert refused(found, request | {"TagSpecifications": []}) == {
        "instance",
        "volume",
        "network-interface",
    }
