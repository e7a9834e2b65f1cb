"""Network ACLs: of the subnets of machines, and of the Hub's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....ec2.network.acls import Acl
from ....ec2.network.security_groups import Interface
from ....ec2.network.subnets import Subnet
from ..look.facts import Facts, RegionFacts, Unknown
from ..look.wants import Wants
from .check import Check, not_known, ok, problem
from .network import places

_NAME = "network-acls"
# What answers go to: a program's port, as Linux gives it (ip(7)). Claims come from one
# of root's (claim/agent/wire.py).
_OF_PROGRAMS, _OF_ROOT = (1024, 65535), (512, 65535)


@dataclass(frozen=True)
class _Flow:
    """One way, one direction.

    :ivar ports: all of them are let through by the entry that is missing; what is
        looked at are the first and the last
    """

    acl: Acl
    egress: bool
    whom: str
    ports: tuple[int, int]
    says: str

    @property
    def is_shut(self) -> bool:
        return not all(self.acl.admits(self.egress, self.whom, p) for p in self.ports)


def network_acls(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whether they let Hub and machines talk, and answer each other."""
    for region in facts.regions.values():
        if isinstance(region.acls, Unknown):
            yield not_known(_NAME, region.name, region.acls)
        elif region.acls and isinstance(region.hub, Interface) and not wants.is_local:
            found = list(_of_region(wants, region, region.hub, region.acls))
            words = "let the Hub and machines talk"
            yield from found or [ok(_NAME, region.name, words)]


def _of_region(
    wants: Wants, region: RegionFacts, hub: Interface, acls: Sequence[Acl]
) -> Iterator[Check]:
    there = {s.id: s for v in wants.of(region.name) for s in places(region, v)}
    by_subnet = {subnet: acl for acl in acls for subnet in acl.subnets}
    shut: dict[tuple[str, str], Check] = {}
    for subnet in there.values():
        if subnet.id == hub.subnet:
            continue  # within a subnet none counts
        for flow in _flows(wants, hub, subnet, by_subnet):
            if flow.is_shut:
                shut.setdefault((flow.acl.id, flow.says), _shut(region, subnet, flow))
    yield from shut.values()


def _flows(
    wants: Wants, hub: Interface, subnet: Subnet, acls: dict[str, Acl]
) -> Iterator[_Flow]:
    """The two talks, in both directions, through both ACLs."""
    root = any(v.settings.claims_as_root for v in wants.variants)
    claims = _OF_ROOT if root else _OF_PROGRAMS
    server, desk = (wants.port, wants.port), (wants.hub_port, wants.hub_port)
    at_hub = f"{hub.address}/32"
    talks = (
        (False, server, f"the Hub's questions to port {wants.port} of machines"),
        (True, _OF_PROGRAMS, "machines' answers to the Hub"),
        (True, desk, f"machines' calls to port {wants.hub_port} of the Hub"),
        (False, claims, "the Hub's answers to machines"),
    )
    for egress, ports, what in talks:
        if acl := acls.get(subnet.id):
            yield _Flow(acl, egress, at_hub, ports, what)
        if acl := acls.get(hub.subnet):
            # The same traffic, seen from the other side.
            yield _Flow(acl, not egress, subnet.cidr, ports, what)


def _shut(region: RegionFacts, subnet: Subnet, flow: _Flow) -> Check:
    first, last = flow.ports
    way = "egress" if flow.egress else "ingress"
    return problem(
        _NAME,
        flow.acl.id,
        f"{flow.acl.id} stops {flow.says} ({subnet.id}).",
        "No server starts there, whatever security groups say.",
        f"aws ec2 create-network-acl-entry --region {region.name} --network-acl-id "
        f"{flow.acl.id} --rule-number {flow.acl.number_before(flow.egress)} --{way} "
        f"--protocol tcp --rule-action allow --cidr-block {flow.whom} "
        f"--port-range From={first},To={last}",
    )
