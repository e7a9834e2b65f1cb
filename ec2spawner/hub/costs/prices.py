"""Keeps the hub's price list: reads it from its file, and asks AWS once a day.

Never while a page is made: whoever shows a price takes what is known.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
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

_DAY = 86400.0
#: what every hub pays for, or may
_COMMON = (DISK, SNAPSHOT, ADDRESS)


def wanted_types(spawner: LaunchSettings) -> set[str]:
    """The instance types that users can get, by settings and profiles.

    Those that a callable returns are not known before somebody starts one.
    """
    profiles = known_profiles(spawner)
    found = {spawner.instance_type, *spawner.instance_types}
    for override in (override for p in profiles for override in p.overrides()):
        types = [override.get("instance_type"), *_list(override.get("instance_types"))]
        found.update(each for each in types if each and isinstance(each, str))
    return {each for each in found if each and "{value}" not in each}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def read_price_list(spawner: LaunchSettings) -> PriceList:
    """What is known: the settings, and the file if it is there."""
    try:
        text = Path(spawner.prices_file).read_text()
    except (OSError, ValueError):
        text = ""
    return from_json(text, spawner.prices)


def save_price_list(spawner: LaunchSettings, prices: PriceList) -> None:
    """Write the file, as a whole or not at all.

    :raises OSError: when it cannot be written
    """
    path = Path(spawner.prices_file)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(to_json(prices))
    os.replace(fresh, path)


async def refreshed(
    prices: PriceList,
    keys: Mapping[str, Iterable[str]],
    asking: Lane,
    regions: Mapping[str, Lane],
    now: float,
) -> PriceList:
    """The price list with what AWS tells now.

    :param keys: of each region, what is to be known there
    :param asking: of a region that has AWS's price list
    :param regions: of each region, for its spot markets
    :raises EC2Error: when AWS does not answer, or denies it
    """
    for region, wanted in keys.items():
        told = {}
        for key in prices.stale(region, wanted, now - _DAY):
            price = await ask_price(asking, question(key, region))
            if price is not None:
                told[key] = price
        types = [key for key in wanted if key not in _COMMON]
        spot = await ask_spot_prices(regions[region], types)
        told.update({f"{t}:spot:{zone}": usd for (t, zone), usd in spot.items()})
        prices = prices.with_read(region, told, now)
    return prices


class Prices:
    """The price list of the Hub that runs, and whoever keeps it fresh."""

    def __init__(
        self,
        spawner: LaunchSettings,
        log: logging.Logger,
        on_news: Callable[[PriceList], None] = lambda prices: None,
    ) -> None:
        self._spawner = spawner
        self._log = log
        self._on_news = on_news
        self._told = ""
        self.known = read_price_list(spawner)
        on_news(self.known)

    async def keep(self, accounts: Iterable[Account]) -> None:
        """Ask AWS once a day for as long as the Hub runs; a failure is one line."""
        if not self._spawner.prices_region:
            return
        wanted = list(accounts)
        await every(_DAY, lambda: self.refresh(wanted), self._failed, at_once=True)

    async def refresh(self, accounts: Iterable[Account]) -> None:
        """Ask AWS now for what is not known or too old.

        :raises EC2Error: when AWS does not answer, or denies it
        :raises OSError: when the file cannot be written
        """
        asking = Clients(Account(self._spawner.prices_region))
        there = {account.region: Clients(account) for account in accounts}
        keys = [*_COMMON, *sorted(wanted_types(self._spawner))]
        try:
            self.known = await refreshed(
                self.known,
                {region: keys for region in there},
                asking.reading,
                {region: clients.reading for region, clients in there.items()},
                time.time(),
            )
            self._on_news(self.known)
            save_price_list(self._spawner, self.known)
            self._told = ""
        finally:
            for each in (asking, *there.values()):
                each.close()

    def _failed(self, error: Exception) -> None:
        why = admin_hint(error) if isinstance(error, EC2Error) else str(error)
        if why != self._told:
            self._told = why
            self._log.warning(
                "Prices are as known as before: AWS's price list was not read: %s. "
                "c.EC2Spawner.prices can tell them, and prices_region = '' asks nobody",
                why,
            )
