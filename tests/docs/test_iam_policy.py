"""The policy of the AWS tutorial allows the calls that the code makes, no others."""

import ast
import json
from pathlib import Path

import boto3

import ec2spawner.ec2
from ec2spawner.identity import (
    ARCHIVE_TAG,
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    LEASE_TAG,
    MOVE_TAG,
    MOVED_TO_TAG,
)

from .configs import DOCS, ROOT, load, spawner_of

POLICY = json.loads((DOCS / "tutorials" / "hub-policy.json").read_text())
STATEMENTS = POLICY["Statement"]


def calls_of_the_code():
    """``ec2:RunInstances`` and so on, from every use of a client in ec2/."""
    found = set()
    for path in Path(ec2spawner.ec2.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            # lane.ec2.run_instances(...), lane.ec2.get_paginator("...")
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Attribute)
                and node.func.value.attr in ("ec2", "ssm")
            ):
                continue
            method = node.func.attr
            if method == "get_paginator":
                method = node.args[0].value
            found.add((node.func.value.attr, method))
    return {
        f"{service}:{_client(service).meta.method_to_api_mapping[method]}"
        for service, method in found
    }


def _client(service):
    return boto3.client(service, region_name="us-west-2")


def actions(statement):
    action = statement["Action"]
    return {action} if isinstance(action, str) else set(action)


def test_it_allows_what_the_code_calls_and_nothing_else():
    calls = calls_of_the_code()
    assert {"ec2:RunInstances", "ec2:TerminateInstances", "ssm:GetParameter"} <= calls
    # RunInstances with tags is checked against CreateTags, too.
    assert set().union(*map(actions, STATEMENTS)) == calls | {"ec2:CreateTags"}
    assert all(s["Effect"] == "Allow" for s in STATEMENTS)


def test_what_changes_something_is_bound_to_the_hubs_tag():
    for statement in STATEMENTS:
        about_tagged = any(
            part in str(statement["Resource"])
            for part in ("instance/", "volume/", "network-interface/", "snapshot/")
        )
        changes = actions(statement) & {
            "ec2:RunInstances",
            "ec2:CreateTags",
            "ec2:TerminateInstances",
            "ec2:CreateSnapshot",
            "ec2:DeleteVolume",
            "ec2:DeleteSnapshot",
            "ec2:DeleteNetworkInterface",
            "ec2:ReleaseAddress",
        }
        if changes and about_tagged:
            assert HUB_TAG in str(statement["Condition"]), statement["Sid"]
        elif changes:
            assert actions(statement) == {"ec2:RunInstances"}
    tagging = [s for s in STATEMENTS if "ec2:CreateTags" in actions(s)]
    at_launch, *later, at_snapshot = tagging
    at_launch = at_launch["Condition"]["StringEquals"]["ec2:CreateAction"]
    assert set(at_launch) == {"RunInstances", "CreateVolume"}
    at_snapshot = at_snapshot["Condition"]["StringEquals"]["ec2:CreateAction"]
    assert at_snapshot == "CreateSnapshot"
    only = [s["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"] for s in later]
    assert only == [
        [HOME_TAG, MOVE_TAG, MOVED_TO_TAG],
        [LEASE_TAG],
        [HOME_TAG, DISCARD_TAG, ARCHIVE_TAG],
    ]


def test_the_policy_itself_keeps_homes_from_being_deleted_unless_discarded():
    deleting = [s for s in STATEMENTS if "ec2:DeleteVolume" in actions(s)]
    # "Null" with "true": the resource must not have the tag.
    assert [s["Condition"]["Null"] for s in deleting] == [
        {f"ec2:ResourceTag/{HOME_TAG}": "true"},
        {f"ec2:ResourceTag/{DISCARD_TAG}": "false"},
    ]
    of_snapshots = [s for s in STATEMENTS if "ec2:DeleteSnapshot" in actions(s)]
    assert of_snapshots == deleting[1:]


def test_it_allows_the_sizes_of_the_example():
    spawner = spawner_of(load(ROOT / "jupyterhub_config.example.py"))
    offered = {
        profile["ec2spawner_override"]["instance_type"]
        for profile in spawner.profile_list
    }
    (sizes,) = [s for s in STATEMENTS if s["Sid"] == "LaunchTheseSizes"]
    allowed = sizes["Condition"]["StringEquals"]
    assert set(allowed["ec2:InstanceType"]) == offered
    assert allowed[f"aws:RequestTag/{HUB_TAG}"] == spawner.hub_id
