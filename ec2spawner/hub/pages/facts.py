"""What pages show of a user's servers: facts for templates, of this moment."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ...core.clock_words import span
from ...core.saved_state import readable
from ...core.state import Launch, Phase, ServerState, StoppedMachine
from ...costs.runs import month_of
from ...fleet.runtime import runtime
from ...form.about import name_of
from ...launch.failures import Failure
from ...launch.history import kind_of
from ...profiles.choose import ChoiceError, choose
from ...profiles.read import ProfileListError
from ...server.choice import known_profiles
from ...server.context import HasContext, ServerContext
from ...settings import LaunchSettings
from .budgets import budget_lines
from .expectation import Expectation, expect, price_of, speaks_of_prices
from .times import SCRIPT, time_tag

DEFAULT = "My server"


@dataclass(frozen=True)
class CullerTimes:
    """When the culler of ``setup(c, culler="service")`` stops servers without an idle
    time of their own, seconds; 0 for never."""

    timeout: float = 0.0
    max_age: float = 0.0


@dataclass(frozen=True)
class ServerFacts:
    """One server, as the home page shows it.

    :ivar name: empty for the default server
    :ivar machine: in words; empty when it has none
    :ivar cost: of the machine that runs, since it does; else of the server this month
    :ivar wake: about how long it takes to wake the machine that is stopped
    """

    name: str
    title: str
    active: bool
    ready: bool
    pending: str
    machine: str = ""
    runs_for: str = ""
    price: str = ""
    cost: str = ""
    stops: Markup = Markup("")
    waits: bool = False
    wake: str = ""


def culler_times(services: Sequence[Mapping[str, Any]], culler: str) -> CullerTimes:
    """What ``setup()`` says of the culler that it has made.

    :param services: ``c.JupyterHub.services``
    :param culler: the name of ours among them
    """
    known = (each.get("info", {}) for each in services if each.get("name") == culler)
    info: Mapping[str, float] = next(known, {})
    return CullerTimes(info.get("idle_timeout", 0.0), info.get("max_age", 0.0))


class PageFacts:
    """What a template may ask, as ``ec2spawner``.

    Nothing here asks EC2, or waits: what is known is shown.
    """

    times = SCRIPT

    def __init__(self, idle: CullerTimes) -> None:
        self._idle = idle

    def starting(self, spawner: Any) -> Expectation | None:
        """Of a start that is under way; None for another's spawner."""
        return expect(spawner.context) if isinstance(spawner, HasContext) else None

    def size(self, spawner: Any) -> str:
        """How the user's choice is called; empty when nothing was to be chosen."""
        if not isinstance(spawner, HasContext):
            return ""
        options = getattr(spawner, "user_options", None) or {}
        settings = spawner.context.settings
        return profile_name(settings, spawner.context.state.profile, options)

    def failure(self, user: Any, server_name: str) -> Failure | None:
        """Why the last start of a server failed, for whoever is to find out."""
        spawner = dict.get(user.spawners, server_name)
        return spawner.context.failure if isinstance(spawner, HasContext) else None

    def admin_line(self, failure: Failure) -> Markup:
        """What to send to the admin."""
        return admin_line(failure)

    def cost(self, failure: Failure, user: Any) -> str:
        """What the machine of a start that failed has cost; empty when nobody knows."""
        ours = _any(user)
        if (
            ours is None
            or not failure.instance_id
            or not speaks_of_prices(ours.context)
        ):
            return ""
        ledger = ours.context.runtime.ledger
        spent = ledger.of_machine(failure.instance_id, time.time())
        return str(spent) if spent and spent.usd else ""

    def this_month(self, user: Any) -> str:
        """What a user has cost this month; empty where a hub does not speak of it."""
        ours = _any(user)
        if ours is None or not speaks_of_prices(ours.context):
            return ""
        now = time.time()
        return str(ours.context.runtime.ledger.of_user(user.name, now, month_of(now)))

    def budgets(self, user: Any) -> list[str]:
        """What is left of each budget that a user comes under."""
        return budget_lines(runtime().budgeting, user)

    def time(self, at: float) -> Markup:
        """A moment, in the zone of who looks."""
        return time_tag(at)

    def servers(self, user: Any) -> list[ServerFacts]:
        """All servers of a user, the default one first."""
        rows = dict(user.orm_user.orm_spawners)
        return [self._of(user, name, rows.get(name)) for name in sorted({"", *rows})]

    def _of(self, user: Any, name: str, row: Any) -> ServerFacts:
        # A server that is stopped has no spawner, and must not get one by this.
        spawner = dict.get(user.spawners, name)
        title = getattr(row, "display_name", "") or name or DEFAULT
        facts: dict[str, Any] = {
            "name": name,
            "title": title,
            "active": bool(spawner and spawner.active),
            "ready": bool(spawner and spawner.ready),
            "pending": (spawner and spawner.pending) or "",
        }
        if isinstance(spawner, HasContext):
            state = spawner.context.state
        else:
            state = readable(row.state if row is not None else None)
        any_of_us = spawner if isinstance(spawner, HasContext) else _any(user)
        if any_of_us is not None:
            facts |= self._machine(any_of_us, state, row)
            facts["cost"] = _cost(any_of_us.context, user.name, name, state)
        return ServerFacts(**facts)

    def _machine(
        self, spawner: HasContext, state: ServerState, row: Any
    ) -> dict[str, Any]:
        """
        :param spawner: the server's, or another of its user for the hub's settings
        """
        options = getattr(row, "user_options", None) or {}
        chosen = options.get("profile", "")
        if state.may_have_machine and state.launch:
            slug = state.profile or chosen
            name = profile_name(spawner.context.settings, slug, options)
            return self._running(spawner, state.launch, name)
        if state.stopped:
            name = profile_name(spawner.context.settings, chosen, options)
            return self._waiting(spawner, state.stopped, name)
        return {}

    def _running(
        self, spawner: HasContext, launch: Launch, name: str
    ) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "machine": _called(name, launch.instance_type),
            "price": price_of(spawner.context),
        }
        if launch.phase is Phase.READY:
            facts["runs_for"] = span(time.time() - launch.launched_at)
            facts["stops"] = Markup("; ").join(self._stops(spawner.context))
        return facts

    def _stops(self, context: ServerContext) -> Iterator[Markup]:
        launch, culled = context.launch, bool(self._idle.timeout)
        idle = launch.idle if culled else context.promised
        if seconds := idle.idle_timeout or self._idle.timeout:
            yield Markup("after {} idle").format(span(seconds))
        ends = [
            since + limit
            for since, limit in (
                (launch.claimed_at, launch.max_lifetime),
                (launch.ready_at, self._idle.max_age if culled else idle.max_age),
            )
            if limit
        ]
        if ends:
            yield Markup("at the latest {}").format(time_tag(min(ends)))

    def _waiting(
        self, spawner: HasContext, stopped: StoppedMachine, name: str
    ) -> dict[str, Any]:
        context = spawner.context
        how = "hibernates" if stopped.hibernates else "is stopped"
        machine = Markup("{}, {}").format(_called(name, stopped.instance_type), how)
        if stopped.until:
            machine += Markup(" until {}").format(time_tag(stopped.until))
        kind = kind_of(context.settings, stopped.instance_type, stopped.how)
        expected = context.runtime.history.expected(kind)
        return {
            "machine": machine,
            "waits": True,
            "wake": f"about {span(expected.usual)}" if expected else "",
        }


