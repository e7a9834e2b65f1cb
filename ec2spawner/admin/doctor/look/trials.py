"""The calls that are tried without making them: the hub's own, and a thief's. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ....claim.user_data import user_data
from ....core.errors import EC2SpawnError
from ....core.ids import new_launch_id, owner_of
from ....core.tags import (
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    IMAGE_TAG,
    LEASE_TAG,
    OWNER_TAG,
    lease_text,
)
from ....ec2.facts import Image, Region
from ....ec2.machines import Machine
from ....ec2.network.security_groups import Interface
from ....ec2.resources import Resource, ResourceKind
from ....ec2.tags import specification, to_pairs
from ....hub.checks.variants import Variant
from ....launch.plan import Candidate, LaunchIdentity, plan_launch
from .facts import RegionFacts, Unknown
from .wants import Wants

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
    prices = ("DescribeSpotPriceHistory",) if wants.needs.prices else ()
    homes = ("DescribeTags",) if wants.needs.homes else ()
    found = [_reads(action) for action in (*_READS, *homes, *prices)]
    found += launches
    if launches:
        found += _too_wide(launches[0].request, wants)
    if wants.needs.homes:
        found += _homes(wants, facts)
    if machine := machine_to_try(facts):
        found += _of_machine(wants, machine)
        found += _of_both(wants, facts, machine)
    if stranger := _not_ours(wants, facts):
        request = {"InstanceIds": [stranger]}
        what = f"end {stranger}, which is not its own"
        found.append(Wish(what, "TerminateInstances", request, should=False))
    return found


def _not_ours(wants: Wants, facts: RegionFacts) -> str:
    """A machine that the hub must not end: its own computer, or anybody else's."""
    if isinstance(facts.hub, Interface) and facts.hub.instance_id:
        return facts.hub.instance_id
    running = () if isinstance(facts.running, Unknown) else facts.running
    return next((m.id for m in running if m.hub_id != wants.hub_id), "")


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


#: of those that know no tags
_FILTERS = {
    "DescribeInstanceTypes": ("instance-type", "t3.micro"),
    "DescribeInstanceStatus": ("instance-status.status", "impaired"),
    "DescribeTags": ("value", _NOBODY),
    "DescribeSpotPriceHistory": ("product-description", "Linux/UNIX"),
}


def _reads(action: str) -> Wish:
    name, value = _FILTERS.get(action, (f"tag:{HUB_TAG}", _NOBODY))
    filters = {"Filters": [{"Name": name, "Values": [value]}]}
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
    hub_ca: str = "",
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
        data = user_data(who.launch_id, nonce, wants.hub_url, claim_timeout, hub_ca)
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
    dear = _dear(wants)
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


def _dear(wants: Wants) -> str:
    return next(each for each in _DEAR if each not in wants.needs.types)


def _homes(wants: Wants, facts: RegionFacts) -> Iterator[Wish]:
    variants = wants.of(facts.name) or wants.variants
    largest = max(variants, key=_size_of_home)
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
    if home := home_to_try(facts):
        larger = {"VolumeId": home.id, "Size": home.size + 1}
        yield Wish("grow a home", "ModifyVolume", larger)
        given_up = {"Resources": [home.id], "Tags": to_pairs({DISCARD_TAG: "0"})}
        yield Wish("note that a home is given up", "CreateTags", given_up)
        if wants.needs.home_snapshots:
            tags = [specification("snapshot", {HUB_TAG: wants.hub_id})]
            yield Wish(
                "make a snapshot of a home",
                "CreateSnapshot",
                {"VolumeId": home.id, "TagSpecifications": tags},
            )


def home_to_try(facts: RegionFacts) -> Resource | None:
    """A home of the hub, on which rights that ask for its tag can be tried."""
    resources = () if isinstance(facts.resources, Unknown) else facts.resources
    return next(filter(_is_home, resources), None)


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


def _of_machine(wants: Wants, machine: Machine) -> Iterator[Wish]:
    one, needs = {"InstanceIds": [machine.id]}, wants.needs
    yield Wish("end a machine of the hub", "TerminateInstances", one)
    console = {"InstanceId": machine.id}
    yield Wish("read the console of a machine", "GetConsoleOutput", console)
    lease = {"Resources": [machine.id], "Tags": to_pairs({LEASE_TAG: lease_text(0.0)})}
    yield Wish("renew the lease of a machine", "CreateTags", lease)
    if needs.late_tags:
        whose = {"Resources": [machine.id], "Tags": to_pairs({OWNER_TAG: _NOBODY})}
        yield Wish("note whose a ready machine is", "CreateTags", whose)
    if needs.rests:
        yield Wish("stop a machine of the hub", "StopInstances", one)
        yield Wish("wake a machine of the hub", "StartInstances", one)
        attribute = "ModifyInstanceAttribute"
        data = {"InstanceId": machine.id, "UserData": {"Value": b"#!"}}
        yield Wish("give it new user-data", attribute, data)
        dear = _dear(wants)
        large = {"InstanceId": machine.id, "InstanceType": {"Value": dear}}
        yield Wish(f"make a machine a {dear}", attribute, large, should=False)
    if needs.builds:
        tags = {HUB_TAG: wants.hub_id, IMAGE_TAG: _NOBODY}
        kinds: tuple[Literal["image", "snapshot"], ...] = ("image", "snapshot")
        image = {
            "InstanceId": machine.id,
            "Name": _NOBODY,
            "TagSpecifications": [specification(kind, tags) for kind in kinds],
        }
        yield Wish("make an image of a machine", "CreateImage", image)


def _of_both(wants: Wants, facts: RegionFacts, machine: Machine) -> Iterator[Wish]:
    home = home_to_try(facts)
    if home is None or not wants.needs.homes:
        return
    both = {"VolumeId": home.id, "InstanceId": machine.id}
    attach = {**both, "Device": "/dev/sdf"}
    yield Wish("give a home to a machine", "AttachVolume", attach)
    yield Wish("take a home from a machine", "DetachVolume", both)
