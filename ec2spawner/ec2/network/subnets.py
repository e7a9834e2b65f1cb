"""Subnets, the routes out of them, and the DNS of their VPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..clients import Lane


@dataclass(frozen=True)
class Subnet:
    """``state`` is EC2's word: pending, available, ..."""

    id: str
    vpc: str
    zone: str
    cidr: str = ""
    state: str = "available"
    #: addresses that machines can still have
    free: int = 0
    #: it has no IPv4 addresses at all
    only_ipv6: bool = False


@dataclass(frozen=True)
class Routes:
    """A route table of a VPC, as far as it leads out.

    :ivar main: it counts for the subnets that no table names
    :ivar internet: what it sends everything else to: ``igw-…``, ``nat-…``, an interface
        or another network's gateway; empty for nothing
    """

    vpc: str
    subnets: tuple[str, ...] = ()
    main: bool = False
    internet: str = ""


async def subnets_by_id(lane: Lane, ids: Sequence[str]) -> dict[str, Subnet]:
    """Those of these subnets that EC2 has; the default VPC's if there are no ids.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> dict[str, Subnet]:
        # A filter, not SubnetIds: one that is not there would fail the call.
        wanted = (
            {"Name": "subnet-id", "Values": list(ids)}
            if ids
            else {"Name": "default-for-az", "Values": ["true"]}
        )
        pages = lane.ec2.get_paginator("describe_subnets").paginate(
            Filters=[wanted]  # type: ignore[list-item]
        )
        return {
            each.get("SubnetId", ""): _subnet(each)
            for page in pages
            for each in page["Subnets"]
        }

    return await lane.run("DescribeSubnets", work)


def _subnet(subnet: Any) -> Subnet:
    return Subnet(
        subnet.get("SubnetId", ""),
        subnet.get("VpcId", ""),
        subnet.get("AvailabilityZone", ""),
        subnet.get("CidrBlock", ""),
        subnet.get("State", ""),
        subnet.get("AvailableIpAddressCount", 0),
        subnet.get("Ipv6Native", False),
    )


async def routes_of(lane: Lane, vpcs: Sequence[str]) -> list[Routes]:
    """The route tables of VPCs.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> list[Routes]:
        pages = lane.ec2.get_paginator("describe_route_tables").paginate(
            Filters=[{"Name": "vpc-id", "Values": list(vpcs)}]
        )
        return [_routes(each) for page in pages for each in page["RouteTables"]]

    return await lane.run("DescribeRouteTables", work)


#: what a route may lead to (EC2 API reference, Route)
_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
)


def _routes(table: Mapping[str, Any]) -> Routes:
    links = table.get("Associations", [])
    out = (
        route.get(name, "")
        for route in table.get("Routes", [])
        if route.get("DestinationCidrBlock") == "0.0.0.0/0"
        and route.get("State", "active") == "active"
        for name in _TARGETS
    )
    return Routes(
        table.get("VpcId", ""),
        tuple(link["SubnetId"] for link in links if link.get("SubnetId")),
        any(link.get("Main", False) for link in links),
        next(filter(None, out), ""),
    )


async def has_dns(lane: Lane, vpc: str) -> bool:
    """Whether the VPC's own DNS answers its machines (``enableDnsSupport``).

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> bool:
        answer = lane.ec2.describe_vpc_attribute(
            VpcId=vpc, Attribute="enableDnsSupport"
        )
        return bool(answer["EnableDnsSupport"].get("Value", False))

    return await lane.run("DescribeVpcAttribute", work)
