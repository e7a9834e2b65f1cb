"""Subnets, the ways out of them, and the DNS of their VPC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ....ec2.network.security_groups import Interface
from ....ec2.network.subnets import Routes, Subnet
from ....hub.checks.variants import Variant, names
from ..look.facts import Facts, RegionFacts, Unknown
from ..look.wants import Wants
from .check import Check, not_known, ok, problem, warning


def subnets(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whether machines have a place."""
    for region in facts.regions.values():
        trouble = region.subnets, region.default_subnets
        if unknown := next((t for t in trouble if isinstance(t, Unknown)), None):
            yield not_known("subnets", region.name, unknown)
            continue
        found = list(_of_region(wants, region))
        yield from found or [ok("subnets", region.name, _words(wants, region))]


def places(region: RegionFacts, variant: Variant) -> list[Subnet]:
    """The subnets that machines of a variant may be in, as far as EC2 knows them."""
    named = variant.settings.subnets
    known = region.subnets if named else region.default_subnets
    if isinstance(known, Unknown):
        return []
    return [known[id] for id in named or known if id in known]


def _words(wants: Wants, region: RegionFacts) -> str:
    there = _all_places(wants, region)
    zones = sorted({subnet.zone for subnet in there})
    free = sum(subnet.free for subnet in there)
    return f"{', '.join(zones)}: {free} free addresses"


def _all_places(wants: Wants, region: RegionFacts) -> list[Subnet]:
    found = {s.id: s for v in wants.of(region.name) for s in places(region, v)}
    return list(found.values())


def _of_region(wants: Wants, region: RegionFacts) -> Iterator[Check]:
    here, name = f"--region {region.name}", "subnets"
    look = f"aws ec2 describe-subnets {here} --query 'Subnets[].[SubnetId,VpcId]'"
    variants = wants.of(region.name)
    for id in _named(variants):
        if not isinstance(region.subnets, Unknown) and id not in region.subnets:
            whose = names(v for v in variants if id in v.settings.subnets)
            yield problem(
                name, id, f"There is no {id} in {region.name}.", _for(whose), look
            )
    there = _all_places(wants, region)
    if not there and any(not v.settings.subnets for v in variants):
        yield problem(
            name,
            region.name,
            f"No subnets are set, and {region.name} has no default VPC.",
            "Machines have no place to be launched in.",
            f"aws ec2 create-default-vpc {here}",
        )
    for subnet in there:
        yield from _of_subnet(subnet, look)
    yield from _of_all(wants, region, there)


def _for(whose: str) -> str:
    return f"Nothing is launched there, for {whose}."


def _named(variants: Iterable[Variant]) -> list[str]:
    return list(dict.fromkeys(id for v in variants for id in v.settings.subnets))


def _of_subnet(subnet: Subnet, look: str) -> Iterator[Check]:
    if subnet.state != "available":
        says = f"{subnet.id} is {subnet.state}."
        yield problem("subnets", subnet.id, says, "No machine can be in it.", look)
    if subnet.only_ipv6:
        yield problem(
            "subnets",
            subnet.id,
            f"{subnet.id} has IPv6 addresses only.",
            "The Hub finds a machine by its private IPv4 address: it has none there.",
            "c.EC2Spawner.subnets = subnets with IPv4 addresses",
        )
    elif not subnet.free:
        yield problem(
            "subnets",
            subnet.id,
            f"{subnet.id} has no free address.",
            "No machine can be launched in it. Stopped machines keep their addresses.",
            "c.EC2Spawner.subnets = one more subnet, in the same VPC",
        )


