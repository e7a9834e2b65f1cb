"""The command ``ec2spawner prices``."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..core.tags import lease_text
from ..costs.price_list import Price
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.prices.products import ADDRESS, DISK, SNAPSHOT
from ..hub.costs.prices import Prices, wanted_types
from .hub_config import Hub
from .options import PricesOptions
from .table import Table, show

_HEAD = ("REGION", "WHAT", "USD", "PER", "FROM", "READ")
_STORED = (DISK, SNAPSHOT)


class PricesApp(PricesOptions):
    """``ec2spawner prices``, which does what its options say."""

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
        found = list(price_lines(hub, prices))
        if self.json:
            print(json.dumps([line.to_dict() for line in found], indent=2))
        else:
            show(Table(_HEAD, [line.cells() for line in found]))
        self.exit(1 if trouble else 0)


@dataclass(frozen=True)
class Line:
    """What one thing costs; the price is None where nobody knows it."""

    region: str
    what: str
    per: str
    price: Price | None

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of the table's head."""
        usd = f"{self.price.usd:.4f}" if self.price else "unknown"
        source = self.price.source if self.price else ""
        return self.region, self.what, usd, self.per, source, self._read()

    def to_dict(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "region": self.region,
            "what": self.what,
            "usd": self.price.usd if self.price else None,
            "per": self.per,
            "from": self.price.source if self.price else None,
            "read": lease_text(self.price.at) if self.price and self.price.at else None,
        }

    def _read(self) -> str:
        if self.price is None or not self.price.at:
            return ""
        at = datetime.fromtimestamp(self.price.at, timezone.utc)
        return f"{at:%Y-%m-%d %H:%M} UTC"


def price_lines(hub: Hub, prices: Prices) -> Iterator[Line]:
    """A line for each thing that this hub's settings may make it pay for."""
    for region in (account.region for account in hub.accounts):
        for what in (*sorted(wanted_types(hub.settings)), DISK, SNAPSHOT, ADDRESS):
            per = "GiB and month" if what in _STORED else "hour"
            yield Line(region, what, per, prices.known.of(region, what))
            if per == "hour" and what != ADDRESS:
                spot = prices.known.spot(region, what)
                yield Line(region, f"{what}, spot", per, spot)