def profile_name(
    settings: LaunchSettings,
    slug: str,
    options: Mapping[str, Any],
    short: bool = False,
) -> str:
    """How a user's choice is called; empty when nothing was to be chosen.

    :param options: the user's, of which a size may be part
    :param short: by its size only, where there are sizes
    """
    if not slug or callable(settings.profile_list):
        return slug
    try:
        profiles = known_profiles(settings)
    except ProfileListError:
        return slug
    for profile in profiles:
        if profile.slug == slug:
            try:
                selection = choose([profile], options)
            except ChoiceError:
                selection = None
            return name_of(profile, selection.choices if selection else {}, short)
    return slug


def _called(name: str, instance_type: str) -> str:
    return (
        f"{name} ({instance_type})" if name and instance_type else name or instance_type
    )


def _cost(
    context: ServerContext, user_name: str, server_name: str, state: ServerState
) -> str:
    if not speaks_of_prices(context):
        return ""
    ledger, now = context.runtime.ledger, time.time()
    if state.may_have_machine:
        spent = ledger.of_machine(state.current.instance_id, now)
        return str(spent) if spent else ""
    spent = ledger.of_server(user_name, server_name, now, month_of(now))
    return f"{spent} this month" if spent.usd or spent.unknown else ""


def _any(user: Any) -> HasContext | None:
    ours = (each for each in dict.values(user.spawners) if isinstance(each, HasContext))
    return next(ours, None)


def admin_line(failure: Failure) -> Markup:
    """What to send to the admin: one line, by which the Hub's log can be searched."""
    known = [f"launch {failure.launch_id}" if failure.launch_id else ""]
    known += [failure.instance_id, failure.code or failure.reason]
    words = [time_tag(failure.at), *(each for each in known if each)]
    return Markup(", ").join(words)
