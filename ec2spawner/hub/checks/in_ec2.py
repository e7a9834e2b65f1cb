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

from ...core.errors import EC2SpawnError
from ...ec2.account.key_pairs import key_pairs_among
from ...ec2.clients import Lane
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.instance_types import type_facts
from ...ec2.network.security_groups import groups_by_id
from ...ec2.network.subnets import subnets_by_id
from ...ec2.snapshots import snapshots_among
from ...fleet.fleet import Fleet
from ...server.choice import known_profiles
from ...settings import LaunchSettings
from ..costs.prices import wanted_types

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
    settings: LaunchSettings, fleets: Sequence[Fleet], log: logging.Logger
) -> None:
    """A line in the log for each name that no region of the hub has.

    Which region a name is meant for, only a user's choice tells: what one of them has
    is there. Of a region that does not answer nothing is said.
    """
    asked = [_of_kind(settings, fleets, kind) for kind in KINDS]
    asked += [_misfits(settings, fleet) for fleet in fleets]
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


async def _misfits(settings: LaunchSettings, fleet: Fleet) -> list[str]:
    """Sizes and disks that an image cannot have, as far as no choice decides.

    What an option of a profile sets is left to ``doctor``.
    """
    found = []
    profiles = known_profiles(settings)
    for override in [p.override for p in profiles] or [{}]:
        own = {
            name: override.get(name, getattr(settings, name))
            for name in ("region", "image", "image_owners", "root_volume_size")
        }
        types = override.get("instance_types") or [override.get("instance_type")]
        types = [each for each in types if each] or settings.types
        if own["region"] != fleet.region or not own["image"] or callable(own["image"]):
            continue
        try:
            image = await fleet.images.resolve(own["image"], own["image_owners"])
            known = await type_facts(fleet.clients.reading, types)
        except (EC2Error, EC2SpawnError):
            continue  # who looks for images tells it
        for name, facts in known.items():
            if facts.architectures and image.architecture not in facts.architectures:
                found.append(
                    f"{name} has {'/'.join(sorted(facts.architectures))} processors, "
                    f"and image {image.id} is for {image.architecture}: no server "
                    "starts with the two."
                )
        if 0 < own["root_volume_size"] < image.root_size:
            found.append(
                f"root_volume_size is {own['root_volume_size']} GiB, and image "
                f"{image.id} needs {image.root_size}: no server starts with the two."
            )
    return list(dict.fromkeys(found))


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
