"""Learns what the spawn form tells of sizes and images, before anybody opens it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..core.errors import EC2SpawnError
from ..ec2.again import every
from ..ec2.errors import EC2Error, admin_hint
from ..fleet.fleet import Fleet
from ..profiles.profile import Override, Profile
from ..server.choice import known_profiles
from ..settings import LaunchSettings
from .costs.prices import wanted_types

# What an image's name or parameter stands for changes; types do not.
_INTERVAL = 3600.0
_SOON = 300.0

#: region, what a setting ``image`` says, and ``image_owners``
Wish = tuple[str, str, tuple[str, ...]]


async def learn(
    settings: LaunchSettings, fleets: Iterable[Fleet], told: set[str] | None = None
) -> bool:
    """Ask EC2 for facts of what is on offer, in each region; what it does not tell
    the form does not tell either.

    :param told: lines about images that were in the log before, and come not again
    :returns: whether all is known of the sizes, and no image is in another region or
        still to be built
    """
    fleets, profiles = list(fleets), known_profiles(settings)
    complete = True
    # Who wrote a list without options has said all of sizes.
    if any(profile.options for profile in profiles):
        subnets = set(settings.subnets)
        for override in (o for p in profiles for o in p.overrides()):
            subnets.update(override.get("subnets", ()))
        for fleet in fleets:
            types = sorted(wanted_types(settings))
            region = await fleet.catalog.region(types, sorted(subnets))
            complete = complete and len(region.types) == len(types)
    away = await _learn_of_images(
        wished_images(settings, profiles),
        {fleet.region: fleet for fleet in fleets},
        set() if told is None else told,
    )
    lacking = await _look_at_shelves(settings, profiles, fleets)
    return complete and not away and not lacking


async def _look_at_shelves(
    settings: LaunchSettings, profiles: Iterable[Profile], fleets: Iterable[Fleet]
) -> bool:
    """See what the hub has made, where somebody may want any of it.

    :returns: whether there is a ``repo:NAME`` that has not been made
    """
    profiles = list(profiles)
    wanted = {
        (region, image.removeprefix("repo:"))
        for region, image, _ in wished_images(settings, profiles)
        if image.startswith("repo:")
    }
    overrides = [each for profile in profiles for each in profile.overrides()]
    everywhere = settings.repository or any("repository" in o for o in overrides)
    there: set[tuple[str, str]] = set()
    for fleet in fleets:
        if everywhere or any(region == fleet.region for region, _ in wanted):
            with suppress(EC2Error):  # as it was seen last, or not at all
                await fleet.images.look_at_shelf()
            shelf = fleet.images.shelf or ()
            there |= {(fleet.region, each.label) for each in shelf if each.ready}
    return bool(wanted - there)


async def _learn_of_images(
    wishes: Iterable[Wish], fleets: Mapping[str, Fleet], told: set[str]
) -> bool:
    """Whether an image is wanted where it is not, and is in another region."""
    wishes = [wish for wish in wishes if wish[0] in fleets]
    troubles = {}
    for wish in wishes:
        region, image, owners = wish
        try:
            await fleets[region].images.resolve(image, owners)
        except EC2Error as e:
            troubles[wish] = admin_hint(e)
        except EC2SpawnError as e:
            troubles[wish] = e.log_message
    away = False
    for wish, trouble in troubles.items():
        line = _only_elsewhere(wish, wishes, fleets)
        away = away or bool(line)
        line = line or f"Image {wish[1]} in {wish[0]}: {trouble}"
        if line not in told:
            fleets[wish[0]].log.warning("%s", line)
            told.add(line)
    return away


def _only_elsewhere(
    wish: Wish, wishes: Iterable[Wish], fleets: Mapping[str, Fleet]
) -> str:
    """What an image that is in another region of the hub needs; empty for others."""
    region, image, owners = wish
    if not fleets[region].images.is_absent(image, owners):
        return ""
    places = sorted(
        {r for r, i, o in wishes if i == image and fleets[r].images.known(i, o)}
    )
    if not places:
        return ""
    name = image.removeprefix("repo:") if image.startswith("repo:") else "NAME"
    return (
        f"Image {image} is in {', '.join(places)} only, and servers in {region} want "
        f"it: ec2spawner image copy {name} --to {region}"
    )


def wished_images(settings: LaunchSettings, profiles: Iterable[Profile]) -> list[Wish]:
    """Which images servers may start from, and in which regions, each once.

    An image and a region that one choice names belong together; else each image goes
    with each region that its profile has.
    """
    found = [(settings.region, settings.image, tuple(settings.image_owners))]
    for profile in profiles:
        found += _of_profile(settings, profile)
    return [
        wish
        for wish in dict.fromkeys(found)
        if all(isinstance(each, str) and each for each in wish[:2])
    ]


def _of_profile(settings: LaunchSettings, profile: Profile) -> Iterator[Wish]:
    own, *others = profile.overrides()
    base = {
        name: own.get(name, getattr(settings, name))
        for name in ("region", "image", "image_owners")
    }
    regions = _each(base, others, "region")
    for override in [base, *others]:
        if override is not base and "image" not in override:
            continue
        owners = tuple(override.get("image_owners", base["image_owners"]))
        own_region = override.get("region") if override is not base else None
        for region in [own_region] if own_region else regions:
            yield region, override["image"], owners


def _each(base: Override, others: Iterable[Override], name: str) -> list[Any]:
    """What a profile may make of a setting, without what comes with an image."""
    found = [each[name] for each in others if name in each and "image" not in each]
    return found or [base[name]]


async def keep_learning(
    settings: LaunchSettings,
    fleets: Iterable[Fleet],
    log: logging.Logger,
    learning: Callable[[bool], None],
) -> None:
    """Do so for as long as the Hub runs.

    :param learning: is told whether EC2 is being asked for the first time
    """
    wanted, told = list(fleets), set[str]()
    learning(True)

    async def once() -> None:
        try:
            while not await learn(settings, wanted, told):
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
