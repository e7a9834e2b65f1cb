"""Network ACLs: what subnets let in and out, answers too, whatever groups say."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..clients import Lane

# IANA, "Protocol Numbers"; -1 is EC2's word for all.
_TCP = ("-1", "6")


@dataclass(frozen=True)
class Entry:
    """One rule. The lowest number that fits decides (VPC user guide, "Network ACLs").

    :ivar number: 32767 is the last one, which denies the rest and cannot be changed
    :ivar cidr: of IPv4
    """

    number: int
    egress: bool
    allows: bool
    cidr: str
    first: int = 0
    last: int = 65535

    def fits(self, egress: bool, address: str, port: int) -> bool:
        """Whether it is about TCP to or from there."""
        return (
            self.egress is egress
            and self.first <= port <= self.last
            and ipaddress.IPv4Network(address).subnet_of(
                ipaddress.IPv4Network(self.cidr, strict=False)
            )
        )


@dataclass(frozen=True)
class Acl:
    """A network ACL, and the subnets that it counts for."""

    id: str
    subnets: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()

    def admits(self, egress: bool, address: str, port: int) -> bool:
        """Whether TCP gets through it.

        :param egress: out of the subnet, or into it
        :param address: of who is on the other side, or a network of many
        :param port: to which it goes
        """
        return next(
            (e.allows for e in self._sorted if e.fits(egress, address, port)), False
        )

    def number_before(self, egress: bool) -> int:
        """A number that is free, for an entry that counts before all others."""
        taken = [e.number for e in self.entries if e.egress is egress]
        return max(min(taken, default=101) - 1, 1)

    @property
    def _sorted(self) -> list[Entry]:
        return sorted(self.entries, key=lambda e: e.number)


async def acls_of(lane: Lane, vpcs: Sequence[str]) -> list[Acl]:
    """The network ACLs of VPCs.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> list[Acl]:
        pages = lane.ec2.get_paginator("describe_network_acls").paginate(
            Filters=[{"Name": "vpc-id", "Values": list(vpcs)}]
        )
        return [_acl(each) for page in pages for each in page["NetworkAcls"]]

    return await lane.run("DescribeNetworkAcls", work)


def _acl(acl: Mapping[str, Any]) -> Acl:
    entries = (
        Entry(
            entry.get("RuleNumber", 0),
            entry.get("Egress", False),
            entry.get("RuleAction") == "allow",
            entry["CidrBlock"],
            entry.get("PortRange", {}).get("From", 0),
            entry.get("PortRange", {}).get("To", 65535),
        )
        for entry in acl.get("Entries", [])
        if entry.get("CidrBlock") and str(entry.get("Protocol")) in _TCP
    )
    subnets = (each.get("SubnetId", "") for each in acl.get("Associations", []))
    return Acl(acl.get("NetworkAclId", ""), tuple(subnets), tuple(entries))
