"""Which profiles a server's user may choose, and what a choice changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from html import escape
from inspect import isawaitable
from typing import Any

from traitlets import TraitError

from ..core.errors import EC2SpawnError, Reason
from ..core.metrics import start_ended
from ..costs.price_list import PriceList
from ..costs.words import machine_costs
from ..profiles.choose import (
    ChoiceError,
    Selection,
    choose,
    on_offer,
    options_from_form,
)
from ..profiles.form import Fate, render_form, render_note
from ..profiles.overrides import merged
from ..profiles.profile import Profile
from ..profiles.read import ProfileListError, read_profiles
from ..profiles.short import read_short
from ..settings import LaunchSettings

# Settings of the hub, which no profile may change.
_HUB_WIDE = {
    "hub_id",
    "endpoint_url",
    "profile_list",
    "sizes",
    "images",
    "regions",
    "markets",
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
    "ledger_url",
}


def settable_by_profiles(spawner: LaunchSettings) -> frozenset[str]:
    """The names of the settings that a profile may override."""
    return frozenset(spawner.trait_names(config=True)) - _HUB_WIDE


def known_profiles(spawner: LaunchSettings) -> tuple[Profile, ...]:
    """What the settings offer, to whomever; nothing of a callable ``profile_list``.

    :raises ProfileListError: when the settings are wrong
    """
    raw: Any = spawner.profile_list
    settable = settable_by_profiles(spawner)
    short = read_short(
        spawner.sizes, spawner.images, spawner.regions, spawner.markets, settable
    )
    if short and raw:
        raise ProfileListError(
            "profile_list and sizes, images, regions or markets are both set: keep "
            "either the list or the short form"
        )
    if short and not (spawner.sizes or spawner.images):
        raise ProfileListError(
            "regions or markets are set, and neither sizes nor images is"
        )
    return short or (() if callable(raw) else read_profiles(raw, settable))


async def offer_for(
    spawner: LaunchSettings, user: str, groups: Set[str]
) -> tuple[Profile, ...]:
    """The profiles that a user of these groups may use.

    :param spawner: which a callable ``profile_list`` is given
    :returns: empty when there are no profiles at all
    :raises ProfileListError: when ``profile_list`` is wrong
    :raises ChoiceError: when there are profiles, and none for this user
    """
    raw: Any = spawner.profile_list
    profiles = known_profiles(spawner)
    if callable(raw):
        raw = raw(spawner)
        raw = await raw if isawaitable(raw) else raw
        profiles = read_profiles(raw, settable_by_profiles(spawner))
    offer = on_offer(profiles, user, groups)
    if profiles and not offer:
        raise ChoiceError(
            "This hub has no server that you may start. Please ask your hub's admin."
        )
    return offer


# What is JupyterHub's own in the address of a spawn page (``SpawnHandler``).
_OF_THE_HUB = frozenset({"next", "display_name"})


@dataclass(frozen=True)
class Link:
    """What the address of a spawn page asks for: ``/hub/spawn?opt-profile=large``."""

    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What a person is told who has followed it, as HTML."""
        if not self.options:
            return ""
        return render_note(
            "A link has brought you here. Nothing is started by itself: check your "
            "choice and press Start."
        )


def take_link(handler: Any) -> Link:
    """What a request for the spawn page asks for. The Hub is not to see it any more.

    The Hub starts servers at a mere GET with options, so any page on the web could
    start machines that cost money.

    :param handler: the Hub's own for the page; anything else asks for nothing
    """
    request = getattr(handler, "request", None)
    if request is None or request.method != "GET":
        return Link()
    query = request.query_arguments
    taken = {n: query.pop(n) for n in list(query) if n not in _OF_THE_HUB}
    found = {
        name.removeprefix("opt-"): [value.decode("utf8", "replace") for value in values]
        for name, values in taken.items()
    }
    return Link(options_from_form(found))


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
        self,
        user: str,
        groups: Set[str],
        last: Mapping[str, Any],
        link: Link = Link(),
    ) -> str:
        """The spawn form.

        :param last: the last options, which are preselected unless the link has some
        """
        try:
            offer = await offer_for(self._spawner, user, groups)
        except ChoiceError as e:
            return f"<p>{escape(str(e))}</p>"
        note, preselected = "", link.options or last
        if offer and link.options.get("profile", "") not in {
            "",
            *(profile.slug for profile in offer),
        }:
            preselected = last
            note = render_note(
                "The link has asked for a server that is not on offer. Choose one here."
            )
        fates = {profile.slug: self._fate(profile.override) for profile in offer}
        costs = machine_costs(offer, self._value, self._prices())
        return note + render_form(
            offer,
            preselected,
            fates or {"": self._fate({})},
            costs,
            self._spawner.additional_profile_form_template_paths,
        )

    def _fate(self, override: Mapping[str, Any]) -> Fate:
        def value(name: str) -> Any:
            # What a callable will return is not known yet.
            own = override.get(name)
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
            start_ended(Reason.OPTIONS.value)
            raise EC2SpawnError(str(e), reason=Reason.OPTIONS) from e
        except (ProfileListError, TraitError) as e:
            start_ended(Reason.CONFIG.value)
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
