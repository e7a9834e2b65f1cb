"""What keeps a hub from working: it does not start with any of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.exc import ArgumentError
from traitlets import TraitError

from ...costs.budget import Budgets
from ...images.builds.errand import lacking
from ...profiles.overrides import merged
from ...profiles.profile import Profile
from ...profiles.read import ProfileListError
from ...profiles.repository import sources_pattern
from ...ready.wishes import read_wishes
from ...server.choice import known_profiles
from ...settings.machine import image_mistake
from ...settings.network import why_unreachable
from ..database.own import own_engine
from . import identity
from .culler import cullers_of_others, has_culler
from .internal_ssl import mistakes

_AMI = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
# As AWS names them; ``us-west-2a`` is a zone of one.
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}")


def problems(spawner: Any, app: Any) -> Iterator[str]:
    """What is wrong with the settings of a Hub, a sentence each.

    :param spawner: an instance without a user, to read the settings from
    :param app: the JupyterHub application
    """
    yield from mistakes(spawner, app)
    yield from identity.mistakes(spawner)
    try:
        Budgets(spawner.budgets)
    except ValueError as e:
        yield f"c.EC2Spawner.budgets, {e}."
    if spawner.ledger_url:
        try:
            own_engine(spawner.ledger_url, {})
        except (ArgumentError, ImportError) as e:
            yield f"c.EC2Spawner.ledger_url cannot be used: {e}."
    hub_url = spawner.hub_connect_url or app.hub.api_url
    if why := why_unreachable(hub_url, spawner.endpoint_url):
        yield why
    yield from _misspelt(app.config)
    yield from _no_builds(spawner)
    yield from _no_region_or_image("c.EC2Spawner", vars_of(spawner))
    try:
        profiles = known_profiles(spawner)
    except ProfileListError as e:
        yield f"c.EC2Spawner.{e}."
        return
    try:
        read_wishes(spawner.ready_machines, profiles)
    except ValueError as e:
        yield f"c.EC2Spawner.{e}."
    trial = type(spawner)(hub=app.hub)
    for profile in profiles:
        where = (
            f"c.EC2Spawner.{_source(profile)}, in the profile {profile.display_name!r}"
        )
        for override in profile.overrides():
            owners = {"image_owners": spawner.image_owners}
            yield from _no_region_or_image(where, {**owners, **override})
            for name, value in override.items():
                try:
                    if not (callable(value) or "{value}" in str(value)):
                        setattr(trial, name, merged(getattr(trial, name), value))
                except TraitError as e:
                    yield (
                        f"c.EC2Spawner.{_source(profile)} sets what cannot be, in the "
                        f"profile {profile.display_name!r}: {e}"
                    )

    overrides = [each for profile in profiles for each in profile.overrides()]
    has_idle_time = any(each.get("idle_timeout") for each in overrides)
    stops = spawner.idle_timeout or has_idle_time or has_culler(app)
    if stops and (others := cullers_of_others(app)):
        yield (
            "Idle servers would be stopped twice: by ec2spawner, and by the service "
            f"{', '.join(others)}, which stops what computes silently. Take the "
            "service out, or set no idle time: ec2spawner.setup(c, idle_timeout=0)."
        )

    def every_profile_sets(name: str) -> bool:
        # What a callable will return is not known before there is a user.
        known = not callable(spawner.profile_list)
        return not known or bool(profiles) and all(sets(p, name) for p in profiles)

    def sets(profile: Profile, name: str) -> bool:
        return name in profile.override or any(
            all(name in choice.override for choice in option.choices)
            and (option.unlisted is None or name in option.unlisted.override)
            for option in profile.options
        )

    if not (spawner.region or every_profile_sets("region")):
        yield "c.EC2Spawner.region is not set, for example to 'us-west-2'."
    if not (spawner.image or every_profile_sets("image")):
        yield (
            "c.EC2Spawner.image is not set: give the AMI to start machines from, "
            "for example 'ami-0123456789abcdef0'."
        )


def _no_builds(spawner: Any) -> Iterator[str]:
    """Why no images could be built from repositories."""
    if not spawner.build_sources:
        return
    try:
        sources_pattern(spawner.build_sources)
    except ValueError as e:
        if spawner.profile_list:  # else whoever reads the short form says it
            yield f"c.EC2Spawner.build_sources: {e}."
    if missing := lacking():
        yield (
            "c.EC2Spawner.build_sources is set, and to build images this computer "
            f"lacks {', '.join(missing)}. Install git, and "
            "pip install 'ec2spawner[image]'; or take the setting out."
        )


def _source(profile: Profile) -> str:
    return "sizes, images or regions" if profile.is_short else "profile_list"


def _misspelt(config: Any) -> Iterator[str]:
    """Settings of a class that there is not: JupyterHub reads past them."""
    for name in config:
        if name.lower() == "ec2spawner" and name != "EC2Spawner":
            yield (
                f"c.{name} is set, and no class has this name, so nothing of it "
                "counts: write c.EC2Spawner."
            )


def vars_of(spawner: Any) -> dict[str, Any]:
    """The settings that ``_no_region_or_image`` looks at."""
    names = ("region", "image", "image_owners")
    return {name: getattr(spawner, name) for name in names}


def _no_region_or_image(where: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What cannot be a region or an image, whatever AWS would say."""
    region, image = values.get("region"), values.get("image")
    if isinstance(region, str) and region and not _REGION.fullmatch(region):
        zone = _REGION.fullmatch(region[:-1])
        more = f"{region!r} is a zone of {region[:-1]!r}" if zone else "see AWS's list"
        yield f"{where}: region is {region!r}, which is no region of AWS's: {more}."
    if isinstance(image, str) and image.strip():
        if why := image_mistake(image.strip(), values.get("image_owners", ())):
            yield f"{where}: {why}."
        elif image.startswith("ami-") and not _AMI.fullmatch(image.strip()):
            yield (
                f"{where}: image is {image!r}, which is no AMI's id: those are 'ami-' "
                "and 8 or 17 of the digits 0 to 9 and a to f."
            )
