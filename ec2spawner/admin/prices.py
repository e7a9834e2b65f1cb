"""The command ``ec2spawner prices``."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import datetime, timezone

from traitlets import Bool

from ..costs.price_list import Price
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.prices.products import ADDRESS, DISK, SNAPSHOT
from ..hub.costs.prices import Prices, wanted_types
from .app import AdminApp
from .hub_config import Hub
from .table import table

_HEAD = ("REGION", "WHAT", "USD", "PER", "FROM", "READ")
_STORED = (DISK, SNAPSHOT)


class PricesApp(AdminApp):
    """List what the machines of a hub cost: who says so, and since when.

    Prices are those of the hub's settings, else what AWS's price list said when the Hub
    last read it. With --refresh it is read now.
    """

    name = "ec2spawner prices"
    description = __doc__ or ""
    examples = """
ec2spawner prices
ec2spawner prices --refresh
ec2spawner prices --json
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    refresh = Bool(False, help="Ask AWS for its prices now").tag(config=True)
    flags = {
        "json": ({"PricesApp": {"json": True}}, json.help),
        "refresh": ({"PricesApp": {"refresh": True}}, refresh.help),
    }

    def start(self) -> None:
        hub = self.hub()
        prices = Prices(hub.settings, logging.getLogger(__name__))
        trouble = ""
        if self.refresh:
            try:
                asyncio.run(prices.refresh(hub.accounts))
            except EC2Error as e:
                trouble = admin_hint(e)
            except OSError as e:
                trouble = f"cannot write the price file: {e}"
        if trouble:
            print(f"{self.name}: {trouble}", file=sys.stderr)
        rows = list(price_rows(hub, prices))
        if self.json:
            names = [each.lower() for each in _HEAD]
            print(json.dumps([dict(zip(names, row)) for row in rows], indent=2))
        else:
            print(table(_HEAD, rows))
        self.exit(1 if trouble else 0)


def price_rows(hub: Hub, prices: Prices) -> list[tuple[str, ...]]:
    """A row for each thing that this hub's settings may make it pay for."""
    rows: list[tuple[str, ...]] = []
    for region in (account.region for account in hub.accounts):
        for what in (*sorted(wanted_types(hub.settings)), DISK, SNAPSHOT, ADDRESS):
            per = "GiB and month" if what in _STORED else "hour"
            rows.append((region, what, *_cells(prices.known.of(region, what), per)))
            if per == "hour" and what != ADDRESS:
                spot = prices.known.spot(region, what)
                rows.append((region, f"{what}, spot", *_cells(spot, per)))
    return rows


def _cells(price: Price | None, per: str) -> tuple[str, str, str, str]:
    if price is None:
        return "unknown", per, "", ""
    at = datetime.fromtimestamp(price.at, timezone.utc)
    read = f"{at:%Y-%m-%d %H:%M} UTC" if price.at else ""
    return f"{price.usd:.4f}", per, price.source, read
