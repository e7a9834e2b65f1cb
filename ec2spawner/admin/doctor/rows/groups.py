"""Security groups: the Hub reaches servers, machines the Hub, and nobody else does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ....ec2.network.security_groups import Interface, SecurityGroup
from ....ec2.network.subnets import Subnet
from ....hub.checks.variants import Variant, names
from ..look.facts import Facts, RegionFacts, Unknown
from ..look.wants import Wants
from .check import Check, not_known, ok, problem, warning
from .network import places

_NAME = "security-groups"
_UNSEEN = "The Hub and its proxy cannot reach servers: every start ends with a timeout."
_UNHEARD = "Machines cannot claim their orders: every start ends with a timeout."


def security_groups(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Of each kind of machine, and of the Hub's computer."""
    for region in facts.regions.values():
        trouble = region.groups, region.default_groups
        if unknown := next((t for t in trouble if isinstance(t, Unknown)), None):
            yield not_known(_NAME, region.name, unknown)
            continue
        found = list(_of_region(wants, region))
        there = _mapping(region.groups) or _mapping(region.default_groups)
        well = [ok(_NAME, region.name, _words(wants, region))] if there else []
        yield from found or well


def _words(wants: Wants, region: RegionFacts) -> str:
    if wants.is_local or not isinstance(region.hub, Interface):
        return "are there"
    ports = " and ".join(map(str, wants.hub_ports))
    return f"the Hub to {wants.port}, machines to {ports}, nobody else"


def _of_region(wants: Wants, region: RegionFacts) -> Iterator[Check]:
    seen: dict[tuple[str, ...], list[Variant]] = {}
    for variant in wants.of(region.name):
        seen.setdefault(tuple(variant.settings.security_groups), []).append(variant)
    of_machines: list[str] = []
    there: dict[str, Subnet] = {}
    for ids, variants in seen.items():
        subnets = [s for v in variants for s in places(region, v)]
        there |= {subnet.id: subnet for subnet in subnets}
        groups, missing = _groups(region, ids, subnets)
        of_machines += [group.id for group in groups]
        for id in missing:
            yield _missing(region, id, names(variants))
        yield from _elsewhere(region, groups, subnets)
        yield from _in(wants, region, groups, variants)
        if groups and not missing:
            for port in wants.hub_ports:
                yield from _out(wants, region, groups, port)
    for port in wants.hub_ports:
        yield from _of_hub(wants, region, of_machines, list(there.values()), port)


def _groups(
    region: RegionFacts, ids: Sequence[str], subnets: Sequence[Subnet]
) -> tuple[list[SecurityGroup], list[str]]:
    """Those that machines are in, and the ids that EC2 does not know."""
    known = _mapping(region.groups)
    if ids:
        missing = [id for id in ids if id not in known]
        return [known[id] for id in ids if id in known], missing
    vpcs = {subnet.vpc for subnet in subnets}
    default = _mapping(region.default_groups).values()
    return [group for group in default if group.vpc in vpcs], []


def _mapping(
    known: Mapping[str, SecurityGroup] | Unknown,
) -> Mapping[str, SecurityGroup]:
    return {} if isinstance(known, Unknown) else known


def _missing(region: RegionFacts, id: str, whose: str) -> Check:
    return problem(
        _NAME,
        id,
        f"There is no security group {id} in {region.name}.",
        f"EC2 refuses every launch, for {whose}.",
        f"aws ec2 describe-security-groups --region {region.name} "
        "--query 'SecurityGroups[].[GroupId,GroupName,VpcId]'",
    )


def _elsewhere(
    region: RegionFacts, groups: Sequence[SecurityGroup], subnets: Sequence[Subnet]
) -> Iterator[Check]:
    for group in groups:
        others = sorted({s.id for s in subnets if s.vpc != group.vpc})
        if others:
            yield problem(
                _NAME,
                group.id,
                f"{group.id} is in {group.vpc}, and {', '.join(others)} "
                f"{'is' if len(others) == 1 else 'are'} not.",
                "EC2 refuses launches there: groups are of one VPC.",
                f"aws ec2 create-security-group --region {region.name} --vpc-id "
                f"{next(s.vpc for s in subnets if s.vpc != group.vpc)} "
                "--group-name machines --description 'Machines of the hub'",
            )


