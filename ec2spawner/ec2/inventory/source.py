"""How EC2 is asked for the machines of a hub: all at once, by id, zone by zone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import EC2Error
from ..errors.kinds import Kind
from ..machines import Machine

Lister = Callable[[], Awaitable[Mapping[str, Machine]]]
#: the machines of these ids, without those that EC2 does not know
Asker = Callable[[Sequence[str]], Awaitable[Mapping[str, Machine]]]

# So many listings in a row must fail before zones are asked one by one.
_FAILURES = 3


@dataclass(frozen=True)
class ZoneByZone:
    """What the zones say that answer. ``blind`` are those that do not."""

    machines: Mapping[str, Machine]
    blind: tuple[str, ...] = ()


def may_be_one_zone(error: Exception, failures: int) -> bool:
    """Whether one zone's disruption may be why listings fail again and again.

    A call that names no ids fails then, and one that names only machines in other
    zones works (EC2 API reference, DescribeInstances).
    """
    doubt = isinstance(error, EC2Error) and error.kind is Kind.AMBIGUOUS
    return doubt and failures >= _FAILURES


async def zone_by_zone(
    ask: Asker, zones: Mapping[str, Sequence[str]]
) -> ZoneByZone | None:
    """Ask for known machines, zone by zone; None when no zone answers.

    :param zones: zone -> ids of machines
    """
    answers = await asyncio.gather(
        *(ask(ids) for ids in zones.values()), return_exceptions=True
    )
    found: dict[str, Machine] = {}
    blind = []
    for zone, answer in zip(zones, answers):
        if isinstance(answer, EC2Error):
            blind.append(zone or "(unknown)")
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found |= answer
    return ZoneByZone(found, tuple(blind)) if len(blind) < len(zones) else None
