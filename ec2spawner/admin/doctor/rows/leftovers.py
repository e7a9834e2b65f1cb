"""What the hub has already: homes that cannot be reached, and what nobody wants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....core.tags import HOME_TAG, MOVE_TAG, MOVED_TO_TAG
from ....ec2.account.keys import Key
from ....ec2.machines import Machine
from ....ec2.resources import Resource, ResourceKind
from ....ec2.volumes import heir_named
from ....fleet.sweep_policy import is_anothers, judge_leases
from ....hub.database.records import Records
from ..look.facts import Facts, Missing, RegionFacts, Unknown
from ..look.wants import Wants
from .check import Check, not_known, ok, problem, warning
from .network import places

_MOST_NAMED = 3


def keys(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Those that homes are encrypted with: EC2 looks at them after it has answered."""
    for region in facts.regions.values():
        for name, key in region.keys.items():
            yield _key(region.name, name, key)


def _key(region: str, name: str, key: Key | Missing | Unknown) -> Check:
    why = "No home can be made or attached: EC2 takes it back, without a word of why."
    look = f"aws kms list-aliases --region {region}"
    if isinstance(key, Unknown):
        return not_known("key", name, key)
    if isinstance(key, Missing):
        return problem("key", name, f"{name} is no key in {region}.", why, look)
    if key.state != "Enabled":
        enable = f"aws kms enable-key --region {region} --key-id {key.arn}"
        return problem("key", name, f"{name} is {key.state}.", why, enable)
    if not key.encrypts:
        says = f"{name} cannot encrypt, but only sign."
        return problem("key", name, says, why, look)
    return ok("key", region, f"{name}, enabled")


def homes(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whether people's homes can be had where machines may be."""
    for region in facts.regions.values():
        if isinstance(region.resources, Unknown):
            yield not_known("homes", region.name, region.resources)
            continue
        found = [r for r in region.resources if _is_home(r)]
        bad = [*_out_of_reach(wants, region, found), *_twice(found), *_lost(found)]
        if found and not bad:
            size = sum(home.size for home in found)
            yield ok("homes", region.name, f"{len(found)}, {size} GiB")
        yield from bad


def _is_home(resource: Resource) -> bool:
    """One that its owner still has: not given up, and not one that has moved."""
    tags = resource.tags
    moved = heir_named(tags.get(MOVED_TO_TAG, ""), tags.get(MOVE_TAG, ""))
    given_up = resource.gone or resource.discarded or resource.archived
    return (
        resource.kind is ResourceKind.VOLUME
        and HOME_TAG in tags
        and not (moved or given_up)
    )


def _out_of_reach(
    wants: Wants, region: RegionFacts, found: Sequence[Resource]
) -> Iterator[Check]:
    variants = [v for v in wants.of(region.name) if v.settings.home != "none"]
    if any(v.settings.home_may_move for v in variants):
        return
    zones = {subnet.zone for v in variants for subnet in places(region, v)}
    lost = [home for home in found if home.zone not in zones]
    if zones and lost:
        where = ", ".join(sorted({home.zone for home in lost}))
        yield problem(
            "homes",
            region.name,
            f"{_named(lost)} {_are(lost)} in {where}, where the hub has no subnet.",
            "Their users' servers do not start: a home is in one zone.",
            f"c.EC2Spawner.subnets = also a subnet in {where}; or "
            "c.EC2Spawner.home_may_move = True",
        )


def _twice(found: Sequence[Resource]) -> Iterator[Check]:
    owners = [home.tags[HOME_TAG] for home in found]
    for owner in dict.fromkeys(o for o in owners if owners.count(o) > 1):
        ids = ", ".join(sorted(h.id for h in found if h.tags[HOME_TAG] == owner))
        yield problem(
            "homes",
            owner,
            f"{ids} are homes of one owner.",
            "Nobody can tell which is the right one, so their server does not start.",
            f"aws ec2 delete-tags --resources THE_WRONG_ONE --tags Key={HOME_TAG}",
        )


def _lost(found: Sequence[Resource]) -> Iterator[Check]:
    if lost := [home for home in found if home.state == "error"]:
        yield problem(
            "homes",
            "",
            f"{_named(lost)} {_are(lost)} in the state 'error'.",
            "Nothing that was on it can be read: its snapshots may have it.",
            "ec2spawner ls --homes",
        )


def leftovers(wants: Wants, facts: Facts) -> Iterator[Check]:
    """What costs, and is nobody's."""
    records = facts.records
    if isinstance(records, Unknown):
        if any(region.machines for region in facts.regions.values()):
            why = "Without the database nobody knows which machines have a server."
            yield not_known("leftovers", "", Unknown(why), "ec2spawner ls")
        return
    for region in facts.regions.values():
        trouble = region.machines, region.resources
        if unknown := next((t for t in trouble if isinstance(t, Unknown)), None):
            yield not_known("leftovers", region.name, unknown)
            continue
        found = list(_of_region(wants, facts, region, records))
        yield from found or [ok("leftovers", region.name, "none")]


def _of_region(
    wants: Wants, facts: Facts, region: RegionFacts, records: Records
) -> Iterator[Check]:
    machines = [] if isinstance(region.machines, Unknown) else region.machines.values()
    resources = [] if isinstance(region.resources, Unknown) else region.resources
    wanted, lease = records.wanted, wants.silence_limit
    others = [m for m in machines if is_anothers(m, wanted, lease, facts.now)]
    if others:
        yield problem(
            "leftovers",
            region.name,
            f"Another Hub has this hub_id, {wants.hub_id}: {_named(others)} "
            f"{_are(others)} its, or of this one's database at another place.",
            "Two Hubs with one id count and spare each other's machines.",
            "c.EC2Spawner.hub_id = another one, if it is a copy or a staging hub",
        )
    mine = [m for m in machines if m not in others]
    ends = judge_leases(mine, wanted, records.since, lease, facts.now)
    unwanted: list[Machine | Resource] = [*ends.end, *ends.braked]
    for kind in ResourceKind:
        of_kind = [r for r in resources if r.kind is kind]
        verdict = judge_leases(of_kind, wanted, records.since, lease, facts.now)
        unwanted += [*verdict.end, *verdict.braked]
    if unwanted:
        yield warning(
            "leftovers",
            region.name,
            f"{_named(unwanted)} {_are(unwanted)} nobody's.",
            "They cost. The Hub's sweep ends them while it runs, but for what a person "
            "must decide.",
            "ec2spawner sweep --dry-run",
        )


def _named(things: Sequence[Machine | Resource]) -> str:
    ids = [thing.id for thing in things]
    if len(ids) > _MOST_NAMED:
        return f"{len(ids)} things, {ids[0]} among them,"
    return ", ".join(ids)


def _are(things: Sequence[Machine | Resource]) -> str:
    return "is" if len(things) == 1 else "are"
