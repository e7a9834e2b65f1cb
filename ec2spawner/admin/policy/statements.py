"""Needs -> the statements of a policy, each with its reason. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...core.tags import (
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
from ...ec2.account.plan import SPOT_ROLE
from .needs import Needs
from .statement import Condition, Statement, one

#: AWS's free plan is not there
_WITHOUT_PLANS = ("aws-cn", "aws-us-gov")
# What EC2 has in no account's name (service authorization reference, EC2).
_NOBODYS = ("image", "snapshot")


def document(found: Sequence[Statement]) -> dict[str, Any]:
    """The whole policy."""
    return {"Version": "2012-10-17", "Statement": [s.as_json() for s in found]}


def statements(needs: Needs) -> list[Statement]:
    """What a hub with these needs must be allowed, and nothing else."""
    found = [*_looks(needs), *_launches(needs), *_machines(needs)]
    found += _homes(needs) if needs.homes else ()
    found += _home_snapshots(needs) if needs.home_snapshots else ()
    found += _images(needs) if needs.builds else ()
    return found


def _looks(needs: Needs) -> Iterator[Statement]:
    looks = [
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeImages",
        "ec2:DescribeVolumes",
        "ec2:DescribeSnapshots",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeAddresses",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeSubnets",
        *(["ec2:DescribeTags"] if needs.homes else []),
        *(["ec2:DescribeSpotPriceHistory"] if needs.prices else []),
    ]
    here = {"StringEquals": {"aws:RequestedRegion": one(needs.regions)}}
    why = "Know which machines, volumes, images and sizes there are. Changes nothing."
    yield Statement("Look", why, looks, ["*"], here)
    why = "Let `ec2spawner doctor` look at network, sizes and quotas. Changes nothing."
    yield Statement("LookForDoctor", why, _doctors_looks(needs), ["*"], here)
    # A template leaves it to CloudFormation to say which partition it is.
    if needs.partition not in _WITHOUT_PLANS:
        why = "Let `ec2spawner doctor` see whether the account is on AWS's free plan."
        action = "freetier:GetAccountPlanState"
        yield Statement("LookAtPlan", why, [action], ["*"])
    if needs.spot:
        why = "Let `ec2spawner doctor` see whether AWS's role for spot is there."
        role = (
            f"arn:{needs.partition}:iam::{needs.account}:role/aws-service-role/"
            f"spot.amazonaws.com/{SPOT_ROLE}"
        )
        yield Statement("LookAtSpotRole", why, ["iam:GetRole"], [role])
    if needs.prices:
        why = "Read AWS's price list (prices_region)."
        yield Statement("ReadPriceList", why, ["pricing:GetProducts"], ["*"])
    names = [i.removeprefix("ssm:") for i in needs.images if i.startswith("ssm:")]
    if names:
        why = "Read the parameters that name images given as ssm:/..."
        arns = [_parameter(needs, region, n) for region in needs.regions for n in names]
        yield Statement("FindPublicImages", why, ["ssm:GetParameter"], arns)


def _doctors_looks(needs: Needs) -> list[str]:
    return [
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeRouteTables",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeInstanceTypeOfferings",
        *(["ec2:DescribeKeyPairs"] if needs.keys else []),
        "servicequotas:GetServiceQuota",
    ]


def _parameter(needs: Needs, region: str, name: str) -> str:
    # AWS's own parameters are in no account.
    account = "" if name.startswith("/aws/service/") else needs.account
    return f"arn:{needs.partition}:ssm:{region}:{account}:parameter/{name.lstrip('/')}"


def _launches(needs: Needs) -> Iterator[Statement]:
    run = ["ec2:RunInstances"]
    fixed = [i for i in needs.images if i.startswith("ami-")]
    found_later = [i for i in needs.images if i.startswith(("ssm:", "name:"))]
    # Which image a pattern or a parameter finds is not known before.
    any_image = needs.any_image or bool(found_later)
    names = [] if any_image else fixed
    places = _arns(needs, "image", *names) if any_image or fixed else []
    places += _arns(needs, "subnet", *needs.subnets)
    places += _arns(needs, "security-group", *needs.groups)
    places += _arns(needs, "key-pair", *needs.keys) if needs.keys else []
    places += _arns(needs, "snapshot", *needs.snapshots) if needs.snapshots else []
    why = "Use these images, subnets and groups for machines. Changes nothing of them."
    yield Statement("LaunchInto", why, run, places)
    if needs.builds and not any_image:
        why = "Start machines from images that this hub has made."
        yield Statement("LaunchOwnImages", why, run, _arns(needs, "image"), _own(needs))
    profiles = needs.instance_profiles
    yield Statement(
        "LaunchTheseSizes",
        "Make machines of the sizes that are offered, with this hub's tag, and "
        + ("no instance profile but these." if profiles else "no instance profile."),
        run,
        _arns(needs, "instance"),
        _made(
            needs,
            {
                "ec2:InstanceType": list(needs.types),
                "ec2:MetadataHttpTokens": "required",
            },
        )
        | (
            {"ArnLikeIfExists": {"ec2:InstanceProfile": _profiles(needs)}}
            if profiles
            else {"Null": {"ec2:InstanceProfile": "true"}}
        ),
    )
    if profiles:
        yield Statement(
            "GiveMachinesTheirRole",
            "Give machines the role of their instance profile (iam_instance_profile). "
            "It is taken to have the profile's name: put in another if it has.",
            ["iam:PassRole"],
            [arn.replace(":instance-profile/", ":role/") for arn in _profiles(needs)],
            # IAM user guide, "Granting permissions to pass a role"; China's is longer.
            {"StringLike": {"iam:PassedToService": "ec2.amazonaws.com*"}},
        )
    bound: Condition = {}
    if size := needs.largest_disk:
        bound = {"NumericLessThanEquals": {"ec2:VolumeSize": str(size)}}
    why = "Make the disks of machines" + (f", of at most {size} GiB." if size else ".")
    yield Statement(
        "LaunchWithTheseDisks",
        why,
        run,
        _arns(needs, "volume"),
        {**_made(needs), **bound},
    )
    parts = ["network-interface", *(["spot-instances-request"] if needs.spot else [])]
    yield Statement(
        "LaunchWithTheseParts",
        "Make what else a machine consists of, with this hub's tag.",
        run,
        [arn for part in parts for arn in _arns(needs, part)],
        _made(needs),
    )
    creates = ["RunInstances", *(["CreateVolume"] if needs.homes else [])]
    yield Statement(
        "TagOnlyAtLaunch",
        "Tag machines and volumes as they are made, and at no other time.",
        ["ec2:CreateTags"],
        [a for part in ("instance", "volume", *parts) for a in _arns(needs, part)],
        _made(needs, {"ec2:CreateAction": one(creates)}),
    )


def _profiles(needs: Needs) -> list[str]:
    return [
        (
            each
            if each.startswith("arn:")
            else f"arn:{needs.partition}:iam::{needs.account}:instance-profile/{each}"
        )
        for each in needs.instance_profiles
    ]


def _machines(needs: Needs) -> Iterator[Statement]:
    machines, own = _arns(needs, "instance"), _own(needs)
    why = "End machines of this hub."
    yield Statement("EndOwnMachines", why, ["ec2:TerminateInstances"], machines, own)
    why = "Put the console of a machine that failed into the Hub's log."
    yield Statement("ReadOwnConsoles", why, ["ec2:GetConsoleOutput"], machines, own)
    stops = ["ec2:StopInstances"] if needs.rests or needs.builds else []
    stops += ["ec2:StartInstances"] if needs.rests else []
    if stops:
        why = "Stop machines of this hub and wake them (on_stop, and to make images)."
        yield Statement("StopAndWakeOwnMachines", why, stops, machines, own)
    if needs.rests:
        yield Statement(
            "MakeOwnMachinesOfTheseSizes",
            "Wake a machine with new user-data, or in another size that is offered.",
            ["ec2:ModifyInstanceAttribute"],
            machines,
            {
                **own,
                "StringEqualsIfExists": {
                    "ec2:Attribute/InstanceType": list(needs.types)
                },
            },
        )
    yield Statement(
        "RenewOwnLeases",
        "Renew the time for which machines live without a Hub.",
        ["ec2:CreateTags"],
        machines,
        {**own, **_only_tags(LEASE_TAG)},
    )
    if needs.late_tags:
        yield Statement(
            "SayWhoseReadyMachinesAre",
            "Note whose a machine is that was ready before anybody asked for it.",
            ["ec2:CreateTags"],
            [*machines, *_arns(needs, "volume")],
            {**own, **_only_tags(*needs.late_tags)},
        )
    yield Statement(
        "DeleteOwnLeftovers",
        "Delete what a launch has left over. A home is out of reach.",
        ["ec2:DeleteVolume", "ec2:DeleteNetworkInterface", "ec2:ReleaseAddress"],
        [
            arn
            for part in ("volume", "network-interface", "elastic-ip")
            for arn in _arns(needs, part)
        ],
        {**own, "Null": {f"ec2:ResourceTag/{HOME_TAG}": "true"}},
    )


def _homes(needs: Needs) -> Iterator[Statement]:
    volumes, snapshots = _arns(needs, "volume"), _arns(needs, "snapshot")
    own = _own(needs)
    yield Statement(
        "MakeHomes",
        f"Make homes: encrypted, of at most {needs.largest_home} GiB (home_size).",
        ["ec2:CreateVolume"],
        volumes,
        {
            **_made(needs),
            "Bool": {"ec2:Encrypted": "true"},
            "NumericLessThanEquals": {"ec2:VolumeSize": str(needs.largest_home)},
        },
    )
    yield Statement(
        "AttachAndGrowOwnHomes",
        "Give homes to machines, and let them grow when home_size does.",
        ["ec2:AttachVolume", "ec2:DetachVolume", "ec2:ModifyVolume"],
        [*volumes, *_arns(needs, "instance")],
        own,
    )
    yield Statement(
        "MoveOwnHomes",
        "Note whose a home is, and where it goes.",
        ["ec2:CreateTags"],
        volumes,
        {**own, **_only_tags(HOME_TAG, MOVE_TAG, MOVED_TO_TAG)},
    )
    yield Statement(
        "GiveUpOwnHomes",
        "Note that a home is to be kept as a snapshot, or deleted.",
        ["ec2:CreateTags"],
        [*volumes, *snapshots],
        {**own, **_only_tags(HOME_TAG, DISCARD_TAG, ARCHIVE_TAG)},
    )
    yield Statement(
        "DeleteDiscardedHomes",
        "Delete homes and snapshots that were given up before, no others.",
        ["ec2:DeleteVolume", "ec2:DeleteSnapshot"],
        [*volumes, *snapshots],
        {**own, "Null": {f"ec2:ResourceTag/{DISCARD_TAG}": "false"}},
    )
    if needs.kms_keys:
        yield from _kms(needs)


def _kms(needs: Needs) -> Iterator[Statement]:
    """What EC2 does with a key on the hub's behalf (EBS user guide, "Permissions to
    use KMS keys")."""
    uses = [
        "kms:DescribeKey",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKeyWithoutPlaintext",
    ]
    arns = [arn for key in needs.kms_keys for arn in _key_arns(needs, key)]
    why = "Encrypt homes with the key of home_kms_key_id."
    yield Statement("UseKeyOfHomes", why, uses, arns)
    grant = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    why = "Let EC2 use that key for homes on its own."
    yield Statement("LetAWSUseKeyOfHomes", why, ["kms:CreateGrant"], arns, grant)