def _of_all(
    wants: Wants, region: RegionFacts, there: Sequence[Subnet]
) -> Iterator[Check]:
    free, most = sum(subnet.free for subnet in there), wants.max_machines
    if there and 0 < free < most:
        yield warning(
            "subnets",
            region.name,
            f"The subnets have {free} free addresses, and max_machines is {most}.",
            "When they are used up, no server starts.",
            "c.EC2Spawner.subnets = one more subnet, in the same VPC",
        )
    if len({subnet.zone for subnet in there}) == 1 and len(there) > 0:
        yield warning(
            "subnets",
            region.name,
            f"All machines are in one zone, {there[0].zone}.",
            "When AWS has no machine of a size left there, nobody gets one.",
            "c.EC2Spawner.subnets = a subnet in each of two zones or more",
        )
    hub = region.hub
    others = {s.vpc for s in there} - {hub.vpc} if isinstance(hub, Interface) else None
    if others and isinstance(hub, Interface):
        yield warning(
            "subnets",
            region.name,
            f"The Hub is in {hub.vpc}, machines are in {', '.join(sorted(others))}.",
            "They reach each other only if somebody has joined the two, with routes "
            "both ways.",
            f"c.EC2Spawner.subnets = subnets of {hub.vpc}",
        )


def routes(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whether machines reach the internet: nobody can ``pip install`` without."""
    for region in facts.regions.values():
        if isinstance(region.routes, Unknown):
            yield not_known("routes", region.name, region.routes)
            continue
        found = list(_ways_out(wants, region, region.routes))
        if _all_places(wants, region):  # else their own row says so
            yield from found or [ok("routes", region.name, "to the internet")]


def way_out(tables: Sequence[Routes], subnet: Subnet) -> str:
    """What a subnet's route table sends everything else to; empty for nothing.

    A subnet that no table names has its VPC's main one (VPC user guide, "Subnet route
    tables").
    """
    own = [table for table in tables if subnet.id in table.subnets]
    main = [table for table in tables if table.main and table.vpc == subnet.vpc]
    return next((table.internet for table in own or main), "")


def _ways_out(
    wants: Wants, region: RegionFacts, tables: Sequence[Routes]
) -> Iterator[Check]:
    closed: dict[str, tuple[list[str], list[Variant]]] = {}
    for variant in wants.of(region.name):
        for subnet in places(region, variant):
            out = way_out(tables, subnet)
            if why := _why_closed(out, variant.settings.public_ip):
                ids, whose = closed.setdefault(why, ([], []))
                ids.append(subnet.id)
                whose.append(variant)
    for why, (ids, whose) in closed.items():
        yield warning(
            "routes",
            region.name,
            f"{', '.join(dict.fromkeys(ids))}: {why}.",
            f"Machines do not reach the internet, for {names(whose)}: `pip install` "
            "fails on them.",
            "c.EC2Spawner.public_ip = True, in subnets with an internet gateway; or a "
            "NAT gateway",
        )


def _why_closed(out: str, public: bool) -> str:
    """Why machines in a subnet do not reach the internet; empty if they do."""
    if not out:
        return "there is no route out"
    if out.startswith("igw-") and not public:
        return f"the way out is {out}, which needs a public address (public_ip)"
    return ""


def dns(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whether the VPC's own DNS answers machines."""
    for region in facts.regions.values():
        if isinstance(region.dns, Unknown):
            yield not_known("dns", region.name, region.dns)
            continue
        found = list(_without_dns(wants, region.dns, region.name))
        if region.dns:
            yield from found or [ok("dns", region.name, "answers machines")]


def _without_dns(
    wants: Wants, answers: Mapping[str, bool], region: str
) -> Iterator[Check]:
    by_name = wants.hub_host != wants.hub_address
    for vpc, answer in answers.items():
        if answer:
            continue
        kind = problem if by_name else warning
        yield kind(
            "dns",
            vpc,
            f"The DNS of {vpc} is turned off.",
            (
                f"Machines cannot find the Hub, {wants.hub_host}."
                if by_name
                else "Machines find no name, package indexes among them."
            ),
            f"aws ec2 modify-vpc-attribute --region {region} --vpc-id {vpc} "
            "--enable-dns-support Value=true",
        )
