"""Whatever a line, a proxy or nobody makes of an answer: EC2Error, and in doubt."""

from __future__ import annotations

import ast

import pytest

from ec2spawner.ec2 import (
    images,
    instance_types,
    machines,
    resources,
    snapshots,
    status_checks,
    volumes,
)
from ec2spawner.ec2.account import dry_runs, identity, key_pairs, keys, plan, quotas
from ec2spawner.ec2.clients import Account, Lane, Session
from ec2spawner.ec2.errors import EC2Error, admin_hint
from ec2spawner.ec2.errors.kinds import Kind
from ec2spawner.ec2.inventory import listing
from ec2spawner.ec2.network import acls, security_groups, subnets
from ec2spawner.ec2.prices import ask as prices
from ec2spawner.ec2.resources import Resource, ResourceKind
from ec2spawner.ec2.throttle import LIMITS, Limit, RetryBudget, Throttle
from ec2spawner.launch.failures import spawn_error
from localec2 import LATE_FAULTS, WIRE_FAULTS, Fault
from tests.house import files

I, V, S = "i-0123456789abcdef0", "vol-0123456789abcdef0", "snap-0123456789abcdef0"
A = "ami-0123456789abcdef0"
VOLUME = {"AvailabilityZone": "us-west-2a", "Size": 1}
LAUNCH = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}


SHELVED = images.ShelvedImage(A, "abc", "available")
FRIEND = "111122223333"


def delete(kind, id):
    return lambda lane: resources.delete_resource(lane, Resource(id, kind))