def _key_arns(needs: Needs, key: str) -> list[str]:
    if key.startswith("arn:") and ":key/" in key:
        return [key]
    # Which key an alias names is not known before: put in its id to be tight.
    name = "*" if "alias/" in key else key
    return [
        f"arn:{needs.partition}:kms:{region}:{needs.account}:key/{name}"
        for region in needs.regions
    ]


def _home_snapshots(needs: Needs) -> Iterator[Statement]:
    snapshots = _arns(needs, "snapshot")
    yield Statement(
        "CopyHomesFromOwnSnapshots",
        "Make a home of a snapshot, in the zone to which it moves.",
        ["ec2:CreateVolume"],
        snapshots,
        _own(needs),
    )
    why, make = "Make snapshots of homes of this hub.", ["ec2:CreateSnapshot"]
    yield Statement("SnapshotOwnHomes", why, make, _arns(needs, "volume"), _own(needs))
    why = "Make those snapshots with this hub's tag."
    yield Statement("MakeSnapshots", why, make, snapshots, _made(needs))
    yield Statement(
        "TagSnapshotsAtCreation",
        "Tag snapshots as they are made.",
        ["ec2:CreateTags"],
        snapshots,
        _made(needs, {"ec2:CreateAction": "CreateSnapshot"}),
    )


