"""Security groups, and the network interface that an address belongs to."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..clients import Lane

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef

_ALL = "-1"
_TCP = ("tcp", "6", _ALL)


@dataclass(frozen=True)
class Rule:
    """What one rule of a group lets through.

    :ivar protocol: EC2's word, ``-1`` for all; then the ports say nothing
    :ivar cidrs: of IPv4 and IPv6
    :ivar groups: whose members it lets through
    :ivar lists: prefix lists, which AWS or the account keeps elsewhere
    """

    protocol: str
    first: int = 0
    last: int = 65535
    cidrs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    def is_about(self, port: int) -> bool:
        """Whether it lets TCP through to a port."""
        if self.protocol == _ALL:
            return True
        return self.protocol in _TCP and self.first <= port <= self.last

    def covers(self, address: str, groups: Collection[str] = ()) -> bool:
        """Whether it is for who has this address or is in one of these groups."""
        if not set(self.groups).isdisjoint(groups):
            return True
        return bool(address) and any(_is_in(address, cidr) for cidr in self.cidrs)

    @property
    def for_everybody(self) -> bool:
        return "0.0.0.0/0" in self.cidrs or "::/0" in self.cidrs


@dataclass(frozen=True)
class SecurityGroup:
    """A group, with what it lets in and out."""

    id: str
    vpc: str
    name: str = ""
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Interface:
    """A network interface: of a computer in a VPC, by its address."""

    id: str
    vpc: str
    subnet: str = ""
    zone: str = ""
    address: str = ""
    groups: tuple[str, ...] = ()
    #: of the computer that has it; empty for none
    instance_id: str = ""


def _is_in(address: str, cidr: str) -> bool:
    """Whether an address, or all of a network, is in a network."""
    try:
        inner = ipaddress.ip_network(address, strict=False)
        outer = ipaddress.ip_network(cidr, strict=False)
        return inner.subnet_of(outer)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False  # of another version


async def groups_by_id(lane: Lane, ids: Sequence[str]) -> dict[str, SecurityGroup]:
    """Those of these groups that EC2 has.

    :raises EC2Error: when EC2 does not answer, or denies it
    """
    return await _groups(lane, [{"Name": "group-id", "Values": list(ids)}])


async def default_groups(lane: Lane, vpcs: Sequence[str]) -> dict[str, SecurityGroup]:
    """The groups of whoever names none: one for each VPC.

    :raises EC2Error: when EC2 does not answer, or denies it
    """
    here: FilterTypeDef = {"Name": "vpc-id", "Values": list(vpcs)}
    return await _groups(lane, [here, {"Name": "group-name", "Values": ["default"]}])


async def _groups(
    lane: Lane, filters: Sequence[FilterTypeDef]
) -> dict[str, SecurityGroup]:
    def work(lane: Lane) -> dict[str, SecurityGroup]:
        pages = lane.ec2.get_paginator("describe_security_groups").paginate(
            Filters=filters
        )
        found = [_group(each) for page in pages for each in page["SecurityGroups"]]
        return {group.id: group for group in found}

    return await lane.run("DescribeSecurityGroups", work)


def _group(group: Mapping[str, Any]) -> SecurityGroup:
    return SecurityGroup(
        group.get("GroupId", ""),
        group.get("VpcId", ""),
        group.get("GroupName", ""),
        tuple(map(_rule, group.get("IpPermissions", []))),
        tuple(map(_rule, group.get("IpPermissionsEgress", []))),
    )


def _rule(rule: Mapping[str, Any]) -> Rule:
    ranges = [
        *(each.get("CidrIp", "") for each in rule.get("IpRanges", [])),
        *(each.get("CidrIpv6", "") for each in rule.get("Ipv6Ranges", [])),
    ]
    return Rule(
        str(rule.get("IpProtocol", "")),
        rule.get("FromPort", 0),
        rule.get("ToPort", 65535),
        tuple(filter(None, ranges)),
        tuple(each.get("GroupId", "") for each in rule.get("UserIdGroupPairs", [])),
        tuple(each.get("PrefixListId", "") for each in rule.get("PrefixListIds", [])),
    )


async def interfaces_with(lane: Lane, address: str) -> list[Interface]:
    """The network interfaces with a private address: one in each VPC at most.

    An account may have several VPCs with one range of addresses.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> list[Interface]:
        answer = lane.ec2.describe_network_interfaces(
            Filters=[{"Name": "addresses.private-ip-address", "Values": [address]}]
        )
        return [_interface(each) for each in answer["NetworkInterfaces"]]

    return await lane.run("DescribeNetworkInterfaces", work)


def _interface(interface: Any) -> Interface:
    return Interface(
        interface.get("NetworkInterfaceId", ""),
        interface.get("VpcId", ""),
        interface.get("SubnetId", ""),
        interface.get("AvailabilityZone", ""),
        interface.get("PrivateIpAddress", ""),
        tuple(each.get("GroupId", "") for each in interface.get("Groups", [])),
        interface.get("Attachment", {}).get("InstanceId", ""),
    )