#: (module, function) -> action -> the function, asked to send it
CALLS = {
    "account.dry_runs.may": {
        "RunInstances": lambda lane: dry_runs.may(lane, "RunInstances", LAUNCH)
    },
    "account.identity.caller": {
        "GetCallerIdentity": lambda lane: identity.caller(lane)
    },
    "account.key_pairs.key_pairs_among": {
        "DescribeKeyPairs": lambda lane: key_pairs.key_pairs_among(lane, ["ada"])
    },
    "account.keys.describe_key": {
        "DescribeKey": lambda lane: keys.describe_key(lane, "alias/homes")
    },
    "account.quotas.quota": {
        "GetServiceQuota": lambda lane: quotas.quota(lane, "L-1216C47A")
    },
    "account.plan.is_on_free_plan": {
        "GetAccountPlanState": lambda lane: plan.is_on_free_plan(lane)
    },
    "account.plan.has_spot_role": {"GetRole": lambda lane: plan.has_spot_role(lane)},
    "account.quotas.running_machines": {
        "DescribeInstances": lambda lane: quotas.running_machines(lane)
    },
    "network.security_groups.groups_by_id": {
        "DescribeSecurityGroups": lambda lane: security_groups.groups_by_id(
            lane, ["sg-1"]
        )
    },
    "network.security_groups.default_groups": {
        "DescribeSecurityGroups": lambda lane: security_groups.default_groups(
            lane, ["vpc-1"]
        )
    },
    "network.security_groups.interfaces_with": {
        "DescribeNetworkInterfaces": lambda lane: security_groups.interfaces_with(
            lane, "10.0.0.10"
        )
    },
    "network.subnets.subnets_by_id": {
        "DescribeSubnets": lambda lane: subnets.subnets_by_id(lane, ["subnet-1"])
    },
    "network.subnets.routes_of": {
        "DescribeRouteTables": lambda lane: subnets.routes_of(lane, ["vpc-1"])
    },
    "network.acls.acls_of": {
        "DescribeNetworkAcls": lambda lane: acls.acls_of(lane, ["vpc-1"])
    },
    "network.subnets.has_dns": {
        "DescribeVpcAttribute": lambda lane: subnets.has_dns(lane, "vpc-1")
    },
    "prices.ask.ask_spot_prices": {
        "DescribeSpotPriceHistory": lambda lane: prices.ask_spot_prices(lane, ["t3"])
    },
    "images.resolve": {
        "DescribeImages": lambda lane: images.Images(lane).resolve(
            "ami-0123456789abcdef0", []
        ),
        "GetParameter": lambda lane: images.Images(lane).resolve("ssm:/a", []),
    },
    "images.resolve by name": {
        "DescribeImages": lambda lane: images.Images(lane).resolve("name:a", ["self"]),
    },
    "images.shelved_images": {
        "DescribeImages": lambda lane: images.shelved_images(lane, "hub")
    },
    "images.create_image": {
        "CreateImage": lambda lane: images.create_image(lane, I, "abc", "", {})
    },
    "images.deregister_image": {
        "DeregisterImage": lambda lane: images.deregister_image(lane, A)
    },
    "images.copy_image": {
        "CopyImage": lambda lane: images.copy_image(lane, SHELVED, "eu-west-1", {}, "t")
    },
    "images.machines_of_images": {
        "DescribeInstances": lambda lane: images.machines_of_images(lane, [A])
    },
    "images.share_image": {
        "ModifyImageAttribute": lambda lane: images.share_image(lane, A, FRIEND, True)
    },
    "images.share_snapshot": {
        "ModifySnapshotAttribute": lambda lane: images.share_snapshot(
            lane, S, FRIEND, True
        )
    },
    "instance_types.type_facts": {
        "DescribeInstanceTypes": lambda lane: instance_types.type_facts(lane, ["t3"])
    },
    "instance_types.zones_with": {
        "DescribeInstanceTypeOfferings": lambda lane: instance_types.zones_with(
            lane, ["t3.small"]
        )
    },
    "instance_types._zones": {
        "DescribeSubnets": lambda lane: instance_types._zones(lane, ["subnet-1"])
    },
    "machines.run_machine": {
        "RunInstances": lambda lane: machines.run_machine(lane, LAUNCH, "token")
    },
    "inventory.listing.__call__": {
        "DescribeInstances": lambda lane: listing.list_machines(lane, "hub")
    },
    "machines.machines_by_id": {
        "DescribeInstances": lambda lane: machines.machines_by_id(lane, [I])
    },
    "machines.machines_at": {
        "DescribeInstances": lambda lane: machines.machines_at(lane, "10.0.0.1", ["s"])
    },
    "machines.machine_of_token": {
        "DescribeInstances": lambda lane: machines.machine_of_token(lane, "token")
    },
    "machines.terminate_machines": {
        "TerminateInstances": lambda lane: machines.terminate_machines(lane, [I])
    },
    "machines.stop_machines": {
        "StopInstances": lambda lane: machines.stop_machines(lane, [I])
    },
    "machines.start_machines": {
        "StartInstances": lambda lane: machines.start_machines(lane, [I])
    },
    "machines.set_user_data": {
        "ModifyInstanceAttribute": lambda lane: machines.set_user_data(lane, I, b"#!")
    },
    "machines.set_instance_type": {
        "ModifyInstanceAttribute": lambda lane: machines.set_instance_type(
            lane, I, "t3.large"
        )
    },
    "machines.console_output": {
        "GetConsoleOutput": lambda lane: machines.console_output(lane, I)
    },
    "resources.list_resources": {
        action: lambda lane: resources.list_resources(lane, "hub")
        for action in (
            "DescribeVolumes",
            "DescribeNetworkInterfaces",
            "DescribeAddresses",
            "DescribeSnapshots",
        )
    },
    "resources.delete_resource": {
        "DeleteVolume": delete(ResourceKind.VOLUME, V),
        "DeleteNetworkInterface": delete(ResourceKind.INTERFACE, "eni-1"),
        "DeleteSnapshot": delete(ResourceKind.SNAPSHOT, S),
        "ReleaseAddress": delete(ResourceKind.ADDRESS, "eipalloc-1"),
    },
    "resources.create_tags": {
        "CreateTags": lambda lane: resources.create_tags(lane, [I], {"a": "b"})
    },
    "snapshots.snapshots_of_moves": {
        "DescribeSnapshots": lambda lane: snapshots.snapshots_of_moves(lane, "hub")
    },
    "snapshots.archives_of": {
        "DescribeSnapshots": lambda lane: snapshots.archives_of(lane, "hub")
    },
    "snapshots.snapshots_among": {
        "DescribeSnapshots": lambda lane: snapshots.snapshots_among(lane, [S])
    },
    "snapshots.snapshots_of_hub": {
        "DescribeSnapshots": lambda lane: snapshots.snapshots_of_hub(lane, "hub")
    },
    "snapshots.create_snapshot": {
        "CreateSnapshot": lambda lane: snapshots.create_snapshot(lane, V, "", {})
    },
    "status_checks.impaired_machines": {
        "DescribeInstanceStatus": lambda lane: status_checks.impaired_machines(lane)
    },
    "volumes.homes_of": {
        "DescribeVolumes": lambda lane: volumes.homes_of(lane, "hub", "owner")
    },
    "volumes._index": {
        "DescribeTags": lambda lane: volumes.homes_in_index(lane, "owner")
    },
    "volumes.copies_of": {
        "DescribeVolumes": lambda lane: volumes.copies_of(lane, "hub")
    },
    "volumes.volumes_among": {
        "DescribeVolumes": lambda lane: volumes.volumes_among(lane, "hub", [V])
    },
    "volumes.describe_volume": {
        "DescribeVolumes": lambda lane: volumes.describe_volume(lane, V)
    },
    "volumes.create_volume": {
        "CreateVolume": lambda lane: volumes.create_volume(lane, VOLUME, "token")
    },
    "volumes.attach_volume": {
        "AttachVolume": lambda lane: volumes.attach_volume(lane, V, I, "/dev/sdf")
    },
    "volumes.detach_volume": {
        "DetachVolume": lambda lane: volumes.detach_volume(lane, V, I)
    },
    "volumes.grow_volume": {
        "ModifyVolume": lambda lane: volumes.grow_volume(lane, V, 2)
    },
}
ALL = [
    pytest.param(action, call, id=f"{name} {action}")
    for name, calls in CALLS.items()
    for action, call in calls.items()
]
BROKEN = {name: f for name, f in WIRE_FAULTS.items() if name != "seen twice"}