def _images(needs: Needs) -> Iterator[Statement]:
    both = [*_arns(needs, "image"), *_arns(needs, "snapshot")]
    ours = {**_own(needs), "Null": {f"ec2:ResourceTag/{IMAGE_TAG}": "false"}}
    make = ["ec2:CreateImage"]
    why = "Make an image of a builder, a machine of this hub."
    yield Statement("SaveOwnMachines", why, make, _arns(needs, "instance"), _own(needs))
    why = "Make that image, and its snapshots, with this hub's tag."
    yield Statement("MakeImages", why, make, both, _made(needs))
    yield Statement(
        "TagImagesAtCreation",
        "Tag images as they are made or copied.",
        ["ec2:CreateTags"],
        both,
        _made(needs, {"ec2:CreateAction": ["CreateImage", "CopyImage"]}),
    )
    yield Statement(
        "SayHowImagesAre",
        "Note on an image whether it has passed its test.",
        ["ec2:CreateTags"],
        _arns(needs, "image"),
        {**ours, **_only_tags(STATUS_TAG)},
    )
    why = "Copy images to more regions."
    yield Statement("CopyImages", why, ["ec2:CopyImage"], both, _made(needs))
    share = ["ec2:ModifyImageAttribute", "ec2:ModifySnapshotAttribute"]
    why = "Share images that this hub has made with other accounts."
    yield Statement("ShareOwnImages", why, share, both, ours)
    delete = ["ec2:DeregisterImage", "ec2:DeleteSnapshot"]
    why = "Delete images that this hub has made, with their snapshots."
    yield Statement("DeleteOwnImages", why, delete, both, ours)


def _arns(needs: Needs, kind: str, *names: str) -> list[str]:
    account = "" if kind in _NOBODYS else needs.account
    return [
        f"arn:{needs.partition}:ec2:{region}:{account}:{kind}/{name}"
        for region in needs.regions
        for name in names or ("*",)
    ]


def _made(needs: Needs, also: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """As it is made, it gets this hub's tag."""
    tag = {f"aws:RequestTag/{HUB_TAG}": needs.hub_id}
    return {"StringEquals": {**tag, **(also or {})}}


def _own(needs: Needs) -> dict[str, Any]:
    """It has this hub's tag."""
    return {"StringEquals": {f"ec2:ResourceTag/{HUB_TAG}": needs.hub_id}}


def _only_tags(*keys: str) -> dict[str, Any]:
    return {"ForAllValues:StringEquals": {"aws:TagKeys": list(keys)}}
