"""Which profiles a server's user may choose, and what a choice changes."""

from __future__ import annotations

from collections.abc import Mapping, Set
from inspect import isawaitable
from typing import Any

from ..core.errors import EC2SpawnError, Reason
from ..profiles.form import Fate, render_form
from ..profiles.read import (
    ChoiceError,
    Profile,
    ProfileListError,
    choose,
    on_offer,
    read_profiles,
)
from ..settings import LaunchSettings

# Settings of the hub, which no profile may change.
_HUB_WIDE = {
    "hub_id",
    "endpoint_url",
    "profile_list",
    "fast_interval",
    "slow_interval",
    "hub_silence_limit",
    "sweep_interval",
    "max_machines_per_user",
    "max_machines",
    "max_launches_per_minute",
    "boot_failure_limit",
    "boot_failure_pause",
    "sweep_grace",
    "home_on_delete",
}


def settable_by_profiles(spawner: LaunchSettings) -> frozenset[str]:
    """The names of the settings that a profile may override."""
    return frozenset(spawner.trait_names(config=True)) - _HUB_WIDE


async def offer_for(spawner: LaunchSettings, groups: Set[str]) -> tuple[Profile, ...]:
    """The profiles that a user of these groups may use.

    :param spawner: which a callable ``profile_list`` is given
    :raises ProfileListError: when ``profile_list`` is wrong
    """
    raw: Any = spawner.profile_list
    if callable(raw):
        raw = raw(spawner)
        raw = await raw if isawaitable(raw) else raw
    profiles = read_profiles(raw, settable_by_profiles(spawner))
    return on_offer(profiles, groups)


async def render_choice(
    spawner: LaunchSettings, groups: Set[str], preselected: object
) -> str:
    """The spawn form.

    :param preselected: what a link asked for, or the last choice
    """
    offer = await offer_for(spawner, groups)
    if not offer:
        return "<p>This hub has no server that you may start.</p>"
    fates = {profile.slug: _fate(spawner, profile) for profile in offer}
    return render_form(offer, preselected, fates)


def _fate(spawner: LaunchSettings, profile: Profile) -> Fate:
    def value(name: str) -> Any:
        # What a callable will return is not known yet.
        own = profile.override.get(name)
        return getattr(spawner, name) if own is None or callable(own) else own

    # What may be a spot machine cannot be stopped.
    return Fate(
        stops=value("on_stop") != "terminate" and value("market") == "on-demand",
        has_home=value("home") != "none",
    )


async def apply_choice(
    spawner: LaunchSettings, groups: Set[str], user_options: Mapping[str, Any]
) -> str:
    """Check the choice, whichever way it came, and take on its profile.

    :returns: the profile's slug; empty when there is nothing to choose
    :raises EC2SpawnError: for a choice that is not on offer
    """
    try:
        profile = choose(await offer_for(spawner, groups), user_options)
    except ChoiceError as e:
        raise EC2SpawnError(str(e), reason=Reason.OPTIONS) from e
    except ProfileListError as e:
        raise EC2SpawnError(
            "This hub's choice of servers is misconfigured. "
            "Please tell your hub's admin.",
            reason=Reason.CONFIG,
            log_message=str(e),
        ) from e
    if profile is None:
        return ""
    if "instance_type" in profile.override and "instance_types" not in profile.override:
        # It means this one type, not the hub's list.
        spawner.instance_types = []
    for name, value in profile.override.items():
        value = value(spawner) if callable(value) else value
        setattr(spawner, name, await value if isawaitable(value) else value)
    return profile.slug
