"""The price list of a hub: what is known, from whom, and since when.

Three sources, in this order: the admin's setting, AWS's price list as it was read last,
nobody. A price that is not known is None, never 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

ADMIN = "the hub's settings"
AWS = "AWS"

_VERSION = 1


@dataclass(frozen=True)
class Price:
    """US dollars an hour, or a GiB and month for what is stored.

    :ivar at: when it was read, seconds since the epoch; 0 for an admin's
    """

    usd: float
    source: str
    at: float = 0.0


@dataclass(frozen=True)
class PriceList:
    """Prices by region and key.

    A key is an instance type, ``<type>:spot`` (with ``:<zone>`` for one zone), or one
    of ``ebs:gp3``, ``ebs:snapshot`` and ``public-ipv4``.
    """

    read: Mapping[str, Mapping[str, Price]] = field(default_factory=dict)
    given: Mapping[str, float] = field(default_factory=dict)

    def of(self, region: str, key: str) -> Price | None:
        """What a thing costs; None when that is not known."""
        for name in (f"{region}:{key}", key):
            if name in self.given:
                return Price(self.given[name], ADMIN)
        return self.read.get(region, {}).get(key)

    def spot(self, region: str, instance_type: str, zone: str = "") -> Price | None:
        """What a spot machine costs now; the dearest zone's while no zone is known."""
        key = f"{instance_type}:spot"
        if (own := self.of(region, key)) is not None:
            return own
        if zone:
            return self.of(region, f"{key}:{zone}")
        zones = [
            price
            for name, price in self.read.get(region, {}).items()
            if name.startswith(f"{key}:")
        ]
        return max(zones, key=lambda price: price.usd, default=None)

    def with_read(
        self, region: str, prices: Mapping[str, float], at: float
    ) -> PriceList:
        """The list with what AWS has just told; what it did not tell stays."""
        fresh = {key: Price(usd, AWS, at) for key, usd in prices.items()}
        both = {**self.read.get(region, {}), **fresh}
        return replace(self, read={**self.read, region: both})

    def stale(self, region: str, keys: Iterable[str], before: float) -> list[str]:
        """Those that nobody has told, or not since then (seconds since the epoch)."""
        known = {key: self.of(region, key) for key in keys}
        return [
            key
            for key, price in known.items()
            if price is None or price.source == AWS and price.at < before
        ]


def to_json(prices: PriceList) -> str:
    """As the price file has it."""
    regions = {
        region: {key: {"usd": p.usd, "at": p.at} for key, p in sorted(found.items())}
        for region, found in sorted(prices.read.items())
    }
    return json.dumps({"version": _VERSION, "regions": regions}, indent=1)


def from_json(text: str, given: Mapping[str, float]) -> PriceList:
    """Read a price file. What cannot be read is not known: it comes again.

    :param given: the admin's prices
    """
    read: dict[str, dict[str, Price]] = {}
    try:
        found: Any = json.loads(text)
        for region, prices in found["regions"].items():
            read[region] = {
                key: Price(float(each["usd"]), AWS, float(each["at"]))
                for key, each in prices.items()
                if 0 < float(each["usd"]) < float("inf")
            }
    except (ValueError, KeyError, TypeError, AttributeError):
        return PriceList({}, given)
    return PriceList(read, given)
