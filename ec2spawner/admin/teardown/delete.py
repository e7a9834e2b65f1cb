"""Deletes what a hub has: what uses another goes first. It can be run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from ...core.tags import DISCARD_TAG
from ...ec2.again import Looks
from ...ec2.clients import Clients, Lane
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.images import deregister_image
from ...ec2.machines import machines_by_id, terminate_machines
from ...ec2.resources import Resource, ResourceKind, create_tags, delete_resource
from .owned import Kind, Owned

# A machine that ends gives its volumes and interfaces back (EC2: a minute or two).
_END_SECONDS = 300.0
_LOOK_SECONDS = 2.0
# So long a volume may take to be let go of by a machine that has ended.
_FREE_SECONDS = 30.0
_RESOURCES = {
    Kind.VOLUME: ResourceKind.VOLUME,
    Kind.HOME: ResourceKind.VOLUME,
    Kind.INTERFACE: ResourceKind.INTERFACE,
    Kind.ADDRESS: ResourceKind.ADDRESS,
    Kind.SNAPSHOT: ResourceKind.SNAPSHOT,
}


async def delete(
    clients: Clients,
    doomed: Sequence[Owned],
    tell: Callable[[str], None],
) -> list[str]:
    """Delete one region's part.

    :param doomed: in the order in which they go
    :param tell: is told of each that is gone
    :returns: why something is still there; empty when nothing is
    """
    failed = []
    machines = [each for each in doomed if each.kind is Kind.MACHINE]
    if machines:
        failed += await _end(clients, machines, tell)
    for each in doomed:
        if each.kind is Kind.MACHINE:
            continue
        if why := await _gone(clients, each):
            failed.append(f"cannot delete {each}: {why}")
        else:
            tell(f"Deleted {each}")
    return failed


async def _end(
    clients: Clients, machines: Sequence[Owned], tell: Callable[[str], None]
) -> list[str]:
    """End machines, and wait until EC2 says that they have; why some have not."""
    living = {each.id: each for each in machines}
    failed = []
    for machine in machines:
        try:
            await terminate_machines(clients.killing, [machine.id])
        except EC2Error as e:
            if e.code != "InvalidInstanceID.NotFound":
                del living[machine.id]
                failed.append(f"cannot end {machine}: {admin_hint(e)}")
    async for _ in Looks(_LOOK_SECONDS, within=_END_SECONDS):
        try:
            there = await machines_by_id(clients.reading, list(living))
        except EC2Error:
            continue  # it is asked again
        for id in [i for i in living if i not in there or _over(there[i].state)]:
            tell(f"Ended {living.pop(id)}")
        if not living:
            break
    minutes = _END_SECONDS / 60
    return [
        *failed,
        *(f"{m} has not ended in {minutes:.0f} min" for m in living.values()),
    ]


def _over(state: str) -> bool:
    return state == "terminated"


async def _gone(clients: Clients, each: Owned) -> str:
    """Delete it; why that was not possible, or nothing. What is not there is gone."""
    why = ""
    async for _ in Looks(_LOOK_SECONDS, within=_FREE_SECONDS):
        try:
            await _delete(clients.killing, each)
            return ""
        except EC2Error as e:
            if e.code.endswith((".NotFound", ".Unavailable")):
                return ""
            why = admin_hint(e)
            if e.code not in _IN_USE:
                return why
    return why


#: a machine that has just ended may still hold it (EC2 API reference, error codes)
_IN_USE = (
    "VolumeInUse",
    "InvalidNetworkInterface.InUse",
    "InvalidParameterValue",
    "InvalidIPAddress.InUse",
)


async def _delete(lane: Lane, each: Owned) -> None:
    if each.kind is Kind.IMAGE:
        await deregister_image(lane, each.id)
        return
    if each.of_home and DISCARD_TAG not in each.tags:
        # The Hub's own role may delete a home that was given up before, and no other.
        await create_tags(lane, [each.id], {DISCARD_TAG: str(int(time.time()))})
    await delete_resource(lane, Resource(each.id, _RESOURCES[each.kind]))


def by_region(doomed: Sequence[Owned]) -> Iterator[tuple[str, list[Owned]]]:
    """Region by region, each in order."""
    for region in dict.fromkeys(each.region for each in doomed):
        yield region, [each for each in doomed if each.region == region]
