"""What a region has: processors of instance types, zones of subnets. Asked once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

from .clients import Lane
from .errors import EC2Error, admin_hint
from .facts import Region, TypeFacts

T = TypeVar("T")

# A launch is better off without these facts than late.
_PATIENCE_SECONDS = 5.0
# After an answer that the IAM policy forbids, or that says nothing of what was asked.
_RETRY_SECONDS = 300.0
# After trouble that may pass: what is not known may keep users from their homes.
_RETRY_SOON_SECONDS = 10.0
# That a right is lacking does not pass by itself (EC2 API reference, error codes).
_FORBIDDEN = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
# The API's limit for one page (DescribeInstanceTypes, MaxResults).
_PAGE = 100


class Catalog:
    """Facts of a region that do not change, each asked for once per fleet."""

    def __init__(self, lane: Lane, log: logging.Logger) -> None:
        self._types: _Facts[TypeFacts] = _Facts(
            lambda names: type_facts(lane, names), log
        )
        self._zones: _Facts[str] = _Facts(lambda ids: _zones(lane, ids), log)

    async def region(self, types: Iterable[str], subnets: Iterable[str]) -> Region:
        """What is known of these types and subnets; less when EC2 does not say."""
        found, zones = await asyncio.gather(
            self._types.of(types), self._zones.of(filter(None, subnets))
        )
        architectures = {name: facts.architectures for name, facts in found.items()}
        return Region(architectures, zones, found)

    def known_type(self, name: str) -> TypeFacts | None:
        """What is known of a type, without asking."""
        return self._types.known(name)

    def known_zone(self, subnet: str) -> str:
        """The zone of a subnet if it is known, without asking; else empty."""
        return self._zones.known(subnet) or ""


class _Facts(Generic[T]):
    """Answers by name, each asked for once however many launches want it."""

    def __init__(
        self,
        ask: Callable[[list[str]], Awaitable[Mapping[str, T]]],
        log: logging.Logger,
    ) -> None:
        self._ask = ask
        self._log = log
        self._known: dict[str, T] = {}
        self._not_before = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    def known(self, name: str) -> T | None:
        return self._known.get(name)

    async def of(self, names: Iterable[str]) -> dict[str, T]:
        wanted = sorted(set(names))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while missing := [name for name in wanted if name not in self._known]:
            left = deadline - time.monotonic()
            if left <= 0 or time.monotonic() < self._not_before:
                break
            if self._asking is None or self._asking.done():
                self._asking = asyncio.ensure_future(self._learn(missing))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._asking), left)
        return {name: self._known[name] for name in wanted if name in self._known}

    async def _learn(self, names: list[str]) -> None:
        wait = _RETRY_SECONDS
        try:
            self._known.update(await self._ask(names))
        except EC2Error as e:
            if e.code not in _FORBIDDEN:
                wait = _RETRY_SOON_SECONDS
            self._log.warning(
                "Going on without what EC2 knows of %s: %s",
                ", ".join(names),
                admin_hint(e),
            )
        if any(name not in self._known for name in names):
            self._not_before = time.monotonic() + wait


async def type_facts(lane: Lane, types: list[str]) -> Mapping[str, TypeFacts]:
    """What EC2 says of types; no architecture for a type the region lacks."""

    def work(lane: Lane) -> dict[str, TypeFacts]:
        # A filter and not InstanceTypes: one unknown type would fail the call.
        pages = lane.ec2.get_paginator("describe_instance_types").paginate(
            Filters=[{"Name": "instance-type", "Values": types}],
            PaginationConfig={"PageSize": _PAGE},
        )
        found = {name: TypeFacts() for name in types}
        for page in pages:
            for each in page["InstanceTypes"]:
                processor = each.get("ProcessorInfo", {})
                found[str(each.get("InstanceType", ""))] = TypeFacts(
                    frozenset(map(str, processor.get("SupportedArchitectures", []))),
                    each.get("MemoryInfo", {}).get("SizeInMiB", 0) / 1024,
                    each.get("HibernationSupported", False),
                    each.get("VCpuInfo", {}).get("DefaultVCpus", 0),
                    tuple(map(_gpu, each.get("GpuInfo", {}).get("Gpus", []))),
                    each.get("FreeTierEligible", False),
                )
        return found

    return await lane.run("DescribeInstanceTypes", work)


async def zones_with(lane: Lane, types: list[str]) -> dict[str, frozenset[str]]:
    """The zones of the region that have a type at all; none for one it lacks.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> dict[str, frozenset[str]]:
        pages = lane.ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": types}],
        )
        rows = [row for page in pages for row in page["InstanceTypeOfferings"]]
        return {
            name: frozenset(
                row.get("Location", "")
                for row in rows
                if row.get("InstanceType") == name
            )
            for name in types
        }

    return await lane.run("DescribeInstanceTypeOfferings", work)


def _gpu(gpu: Mapping[str, Any]) -> str:
    """``2 NVIDIA T4 16 GiB``: kind, and what each of them has."""
    count = gpu.get("Count", 1)
    memory = gpu.get("MemoryInfo", {}).get("SizeInMiB", 0) / 1024
    words = [
        f"{count}" if count > 1 else "",
        str(gpu.get("Manufacturer", "")),
        str(gpu.get("Name", "GPU")),
        f"{memory:.0f} GiB" if memory else "",
    ]
    return " ".join(filter(None, words))


async def _zones(lane: Lane, subnets: list[str]) -> Mapping[str, str]:
    def work(lane: Lane) -> dict[str, str]:
        # A filter, for the same reason: RunInstances will say which is wrong.
        answer = lane.ec2.describe_subnets(
            Filters=[{"Name": "subnet-id", "Values": subnets}]
        )
        return {
            each.get("SubnetId", ""): each.get("AvailabilityZone", "")
            for each in answer["Subnets"]
        }

    return await lane.run("DescribeSubnets", work)
