"""Learns what the spawn form tells of sizes and images, before anybody opens it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from ..core.errors import EC2SpawnError
from ..ec2.again import every
from ..ec2.errors import EC2Error, admin_hint
from ..fleet.fleet import Fleet
from ..profiles.profile import Profile
from ..server.choice import known_profiles
from ..settings import LaunchSettings
from .costs.prices import wanted_types

# What an image's name or parameter stands for changes; types do not.
_INTERVAL = 3600.0
_SOON = 300.0


async def learn(settings: LaunchSettings, fleets: Iterable[Fleet]) -> bool:
    """Ask EC2 for facts of what is on offer, in each region; what it does not tell
    the form does not tell either.

    :returns: whether all is known of the sizes
    """
    profiles = known_profiles(settings)
    if not any(profile.options for profile in profiles):
        return True  # who wrote the list has said it all
    subnets = set(settings.subnets)
    for override in (o for p in profiles for o in p.overrides()):
        subnets.update(override.get("subnets", ()))
    complete = True
    for fleet in fleets:
        types = sorted(wanted_types(settings))
        region = await fleet.catalog.region(types, sorted(subnets))
        complete = complete and len(region.types) == len(types)
        for image, owners in _images(settings, profiles):
            try:
                await fleet.images.resolve(image, owners)
            except EC2Error as e:
                fleet.log.warning("Image %s: %s", image, admin_hint(e))
            except EC2SpawnError as e:
                fleet.log.warning("Image %s: %s", image, e.log_message)
    return complete


def _images(
    settings: LaunchSettings, profiles: Iterable[Profile]
) -> list[tuple[str, list[str]]]:
    found = [(settings.image, list(settings.image_owners))]
    for override in (o for p in profiles for o in p.overrides()):
        owners = override.get("image_owners", settings.image_owners)
        found.append((override.get("image", ""), list(owners)))
    return [(i, owners) for i, owners in found if isinstance(i, str) and i]


async def keep_learning(
    settings: LaunchSettings,
    fleets: Iterable[Fleet],
    log: logging.Logger,
    learning: Callable[[bool], None],
) -> None:
    """Do so for as long as the Hub runs.

    :param learning: is told whether EC2 is being asked for the first time
    """
    wanted = list(fleets)
    learning(True)

    async def once() -> None:
        try:
            while not await learn(settings, wanted):
                learning(False)
                await asyncio.sleep(_SOON)
        finally:
            learning(False)

    await every(
        _INTERVAL,
        once,
        lambda e: log.warning("The form goes on without what EC2 knows: %s", e),
        at_once=True,
    )