def _in(
    wants: Wants,
    region: RegionFacts,
    groups: Sequence[SecurityGroup],
    variants: Sequence[Variant],
) -> Iterator[Check]:
    """What reaches the port of servers."""
    rules = [r for g in groups for r in g.ingress if r.is_about(wants.port)]
    ids = [group.id for group in groups]
    if any(rule.for_everybody for rule in rules):
        public = any(v.settings.public_ip for v in variants)
        yield (problem if public else warning)(
            _NAME,
            ", ".join(ids),
            f"Port {wants.port} of machines is open to everybody.",
            (
                "Machines have public addresses: the whole internet reaches servers."
                if public
                else "Whatever is routed to the VPC reaches servers."
            ),
            command(
                "revoke", "ingress", region, ids[0], wants.port, "--cidr 0.0.0.0/0"
            ),
        )
    elif any(rule.covers("", ids) for rule in rules):
        own = next(id for id in ids if any(r.covers("", [id]) for r in rules))
        yield warning(
            _NAME,
            ", ".join(ids),
            f"Machines reach port {wants.port} of each other.",
            "A user's program can try what others' servers do not guard.",
            "c.EC2Spawner.security_groups = a group that admits the Hub's group to "
            f"port {wants.port}, and nobody else ({own} admits its own members)",
        )
    hub = region.hub
    if wants.is_local or not groups or not isinstance(hub, Interface):
        return
    if not any(r.covers(hub.address, hub.groups) or r.lists for r in rules):
        source = f"--source-group {hub.groups[0]}" if hub.groups else ""
        yield problem(
            _NAME,
            ", ".join(ids),
            f"The Hub ({hub.address}) does not reach port {wants.port} of machines in "
            f"{', '.join(ids)}.",
            _UNSEEN,
            command(
                "authorize",
                "ingress",
                region,
                ids[0],
                wants.port,
                source or f"--cidr {hub.address}/32",
            ),
        )


def _out(
    wants: Wants, region: RegionFacts, groups: Sequence[SecurityGroup], port: int
) -> Iterator[Check]:
    """Whether machines may call the Hub."""
    hub = region.hub
    if wants.is_local or not isinstance(hub, Interface):
        return
    rules = [r for g in groups for r in g.egress if r.is_about(port)]
    if not any(r.covers(hub.address, hub.groups) or r.lists for r in rules):
        yield problem(
            _NAME,
            groups[0].id,
            f"Machines may not call the Hub's port {port}: no rule lets them " "out.",
            _UNHEARD,
            command(
                "authorize",
                "egress",
                region,
                groups[0].id,
                port,
                f"--cidr {hub.address}/32",
            ),
        )


def _of_hub(
    wants: Wants,
    region: RegionFacts,
    machines: Sequence[str],
    subnets: Sequence[Subnet],
    port: int,
) -> Iterator[Check]:
    """What reaches a port of the Hub's for machines."""
    hub, known = region.hub, _mapping(region.groups)
    if wants.is_local or not isinstance(hub, Interface):
        return
    own = [known[id] for id in hub.groups if id in known]
    rules = [r for g in own for r in g.ingress if r.is_about(port)]
    if not own or any(rule.lists for rule in rules):
        return
    if any(rule.for_everybody for rule in rules):
        yield warning(
            _NAME,
            own[0].id,
            f"The Hub's port {port} is open to everybody.",
            "It is for machines. Everybody else comes by way of the proxy.",
            command(
                "revoke",
                "ingress",
                region,
                own[0].id,
                port,
                "--cidr 0.0.0.0/0",
            ),
        )
        return
    shut = [s for s in subnets if not any(r.covers(s.cidr, machines) for r in rules)]
    if shut and machines:
        yield problem(
            _NAME,
            own[0].id,
            f"Machines do not reach the Hub's port {port}: {own[0].id} does "
            "not let them in.",
            _UNHEARD,
            command(
                "authorize",
                "ingress",
                region,
                own[0].id,
                port,
                f"--source-group {machines[0]}",
            ),
        )


def command(
    verb: str, way: str, region: RegionFacts, id: str, port: int, whom: str
) -> str:
    """Of the AWS command line, to change a security group.

    :param verb: ``authorize`` or ``revoke``
    :param way: ``ingress`` or ``egress``
    :param whom: ``--cidr ...`` or, of ingress, ``--source-group ...``
    """
    if way == "egress":
        cidr = whom.removeprefix("--cidr ")
        whom = (
            f"--ip-permissions IpProtocol=tcp,FromPort={port},ToPort={port},"
            f"IpRanges=[{{CidrIp={cidr}}}]"
        )
        return (
            f"aws ec2 {verb}-security-group-egress --region {region.name} "
            f"--group-id {id} {whom}"
        )
    return (
        f"aws ec2 {verb}-security-group-ingress --region {region.name} "
        f"--group-id {id} --protocol tcp --port {port} {whom}"
    )
