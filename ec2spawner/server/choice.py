"""Which profiles a server's user may choose, and what a choice changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from html import escape
from inspect import isawaitable
from typing import Any

from traitlets import TraitError

from ..core.errors import EC2SpawnError, Reason
from ..core.metrics import start_ended
from ..costs.budget import Use
from ..ec2.facts import Image, TypeFacts
from ..fleet.fleet import Fleet
from ..form.about import name_of
from ..form.combination import Combination
from ..form.known import Known
from ..form.link import Link
from ..form.render import render_form, render_note
from ..launch.plan import MARKETS, Candidate
from ..profiles.choose import (
    ChoiceError,
    Selection,
    choose,
    default_profile,
    on_offer,
)
from ..profiles.overrides import merged
from ..profiles.profile import UNLISTED, UNLISTED_TOO, Audience, Option, Profile
from ..profiles.read import ProfileListError, read_profiles
from ..profiles.short import Sources, read_short
from ..settings import BudgetSettings, LaunchSettings, ReadySettings
from .context import ServerContext
from .image import check_repository

# Settings of the hub, which no profile may change.
_HUB_WIDE = {
    "hub_id",
    "claim_port",
    "endpoint_url",
    "profile_list",
    "sizes",
    "images",
    "regions",
    "markets",
    "idle_timeouts",
    "idle_action",
    "additional_profile_form_template_paths",
    "fast_interval",
    "slow_interval",
    "hub_silence_limit",
    "sweep_interval",
    "max_machines_per_user",
    "max_machines",
    "max_homes_per_user",
    "max_launches_per_minute",
    "boot_failure_limit",
    "boot_failure_pause",
    "sweep_grace",
    "home_on_delete",
    "prices",
    "prices_region",
    "prices_file",
    "ledger_url",
    *(
        n
        for s in (BudgetSettings, ReadySettings)
        for n in s.class_trait_names(config=True)
    ),
    "acknowledged",
    "build_sources",
    "build_allowed_groups",
    "build_source_packages",
    "build_instance_type",
    "build_public_ip",
    "build_timeout",
    "max_builds",
    "max_builds_per_user_per_day",
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
    allowed = Audience(frozenset(spawner.build_allowed_groups))
    sources = Sources() if raw else Sources(spawner.build_sources, allowed)
    short = read_short(
        spawner.sizes,
        spawner.images,
        spawner.regions,
        spawner.markets,
        spawner.idle_timeouts,
        settable,
        sources,
    )
    if short and raw:
        raise ProfileListError(
            "profile_list and sizes, images, regions, markets or idle_timeouts are "
            "both set: keep either the list or the short form"
        )
    if short and not (spawner.sizes or spawner.images or spawner.build_sources):
        raise ProfileListError(
            "regions, markets or idle_timeouts are set, and neither sizes nor images is"
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


def _has(offer: Sequence[Profile], link: Link) -> bool:
    """Whether what a link asks for is on offer."""
    asked = link.options
    wanted = asked.get("profile") or default_profile(offer).slug
    found = next((profile for profile in offer if profile.slug == wanted), None)
    # Lists: who writes a link may write anything, and a set takes no list.
    return found is not None and all(
        asked.get(option.key, "")
        in ["", *[choice.key for choice in option.choices], *_own_text(option)]
        for option in found.options
    )


def _own_text(option: Option) -> list[str]:
    return [UNLISTED, UNLISTED_TOO] if option.unlisted else []


def what_is_known(context: ServerContext) -> Known:
    """What the form of a server may tell, from memory alone."""
    settings, runtime = context.settings, context.runtime
    speaks = settings.prices or settings.prices_region

    def of(region: str) -> Fleet | None:
        return context.fleet_in(region) if region else None

    def type_facts(region: str, name: str) -> TypeFacts | None:
        fleet = of(region)
        return fleet.catalog.known_type(name) if fleet else None

    def image(region: str, name: str, owners: Sequence[str]) -> Image | None:
        fleet = of(region)
        return fleet.images.known(name, owners) if fleet else None

    def elsewhere(region: str, name: str, owners: Sequence[str]) -> Sequence[str]:
        fleet = of(region)
        if fleet is None or not fleet.images.is_absent(name, owners):
            return ()
        fleets = runtime.fleets.of_hub(fleet.hub_id)
        return sorted(f.region for f in fleets if f.images.known(name, owners))

    def refused(
        region: str, market: str, types: Sequence[str], subnets: Sequence[str], ami: str
    ) -> str:
        fleet = of(region)
        if fleet is None:
            return ""
        found = fleet.images.known(ami, settings.image_owners)
        request = {"ImageId": found.id} if found else {}
        candidates = [
            Candidate(each, name, subnet, request, fleet.catalog.known_zone(subnet))
            for each in MARKETS.get(market, ())
            for name in types
            for subnet in subnets or [""]
        ]
        return fleet.launcher.unavailable.in_words(candidates)

    return Known(
        prices=runtime.prices if speaks else None,
        type_facts=type_facts,
        image=image,
        elsewhere=elsewhere,
        shelf=lambda region: fleet.images.shelf if (fleet := of(region)) else None,
        building=lambda region, what: (
            runtime.builds.left_of(fleet, what) if (fleet := of(region)) else None
        ),
        refused=refused,
        budgets=_budgets(context),
        ready=runtime.ready.has_for,
        history=runtime.history,
        learning=runtime.learning,
        home_region=home.region if (home := context.state.home) else "",
        stopped=context.state.stopped,
    )


def _budgets(context: ServerContext) -> tuple[Use, ...]:
    budgeting = context.runtime.budgeting
    if not budgeting.budgets:
        return ()
    user = context.hub.user_row
    groups = [group.name for group in user.groups]
    return tuple(budgeting.uses(user.name, groups))


class ServerChoice:
    """What a server's user may choose, and what a choice makes of the settings.

    The Hub keeps a spawner whose start has failed, and starts it again: whatever a
    choice has changed has its configured value again before the next one counts.
    """

    def __init__(
        self,
        settings: LaunchSettings,
        known: Callable[[], Known] = Known,
    ) -> None:
        self._settings = settings
        self._known = known
        #: what choices have changed, as it was configured
        self._configured: dict[str, Any] = {}
        #: so much of ``start_timeout`` is for the image
        self._for_image = 0

    async def render(
        self,
        user: str,
        groups: Set[str],
        last: Mapping[str, Any],
        link: Link = Link(),
        sent: Mapping[str, Any] | None = None,
    ) -> str:
        """The spawn form.

        :param last: the last options, which are preselected unless the link has some
        :param sent: what has just been sent and refused, which counts more
        """
        try:
            offer = await offer_for(self._settings, user, groups)
        except ChoiceError as e:
            return f"<p>{escape(str(e))}</p>"
        note, preselected = "", sent or link.options or last
        if offer and not _has(offer, link):
            preselected = last
            note = render_note(
                "The link has asked for a server that is not on offer. Choose one here."
            )
        return note + render_form(
            offer,
            self._known(),
            self._value,
            preselected,
            last,
            self._settings.additional_profile_form_template_paths,
        )

    def _value(self, name: str) -> Any:
        """A setting as it is without any choice."""
        return self._configured.get(name, getattr(self._settings, name))

    async def apply(
        self, user: str, groups: Set[str], user_options: Mapping[str, Any]
    ) -> str:
        """Check the choice, whichever way it came, and take on its settings.

        :returns: the profile's slug; empty when there is nothing to choose
        :raises EC2SpawnError: for a choice that is not on offer
        """
        try:
            selection = choose(
                await offer_for(self._settings, user, groups), user_options
            )
            if selection is not None:
                self._check_fit(selection)
            self._restore()
            if selection is not None:
                await self.take_on(selection)
            self._take_on_repository(groups)
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
        return selection.profile.slug if selection else ""

    def _check_fit(self, selection: Selection) -> None:
        """
        :raises ChoiceError: when size and image are known not to go together, or the
            image not to be in the region
        """
        together = Combination(self._known(), self._value, selection.overrides)
        name = name_of(selection.profile, selection.choices)
        if away := together.elsewhere:
            raise ChoiceError(
                f"{name}: {away} Choose another region, or ask your hub's admin to "
                "copy it."
            )
        if misfit := together.misfit:
            raise ChoiceError(
                f"{name}: these do not go together. {misfit} Choose another size."
            )

    @property
    def start_timeout(self) -> float:
        """Seconds that a start may take once it has its image."""
        return float(getattr(self._settings, "start_timeout")) - self._for_image

    def _restore(self) -> None:
        self._for_image = 0
        for name, value in self._configured.items():
            setattr(self._settings, name, value)
        self._configured.clear()

    async def take_on(self, selection: Selection) -> None:
        """Make the settings those of a choice that was checked."""
        for override in selection.overrides:
            if "instance_type" in override and "instance_types" not in override:
                # It means this one type, not the hub's list.
                self._set("instance_types", [])
            for name, value in override.items():
                value = value(self._settings) if callable(value) else value
                value = await value if isawaitable(value) else value
                self._set(name, merged(getattr(self._settings, name), value))

    def _take_on_repository(self, groups: Set[str]) -> None:
        check_repository(self._settings, groups)
        if self._settings.repository and self._settings.has_trait("start_timeout"):
            # The Hub waits for all of a start: the image, and then what it waited for.
            seconds = int(self._settings.build_timeout)
            self._set("start_timeout", int(self.start_timeout) + seconds)
            self._for_image = seconds

    def _set(self, name: str, value: Any) -> None:
        self._configured.setdefault(name, getattr(self._settings, name))
        setattr(self._settings, name, value)
