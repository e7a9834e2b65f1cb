"""Gathers what people in Jupyter are told of their server.

Asks nobody, and waits for nothing: thousands of machines get it with each heartbeat.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.idleness import IdlePolicy, prolonged
from ...core.state import Launch
from ...costs import budget_words
from ...costs.budget import decide, shown
from ...costs.runs import month_of
from ...costs.words import hourly, hourly_usd
from ...fleet.budgeting import Budgeting
from ...form.about import fate_of
from ...server.context import ServerContext
from ..pages.expectation import speaks_of_prices
from ..pages.facts import profile_name
from .words import Facts, Line, line, told

# Of a budget, per cent: from there on people are told while they work.
_BUDGET_LEVEL = 75
# What a press of *Keep* is worth, seconds at least.
_WORTH_KEEPING = 60.0


class Telling:
    """What one server's user is to know, at any moment.

    :param spawner: of ours
    """

    def __init__(self, spawner: Any) -> None:
        self._spawner = spawner
        self._start_id = self._size = self._choice = self._last_end = ""

    def __call__(self) -> Mapping[str, Any]:
        context: ServerContext = self._spawner.context
        now = time.time()
        try:
            return told(self._facts(context, now), now)
        except Exception:
            # It goes with heartbeats, on which machines live.
            context.log.exception("%s is told nothing in Jupyter", context.label)
            return {}

    def _facts(self, context: ServerContext, now: float) -> Facts:
        launch, settings = context.launch, context.settings
        self._know(context)
        of_type = context.fleet.catalog.known_type(launch.instance_type)
        ends = launch.claimed_at + launch.max_lifetime if launch.max_lifetime else 0.0
        budgeting, user = context.runtime.budgeting, context.hub.user_name
        return Facts(
            size=self._size,
            choice=self._choice,
            instance_type=launch.instance_type,
            cpus=of_type.cpus if of_type else 0,
            memory=of_type.memory if of_type else 0.0,
            market=launch.market,
            **_money(context, now),
            **_idleness(context, now),
            lifetime=launch.max_lifetime,
            ends_at=ends,
            has_home=fate_of(lambda name: getattr(settings, name)).has_home,
            sleeps=launch.on_stop if launch.market != "spot" else "",
            more=tuple(_budget_lines(budgeting, user)),
            notices=(
                *_budget_notices(budgeting, user, now),
                *self._notices(launch, now),
            ),
        )

    def _know(self, context: ServerContext) -> None:
        """Once for each start: to read a list of profiles takes its time, and why the
        last machine ended is old news for the Hub's pages when a server is ready."""
        start = context.launch.start_id
        if self._start_id != start:
            options = getattr(self._spawner, "user_options", None) or {}
            slug = context.state.profile or options.get("profile", "")
            settings, self._last_end = context.settings, ""
            self._size = profile_name(settings, slug, options, short=True)
            self._choice = profile_name(settings, slug, options)
            self._start_id = start
        self._last_end = context.state.last_end or self._last_end

    def _notices(self, launch: Launch, now: float) -> Iterator[Line]:
        # Of what EC2 announces the machine itself tells.
        for text in self._spawner.notices():
            if text != launch.announced:
                name = f"hub-{text}"
                yield line(text, now, id=name, kind="warning")
        if self._last_end:
            name = f"ended-{launch.start_id}"
            yield line(self._last_end, now, id=name, kind="info", once=True)


def _money(context: ServerContext, now: float) -> dict[str, Any]:
    if not speaks_of_prices(context):
        return {}
    launch, runtime = context.launch, context.runtime
    where = (launch.region, launch.instance_type, launch.market, launch.zone)
    spent = runtime.ledger.of_machine(launch.instance_id, now)
    rate = hourly_usd(runtime.prices, *where)
    return {
        "cost": spent.usd if spent else 0.0,
        "at_least": bool(spent and spent.unknown),
        "rate": rate,
        "hourly": "" if rate is None else hourly(runtime.prices, *where),
    }


def _idleness(context: ServerContext, now: float) -> dict[str, Any]:
    launch, use = context.launch, context.use
    if not context.runtime.stops_idle:
        return _culled(context)
    return {
        "idle": launch.idle,
        "verdict": use.verdict,
        "warned_at": use.warned_at,
        "ready_at": launch.ready_at,
        "kept_until": launch.kept_until,
        "keep": _one_press(launch, now),
    }


def _culled(context: ServerContext) -> dict[str, Any]:
    """What a service goes by (``hub/idle_culler_config.py``): it warns nobody, asks
    nobody, and knows ``busy_limit`` and ages of profiles not at all."""
    all_of_them, launch = context.runtime.culled, context.launch
    if not all_of_them.idle_timeout:
        return {}
    timeout = launch.idle.idle_timeout or all_of_them.idle_timeout
    idle = IdlePolicy(timeout, max_age=all_of_them.max_age)
    return {"culled": True, "idle": idle, "ready_at": launch.ready_at}


def _one_press(launch: Launch, now: float) -> float:
    """What one more press of *Keep* would give, seconds; 0 for too little."""
    policy: IdlePolicy = launch.idle
    if not launch.ready_at or not (policy.idle_timeout or policy.busy_limit):
        return 0.0
    until, kept = prolonged(
        policy, launch.ready_at, launch.kept_until, launch.kept_seconds, now
    )
    return until - now if kept - launch.kept_seconds >= _WORTH_KEEPING else 0.0


def _budget_lines(budgeting: Budgeting, user: str) -> Iterator[Line]:
    if budgeting.budgets:
        for use in shown(budgeting.known_uses(user)):
            yield {"text": budget_words.so_far(use)}


def _budget_notices(budgeting: Budgeting, user: str, now: float) -> Iterator[Line]:
    if not budgeting.budgets:
        return
    uses = budgeting.known_uses(user)
    for use in decide(uses).told:
        if use.level >= _BUDGET_LEVEL:
            text = budget_words.level(use, budgeting.stops_at([use]))
            name = f"budget-{use.budget}-{use.level}-{month_of(now)}"
            kind = "error" if use.full else "warning"
            yield line(text, now, id=name, kind=kind, once=not use.full)
