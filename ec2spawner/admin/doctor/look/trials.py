"""The calls that are tried without making them: the hub's own, and a thief's. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....claim.user_data import user_data
from ....core.errors import EC2SpawnError
from ....core.ids import new_launch_id, owner_of
from ....core.tags import HOME_TAG, HUB_TAG, LEASE_TAG, lease_text
from ....ec2.facts import Image, Region
from ....ec2.machines import Machine
from ....ec2.network.security_groups import Interface
from ....ec2.resources import Resource, ResourceKind
from ....ec2.tags import specification, to_pairs
from ....launch.plan import Candidate, LaunchIdentity, plan_launch
from .facts import RegionFacts, Unknown
from .wants import Variant, Wants

#: so many launches in a region: each waits for its turn in AWS's bucket, two a second
_MOST_LAUNCHES = 10
#: what no hub offers, the dearest first
_DEAR = ("u7in-32tb.224xlarge", "p5.48xlarge", "x2iedn.32xlarge")
_NOBODY = "ec2spawner-doctor"


@dataclass(frozen=True)
class Wish:
    """A call that the hub must be allowed, or must not be."""

    what: str
    action: str
    request: Mapping[str, Any]
    should: bool = True


def wishes(wants: Wants, facts: RegionFacts) -> list[Wish]:
    """What to try in a region. Nothing of a server whose image is not known.

    :raises EC2SpawnError: never: what cannot be planned is told by other rows
    """
    launches = list(_launches(wants, facts))
    found = [_reads(action) for action in _READS]
    found += launches
    if launches:
        found += _too_wide(launches[0].request, wants)
    variants = wants.of(facts.name)
    if any(v.settings.home != "none" for v in variants):
        found += _homes(wants, facts, variants)
    found += _of_machine(wants, facts, variants)
    if isinstance(facts.hub, Interface) and facts.hub.instance_id:
        found.append(
            Wish(
                "end the Hub's own computer",
                "TerminateInstances",
                {"InstanceIds": [facts.hub.instance_id]},
                should=False,
            )
        )
    return found


_READS = (
    "DescribeInstanceStatus",
    "DescribeImages",
    "DescribeVolumes",
    "DescribeSnapshots",
    "DescribeNetworkInterfaces",
    "DescribeAddresses",
    "DescribeInstanceTypes",
    "DescribeSubnets",
)


def _reads(action: str) -> Wish:
    filters = {"Filters": [{"Name": f"tag:{HUB_TAG}", "Values": [_NOBODY]}]}
    if action == "DescribeInstanceTypes":
        filters = {"Filters": [{"Name": "instance-type", "Values": ["t3.micro"]}]}
    if action == "DescribeInstanceStatus":
        filters = {
            "Filters": [{"Name": "instance-status.status", "Values": ["impaired"]}]
        }
    return Wish(f"call {action}", action, filters)


def _launches(wants: Wants, facts: RegionFacts) -> Iterator[Wish]:
    """The requests of real launches: each kind of machine once, each subnet once."""
    seen: set[str] = set()
    for variant in wants.of(facts.name):
        for candidate in candidates_of(
            wants, facts, variant, nobody(wants), new_launch_id()
        ):
            settings = variant.settings
            parts = (
                candidate.machine,
                candidate.hibernates,
                candidate.request["ImageId"],
                settings.security_groups,
                settings.iam_instance_profile,
                settings.root_volume_size,
                settings.key_name,
            )
            kind, place = str(parts), candidate.subnet
            if len(seen) >= _MOST_LAUNCHES or {kind, place} <= seen | {""}:
                continue
            seen |= {kind, place} - {""}
            where = f" in {place}" if place else ""
            yield Wish(
                f"launch {candidate.machine}{where}", "RunInstances", candidate.request
            )


def candidates_of(
    wants: Wants,
    facts: RegionFacts,
    variant: Variant,
    who: LaunchIdentity,
    nonce: str,
    claim_timeout: float = 60.0,
) -> tuple[Candidate, ...]:
    """The requests of a launch; none when it cannot be planned."""
    image = facts.images.get(variant.image)
    if not isinstance(image, Image):
        return ()
    types = {} if isinstance(facts.types, Unknown) else facts.types
    subnets = {} if isinstance(facts.subnets, Unknown) else facts.subnets
    region = Region(
        {name: each.architectures for name, each in types.items()},
        {id: subnet.zone for id, subnet in subnets.items()},
        types,
    )
    try:
        data = user_data(who.launch_id, nonce, wants.hub_url, claim_timeout)
        return plan_launch(variant.settings, image, who, data, region).candidates
    except EC2SpawnError:
        return ()


def nobody(wants: Wants, lease_until: float = 1.0) -> LaunchIdentity:
    """Whose launches doctor's are: no server's.

    :param lease_until: seconds since the epoch; from then on the Hub's sweep ends it
    """
    return LaunchIdentity(
        wants.hub_id, _NOBODY, new_launch_id(), "doctor", lease_until=lease_until
    )


def _too_wide(request: Mapping[str, Any], wants: Wants) -> Iterator[Wish]:
    """What whoever has stolen the Hub's role must not get."""
    offered = {t for v in wants.variants for t in v.settings.types}
    dear = next(each for each in _DEAR if each not in offered)
    yield Wish(
        f"launch {dear}, which no profile offers",
        "RunInstances",
        {**request, "InstanceType": dear},
        should=False,
    )
    yield Wish(
        "launch a machine of another hub",
        "RunInstances",
        {
            **request,
            "TagSpecifications": [
                {
                    **each,
                    "Tags": [
                        {**t, "Value": _NOBODY} if t["Key"] == HUB_TAG else t
                        for t in each["Tags"]
                    ],
                }
                for each in request["TagSpecifications"]
            ],
        },
        should=False,
    )


