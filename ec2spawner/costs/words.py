"""What machines cost, in words for people who have never seen a price list. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..ec2.prices.products import ADDRESS, DISK
from ..profiles.profile import Profile
from .price_list import PriceList

UNKNOWN = "price unknown"


def machine_costs(
    offer: Sequence[Profile],
    setting: Callable[[str], Any],
    prices: PriceList | None,
) -> dict[tuple[str, ...], str]:
    """What the machine of each profile costs, and of each choice that is about it.

    :param setting: a setting of the hub, by its name, where no profile overrides it
    :param prices: None where none are to be shown
    :returns: words, by (slug,) and (slug, option, choice). A profile whose choices all
        say what they cost has none of its own
    """
    if prices is None:
        return {}
    return dict(_costs(offer, setting, prices))


def _costs(
    offer: Sequence[Profile], setting: Callable[[str], Any], prices: PriceList
) -> Iterator[tuple[tuple[str, ...], str]]:
    for profile in offer:
        told = False
        for option in profile.options:
            for choice in option.choices:
                if {"instance_type", "instance_types"} & set(choice.override):
                    told = True
                    override = {**profile.override, **choice.override}
                    key = (profile.slug, option.key, choice.key)
                    yield key, _words(override, setting, prices)
        if not told:
            yield (profile.slug,), _words(profile.override, setting, prices)


def _words(
    override: Mapping[str, Any], setting: Callable[[str], Any], prices: PriceList
) -> str:
    def value(name: str) -> Any:
        return override[name] if name in override else setting(name)

    region, market = value("region"), value("market")
    if "instance_types" in override or "instance_type" not in override:
        types = value("instance_types") or [value("instance_type")]
    else:
        types = [value("instance_type")]
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


def machine_cost(setting: Callable[[str], Any], prices: PriceList) -> str:
    """What the machine costs that settings mean."""
    return _words({}, setting, prices)


def hourly(
    prices: PriceList, region: str, instance_type: str, market: str, zone: str = ""
) -> str:
    """What a machine costs that is there, or is being asked for.

    :param zone: empty while EC2 has not named it
    """
    if market == "spot":
        price = prices.spot(region, instance_type, zone)
    else:
        price = prices.of(region, instance_type)
    return UNKNOWN if price is None else f"{dollars(price.usd)} an hour"


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
