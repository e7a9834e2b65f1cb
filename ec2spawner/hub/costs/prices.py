"""Keeps the hub's price list: reads it from its file, and asks AWS again and again.

Never while a page is made: whoever shows a price takes what is known.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ...costs.price_list import PriceList, from_json, to_json
from ...ec2.again import every
from ...ec2.clients import Account, Clients, Lane
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.prices.ask import ask_price, ask_spot_prices
from ...ec2.prices.products import ADDRESS, DISK, SNAPSHOT, question
from ...server.choice import known_profiles
from ...settings import LaunchSettings

_DAY, _HOUR = 86400.0, 3600.0
#: what every hub pays for, or may
_COMMON = (DISK, SNAPSHOT, ADDRESS)


def wanted_types(settings: LaunchSettings) -> set[str]:
    """The instance types that users can get, by settings and profiles, and those of
    the builders of their images.

    Those that a callable returns are not known before somebody starts one.
    """
    profiles = known_profiles(settings)
    found = {settings.instance_type, *settings.instance_types}
    if settings.build_sources:
        found.add(settings.build_instance_type)
    for override in (override for p in profiles for override in p.overrides()):
        types = [override.get("instance_type"), *_list(override.get("instance_types"))]
        found.update(each for each in types if each and isinstance(each, str))
    return {each for each in found if each and "{value}" not in each}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def read_price_list(settings: LaunchSettings) -> PriceList:
    """What is known: the settings, and the file if it is there."""
    try:
        text = Path(settings.prices_file).read_text()
    except (OSError, ValueError):
        text = ""
    return from_json(text, settings.prices)


def save_price_list(settings: LaunchSettings, prices: PriceList) -> None:
    """Write the file, as a whole or not at all.

    :raises OSError: when it cannot be written
    """
    path = Path(settings.prices_file)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(to_json(prices))
    os.replace(fresh, path)


async def refreshed(
    prices: PriceList,
    region: str,
    wanted: Iterable[str],
    asking: Lane,
    there: Lane,
    now: float,
) -> tuple[PriceList, EC2Error | None]:
    """The price list with what AWS tells now of one region.

    :param wanted: what is to be known there
    :param asking: of a region that has AWS's price list
    :param there: of the region itself, for its spot markets
    :returns: it, and why AWS has not told all of it
    """
    wanted = list(wanted)
    told: dict[str, float] = {}
    trouble: EC2Error | None = None
    try:
        for key in prices.stale(region, wanted, now - _DAY):
            price = await ask_price(asking, question(key, region))
            if price is not None:
                told[key] = price
    except EC2Error as e:
        trouble = e
    try:
        types = [key for key in wanted if key not in _COMMON]
        spot = await ask_spot_prices(there, types)
        told.update({f"{t}:spot:{zone}": usd for (t, zone), usd in spot.items()})
    except EC2Error as e:
        trouble = trouble or e
    return prices.with_read(region, told, now), trouble


class Prices:
    """The price list of the Hub that runs, and whoever keeps it fresh."""

    def __init__(
        self,
        settings: LaunchSettings,
        log: logging.Logger,
        on_news: Callable[[PriceList], None] = lambda prices: None,
    ) -> None:
        self._settings = settings
        self._log = log
        self._on_news = on_news
        self._told = ""
        self.known = read_price_list(settings)
        on_news(self.known)

    async def keep(self, accounts: Iterable[Account]) -> None:
        """Ask AWS for as long as the Hub runs; a failure is one line.

        What is asked for by the hour changes seldom: that is asked for once a day.
        """
        if not self._settings.prices_region:
            return
        wanted = list(accounts)
        await every(_HOUR, lambda: self.refresh(wanted), self._failed, at_once=True)

    async def refresh(self, accounts: Iterable[Account]) -> None:
        """Ask AWS now for what is not known or too old.

        What it tells is known, whatever it does not tell.

        :raises EC2Error: when AWS does not answer, or denies it
        :raises OSError: when the file cannot be written
        """
        asking = Clients(Account(self._settings.prices_region))
        there = [Clients(account) for account in accounts]
        keys = [*_COMMON, *sorted(wanted_types(self._settings))]
        trouble: list[EC2Error] = []
        try:
            for each in there:
                self.known, error = await refreshed(
                    self.known,
                    each.account.region,
                    keys,
                    asking.reading,
                    each.reading,
                    time.time(),
                )
                trouble += [error] if error else []
                self._on_news(self.known)
            save_price_list(self._settings, self.known)
        finally:
            for each in (asking, *there):
                each.close()
        if trouble:
            raise trouble[0]
        self._told = ""

    def _failed(self, error: Exception) -> None:
        why = admin_hint(error) if isinstance(error, EC2Error) else str(error)
        if why != self._told:
            self._told = why
            self._log.warning(
                "Prices are as known as before: AWS's price list was not read: %s. "
                "c.EC2Spawner.prices can tell them, and prices_region = '' asks nobody",
                why,
            )
