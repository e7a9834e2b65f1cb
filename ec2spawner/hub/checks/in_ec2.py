"""What settings name and EC2 does not have: asked once when the Hub starts.

The cheap part of ``ec2spawner doctor``, for who has not run it: without this the first
user's click tells. It happens in the background, and keeps no Hub from starting. Images
are looked at again and again (``form_facts.py``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...ec2.account.key_pairs import key_pairs_among
from ...ec2.clients import Lane
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.instance_types import type_facts
from ...ec2.network.security_groups import groups_by_id, interfaces_with
from ...ec2.network.subnets import subnets_by_id
from ...ec2.snapshots import snapshots_among
from ...fleet.fleet import Fleet
from ...server.choice import known_profiles
from ...settings import LaunchSettings
from ...settings.network import is_loopback_url
from ..costs.prices import wanted_types
from .address import address_of, is_here, troubles
from .launches import untenable

# What nobody has answered by then is told by a click, as ever.
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Kind:
    """Something that EC2 has by its name.

    :ivar setting: that names it
    :ivar among: those of these names that a region has
    """

    what: str
    setting: str
    among: Callable[[Lane, list[str]], Awaitable[Collection[str]]]


async def _types_among(lane: Lane, names: list[str]) -> Collection[str]:
    found = await type_facts(lane, names)
    return [name for name, facts in found.items() if facts.architectures]


KINDS = (
    Kind("subnet", "subnets", subnets_by_id),
    Kind("security group", "security_groups", groups_by_id),
    Kind("instance type", "instance_type", _types_among),
    Kind("key pair", "key_name", key_pairs_among),
    Kind("snapshot", "data_volumes", snapshots_among),
)


async def tell_what_is_missing(
    settings: LaunchSettings,
    fleets: Sequence[Fleet],
    log: logging.Logger,
    hub_url: str = "",
) -> None:
    """A line in the log for each name that no region of the hub has, for each launch
    that cannot be, and for an address at which no machine finds the Hub.

    Which region a name is meant for, only a user's choice tells: what one of them has
    is there. Of a region that does not answer nothing is said.

    :param hub_url: where machines are told to find the Hub; empty to leave that out
    """
    asked = [_of_kind(settings, fleets, kind) for kind in KINDS]
    asked += [untenable(settings, fleet) for fleet in fleets]
    asked.append(_hub_address(fleets, hub_url))
    try:
        found = await asyncio.wait_for(asyncio.gather(*asked), _PATIENCE_SECONDS)
    except asyncio.TimeoutError:
        log.info("EC2 has not said in time whether it has what the settings name")
        return
    for line in (line for lines in found for line in lines):
        log.warning("%s", line)


async def _of_kind(
    settings: LaunchSettings, fleets: Sequence[Fleet], kind: Kind
) -> list[str]:
    missing = sorted(_named(settings, kind.setting))
    for fleet in fleets:
        if not missing:
            break
        try:
            there = await kind.among(fleet.clients.reading, missing)
        except EC2Error as e:
            fleet.log.info("Is there each %s? %s", kind.what, admin_hint(e))
            return []
        missing = [name for name in missing if name not in there]
    where = " or ".join(fleet.region for fleet in fleets)
    return [
        f"There is no {kind.what} {name} in {where}, which c.EC2Spawner.{kind.setting} "
        "or a profile names: no server starts with it. `ec2spawner doctor` tells more."
        for name in missing
    ]


async def _hub_address(fleets: Sequence[Fleet], hub_url: str) -> list[str]:
    """Whether machines find the Hub where they are told to look for it."""
    if not hub_url or is_loopback_url(hub_url):
        return []  # of a local EC2, or refused (problems.py)
    # A name may take as long as its servers take.
    address = await asyncio.to_thread(address_of, urlsplit(hub_url).hostname or "")
    nowhere = [fleet.region for fleet in fleets]
    for fleet in fleets if address else ():
        try:
            found = await interfaces_with(fleet.clients.reading, address)
        except EC2Error as e:
            fleet.log.info("Who has the Hub's address? %s", admin_hint(e))
            nowhere = []
            break
        if found:
            nowhere = []
            break
    here = is_here(address) if address else None
    return [
        f"Machines are told to find the Hub at {hub_url}: {each.says} {each.why} Set "
        "c.JupyterHub.hub_connect_ip to the Hub's private address. `ec2spawner doctor` "
        "tells more."
        for each in troubles(hub_url, address, here, nowhere)
    ]


def _named(settings: LaunchSettings, setting: str) -> set[str]:
    """What the settings and all profiles say; not what a callable will return."""
    profiles = known_profiles(settings)
    if setting == "instance_type":
        types = wanted_types(settings)
        if profiles and all("instance_type" in p.override for p in profiles):
            types.discard(settings.instance_type)  # nobody gets it
        return types
    overrides = [o for p in profiles for o in p.overrides()]
    values = [getattr(settings, setting), *(o.get(setting) for o in overrides)]
    return {name for value in values for name in _texts(value) if "{value}" not in name}


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return [value] if value else []
    if not isinstance(value, (list, tuple)):
        return []
    names = (v.get("snapshot_id") if isinstance(v, dict) else v for v in value)
    return [name for name in names if isinstance(name, str)]
