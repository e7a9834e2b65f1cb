"""Gathers what people in Jupyter are told of their server. Asks nobody, and waits for
nothing: thousands of machines get it with each heartbeat."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ...core.state import Launch
from ...costs.words import hourly, hourly_usd
from ...form.about import fate_of
from ...server.context import ServerContext
from ..pages.expectation import speaks_of_prices
from ..pages.facts import profile_name
from .words import Facts, told


class Telling:
    """What one server's user is to know, at any moment.

    :param spawner: of ours
    """

    def __init__(self, spawner: Any) -> None:
        self._spawner = spawner
        self._names: tuple[str, str, str] = ("", "", "")

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
        size, choice = self._called(context)
        of_type = context.fleet.catalog.known_type(launch.instance_type)
        ends = launch.claimed_at + launch.max_lifetime if launch.max_lifetime else 0.0
        return Facts(
            size=size,
            choice=choice,
            instance_type=launch.instance_type,
            cpus=of_type.cpus if of_type else 0,
            memory=of_type.memory if of_type else 0.0,
            market=launch.market,
            **_money(context, now),
            idle_timeout=launch.idle.idle_timeout,
            lifetime=launch.max_lifetime,
            ends_at=ends,
            has_home=fate_of(lambda name: getattr(settings, name)).has_home,
            sleeps=_sleeps(launch),
        )

    def _called(self, context: ServerContext) -> tuple[str, str]:
        """By its size only, and with all that was chosen. To read a list of profiles
        takes its time, so it is done once for each start."""
        start = context.launch.start_id
        if self._names[0] != start:
            options = getattr(self._spawner, "user_options", None) or {}
            slug = context.state.profile or options.get("profile", "")
            size, choice = (
                profile_name(context.settings, slug, options, short)
                for short in (True, False)
            )
            self._names = start, size, choice
        return self._names[1:]


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


def _sleeps(launch: Launch) -> str:
    return launch.on_stop if launch.market != "spot" else ""
