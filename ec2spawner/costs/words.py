"""What machines cost, in words for people who have never seen a price list. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ec2.prices.products import ADDRESS, DISK
from .price_list import PriceList

UNKNOWN = "price unknown"


def machine_cost(setting: Callable[[str], Any], prices: PriceList) -> str:
    """What the machine costs that settings mean.

    :param setting: a setting, by its name
    """
    region, market = setting("region"), setting("market")
    types = setting("instance_types") or [setting("instance_type")]
    if callable(region) or callable(market) or not _are_names(types):
        return UNKNOWN
    found = [
        prices.spot(region, each) if market == "spot" else prices.of(region, each)
        for each in types
    ]
    known = sorted({price.usd for price in found if price is not None})
    if not known or None in found:
        return UNKNOWN
    amount = f"{dollars(known[-1])} an hour"
    if market == "spot":
        return f"{amount} at the moment, and AWS may end it at two minutes' notice"
    return f"up to {amount}" if len(known) > 1 or market != "on-demand" else amount


def hourly(
    prices: PriceList, region: str, instance_type: str, market: str, zone: str = ""
) -> str:
    """What a machine costs that is there, or is being asked for.

    :param zone: empty while EC2 has not named it
    """
    usd = hourly_usd(prices, region, instance_type, market, zone)
    return UNKNOWN if usd is None else f"{dollars(usd)} an hour"


def hourly_usd(
    prices: PriceList, region: str, instance_type: str, market: str, zone: str = ""
) -> float | None:
    """The same in US dollars; None when nobody knows."""
    if market == "spot":
        price = prices.spot(region, instance_type, zone)
    else:
        price = prices.of(region, instance_type)
    return price.usd if price else None


def _are_names(types: Any) -> bool:
    # Of a callable nothing is known before somebody starts.
    return isinstance(types, (list, tuple)) and all(isinstance(t, str) for t in types)


def dollars(usd: float) -> str:
    """``0.21 USD``; small amounts with as many digits as say something."""
    return f"{usd:.2f} USD" if usd >= 0.095 else f"{usd:.3f} USD"


def stored(prices: PriceList, region: str, gib: float) -> str:
    """What a disk of this size costs a month."""
    price = prices.of(region, DISK)
    return UNKNOWN if price is None else f"{dollars(price.usd * gib)} a month"


def address(prices: PriceList, region: str) -> str:
    """What a public address costs an hour."""
    price = prices.of(region, ADDRESS)
    return UNKNOWN if price is None else f"{dollars(price.usd)} an hour"
