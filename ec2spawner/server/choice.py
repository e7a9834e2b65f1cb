"""Which profiles a server's user may choose, and what a choice changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from inspect import isawaitable
from typing import Any

from traitlets import TraitError

from ..core.errors import EC2SpawnError, Reason
from ..costs.price_list import PriceList
from ..costs.words import machine_costs
from ..profiles.choose import ChoiceError, Selection, choose, on_offer
from ..profiles.form import Fate, render_form
from ..profiles.overrides import merged
from ..profiles.profile import Profile
from ..profiles.read import ProfileListError, read_profiles
from ..settings import LaunchSettings

# Settings of the hub, which no profile may change.
_HUB_WIDE = {
    "hub_id",
    "endpoint_url",
    "profile_list",
    "additional_profile_form_template_paths",
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
    "prices",
    "prices_region",
    "prices_file",
}


def settable_by_profiles(spawner: LaunchSettings) -> frozenset[str]:
    """The names of the settings that a profile may override."""
    return frozenset(spawner.trait_names(config=True)) - _HUB_WIDE


async def offer_for(
    spawner: LaunchSettings, user: str, groups: Set[str]
) -> tuple[Profile, ...]:
    """The profiles that a user of these groups may use.

    :param spawner: which a callable ``profile_list`` is given
    :raises ProfileListError: when ``profile_list`` is wrong
    """
    raw: Any = spawner.profile_list
    if callable(raw):
        raw = raw(spawner)
        raw = await raw if isawaitable(raw) else raw
    profiles = read_profiles(raw, settable_by_profiles(spawner))
    return on_offer(profiles, user, groups)


class ServerChoice:
    """What a server's user may choose, and what a choice makes of the settings.

    The Hub keeps a spawner whose start has failed, and starts it again: whatever a
    choice has changed has its configured value again before the next one counts.
    """

    def __init__(
        self,
        spawner: LaunchSettings,
        prices: Callable[[], PriceList | None] = lambda: None,
    ) -> None:
        self._spawner = spawner
        self._prices = prices
        #: what choices have changed, as it was configured
        self._configured: dict[str, Any] = {}

    async def render(
        self, user: str, groups: Set[str], preselected: Mapping[str, Any]
    ) -> str:
        """The spawn form.

        :param preselected: the options that a link asked for, or the last ones
        """
        offer = await offer_for(self._spawner, user, groups)
        if not offer:
            return (
                "<p>This hub has no server that you may start. "
                "Please ask your hub's admin.</p>"
            )
        fates = {profile.slug: self._fate(profile) for profile in offer}
        costs = machine_costs(offer, self._value, self._prices())
        return render_form(
            offer,
            preselected,
            fates,
            costs,
            self._spawner.additional_profile_form_template_paths,
        )

    def _fate(self, profile: Profile) -> Fate:
        def value(name: str) -> Any:
            # What a callable will return is not known yet.
            own = profile.override.get(name)
            return self._value(name) if own is None or callable(own) else own

        # What may be a spot machine cannot be stopped.
        return Fate(
            stops=value("on_stop") != "terminate" and value("market") == "on-demand",
            has_home=value("home") != "none",
        )

    def _value(self, name: str) -> Any:
        """A setting as it is without any choice."""
        return self._configured.get(name, getattr(self._spawner, name))

    async def apply(
        self, user: str, groups: Set[str], user_options: Mapping[str, Any]
    ) -> str:
        """Check the choice, whichever way it came, and take on its settings.

        :returns: the profile's slug; empty when there is nothing to choose
        :raises EC2SpawnError: for a choice that is not on offer
        """
        try:
            selection = choose(
                await offer_for(self._spawner, user, groups), user_options
            )
            self._restore()
            if selection is None:
                return ""
            await self._take_on(selection)
        except ChoiceError as e:
            raise EC2SpawnError(str(e), reason=Reason.OPTIONS) from e
        except (ProfileListError, TraitError) as e:
            raise EC2SpawnError(
                "This hub's choice of servers is misconfigured. "
                "Please tell your hub's admin.",
                reason=Reason.CONFIG,
                log_message=str(e),
            ) from e
        return selection.profile.slug

    def _restore(self) -> None:
        for name, value in self._configured.items():
            setattr(self._spawner, name, value)
        self._configured.clear()

    async def _take_on(self, selection: Selection) -> None:
        for override in selection.overrides:
            if "instance_type" in override and "instance_types" not in override:
                # It means this one type, not the hub's list.
                self._set("instance_types", [])
            for name, value in override.items():
                value = value(self._spawner) if callable(value) else value
                value = await value if isawaitable(value) else value
                self._set(name, merged(getattr(self._spawner, name), value))

    def _set(self, name: str, value: Any) -> None:
        self._configured.setdefault(name, getattr(self._spawner, name))
        setattr(self._spawner, name, value)
