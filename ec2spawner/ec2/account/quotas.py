"""How many machines the account may run at once: vCPUs by family and market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..clients import Lane
from ..machines import Machine, read_machine

# Service Quotas, "Amazon Elastic Compute Cloud (Amazon EC2)"; the families are those of
# the EC2 instance types guide, "Amazon EC2 instance type quotas".
CODES: Mapping[tuple[str, str], str] = {
    ("on-demand", "standard"): "L-1216C47A",
    ("on-demand", "g"): "L-DB2E81BA",
    ("on-demand", "p"): "L-417A185B",
    ("spot", "standard"): "L-34B43A08",
    ("spot", "g"): "L-3819A6DF",
    ("spot", "p"): "L-7212CCBC",
}
_PAGE = 1000


@dataclass(frozen=True)
class Quota:
    """A quota of EC2's.

    :ivar name: AWS's: ``Running On-Demand Standard (A, C, ...) instances``
    :ivar cpus: so many vCPUs may run at once
    """

    code: str
    name: str
    cpus: float


async def quota(lane: Lane, code: str) -> Quota:
    """The account's value of a quota in the lane's region.

    :raises EC2Error: when AWS does not answer, or denies it
    """

    def work(lane: Lane) -> Quota:
        answer = lane.quotas.get_service_quota(ServiceCode="ec2", QuotaCode=code)
        found = answer["Quota"]
        return Quota(code, found.get("QuotaName", ""), float(found["Value"]))

    return await lane.run("GetServiceQuota", work)


async def running_machines(lane: Lane) -> list[Machine]:
    """All that counts against the account's quotas in a region, whosever it is.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> list[Machine]:
        pages = lane.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}],
            PaginationConfig={"PageSize": _PAGE},
        )
        return [
            read_machine(instance)
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation.get("Instances", [])
        ]

    return await lane.run("DescribeInstances", work)