def _homes(wants: Wants, facts: RegionFacts, variants: list[Variant]) -> Iterator[Wish]:
    largest = max((v for v in variants if v.settings.home != "none"), key=_size_of_home)
    zone = next(iter(_zones(facts)), f"{facts.name}a")
    owner = owner_of(wants.hub_id, "doctor", "", "user")
    request: dict[str, Any] = {
        "AvailabilityZone": zone,
        "Size": largest.settings.home_size,
        "VolumeType": "gp3",
        "Encrypted": True,
        "ClientToken": new_launch_id(),
        "TagSpecifications": [
            specification("volume", {HUB_TAG: wants.hub_id, HOME_TAG: owner})
        ],
    }
    if key := largest.settings.home_kms_key_id:
        request["KmsKeyId"] = key
    size = largest.settings.home_size
    yield Wish(f"make a home of {size} GiB", "CreateVolume", request)
    bare = {**request, "TagSpecifications": [specification("volume", {"Name": "x"})]}
    yield Wish(
        "make a volume without this hub's tag", "CreateVolume", bare, should=False
    )
    resources = () if isinstance(facts.resources, Unknown) else facts.resources
    if home := next(filter(_is_home, resources), None):
        yield Wish(
            "grow a home", "ModifyVolume", {"VolumeId": home.id, "Size": home.size + 1}
        )
        if any(v.settings.home_may_move for v in variants):
            tags = [specification("snapshot", {HUB_TAG: wants.hub_id})]
            yield Wish(
                "make a snapshot of a home",
                "CreateSnapshot",
                {"VolumeId": home.id, "TagSpecifications": tags},
            )


def _size_of_home(variant: Variant) -> int:
    return int(variant.settings.home_size)


def _is_home(resource: Resource) -> bool:
    return resource.kind is ResourceKind.VOLUME and resource.home and not resource.gone


def _zones(facts: RegionFacts) -> list[str]:
    both = [facts.subnets, facts.default_subnets]
    return [
        s.zone for each in both if not isinstance(each, Unknown) for s in each.values()
    ]


def machine_to_try(facts: RegionFacts) -> Machine | None:
    """A machine of the hub, on which rights that ask for its tag can be tried."""
    if isinstance(facts.machines, Unknown):
        return None
    return next((m for m in facts.machines.values() if not m.gone), None)


def _of_machine(
    wants: Wants, facts: RegionFacts, variants: list[Variant]
) -> Iterator[Wish]:
    machine = machine_to_try(facts)
    if machine is None:
        return
    one = {"InstanceIds": [machine.id]}
    yield Wish("end a machine of the hub", "TerminateInstances", one)
    yield Wish(
        "renew the lease of a machine",
        "CreateTags",
        {"Resources": [machine.id], "Tags": to_pairs({LEASE_TAG: lease_text(0.0)})},
    )
    if any(v.settings.on_stop != "terminate" for v in variants):
        yield Wish("stop a machine of the hub", "StopInstances", one)
        yield Wish("wake a machine of the hub", "StartInstances", one)
        data = {"InstanceId": machine.id, "UserData": {"Value": b"#!"}}
        yield Wish("give it new user-data", "ModifyInstanceAttribute", data)