def functions_that_call_boto3():
    """``machines.run_machine`` and so on: all that give work to a lane."""
    for file in files("ec2spawner"):
        if file.room != "ec2" or file.name == "ec2/clients.py":
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.AsyncFunctionDef) and any(
                isinstance(call, ast.Call)
                and ast.unparse(call.func) in ("lane.run", "self._lane.run")
                for call in ast.walk(node)
            ):
                yield f"{file.name[4:-3].replace('/', '.')}.{node.name}"


def test_each_function_that_calls_boto3_is_tried():
    # These are asked by the functions that are tried.
    methods = {f"images.{name}" for name in ("_from_parameter", "_newest", "_describe")}
    methods |= {"snapshots._list", "network.security_groups._groups"}
    # An empty answer has no price, which is not known then: test_prices.
    methods.add("prices.ask.ask_price")
    found = set(functions_that_call_boto3())
    assert "machines.run_machine" in found and methods <= found
    assert found - methods <= set(CALLS)


@pytest.fixture(scope="module")
def lane(cloud):
    """One that repeats nothing and waits for nobody: each fault is met once."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        for service in ("KMS", "SSM", "STS", "SERVICE_QUOTAS"):
            patch.setenv(f"AWS_ENDPOINT_URL_{service}", cloud.endpoint_url)
        yield new_lane(cloud, read_timeout=60)


def new_lane(cloud, read_timeout):
    session = Session(Account(cloud.region, cloud.endpoint_url))
    throttle = Throttle(dict.fromkeys(LIMITS, Limit(1e6, 1e6)))
    options = {"attempts": 1, "read_timeout": read_timeout, "threads": 1}
    return Lane(session, "test", throttle, RetryBudget(), **options)


async def failure(lane: Lane, call) -> EC2Error:
    with pytest.raises(EC2Error) as caught:
        await call(lane)
    return caught.value


@pytest.mark.parametrize("action, call", ALL)
async def test_an_answer_that_is_not_ec2s_is_in_doubt(lane, ec2, action, call):
    for name, fault in BROKEN.items():
        ec2.clear_faults()
        ec2.add_fault(Fault(action, **fault))
        error = await failure(lane, call)
        assert (error.action, error.kind) == (action, Kind.AMBIGUOUS), name
        told = [str(error), admin_hint(error), str(spawn_error(error))]
        assert not any("<" in text or "\n" in text for text in told), told


@pytest.mark.parametrize("fault", LATE_FAULTS)
async def test_an_answer_that_is_late_is_in_doubt(cloud, lane, ec2, fault):
    ec2.add_fault(Fault("DescribeSubnets", **{k: 3.0 for k in LATE_FAULTS[fault]}))
    impatient = new_lane(cloud, read_timeout=0.2)
    error = await failure(
        impatient, lambda lane: instance_types._zones(lane, ["subnet-1"])
    )
    assert (error.code, error.kind) == ("ReadTimeoutError", Kind.AMBIGUOUS)


async def test_what_nobody_thought_of_is_in_doubt_and_a_mistake_of_ours_is_not(lane):
    def absurd(lane):
        raise ZeroDivisionError("so what")

    with pytest.raises(EC2Error) as caught:
        await lane.run("DescribeVolumes", absurd)
    assert caught.value.kind is Kind.AMBIGUOUS
    assert isinstance(caught.value.__cause__, ZeroDivisionError)

    def too_late(lane):
        raise machines.NotSent

    with pytest.raises(machines.NotSent):
        await lane.run("RunInstances", too_late)
