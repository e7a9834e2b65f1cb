"""Rows of the price list, as ``pricing:GetProducts`` gives them. Pure.

Each row is JSON: a product with attributes, and its terms. One question may find rows
that are not meant: of capacity reservations (0.00), of dedicated hardware, in another
currency. A price is known only when all rows that fit say the same, and not nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: what has a price besides instance types: the keys that admins and price files use
DISK = "ebs:gp3"
SNAPSHOT = "ebs:snapshot"
ADDRESS = "public-ipv4"

HOUR = "Hrs"
MONTH = "GB-Mo"


@dataclass(frozen=True)
class Question:
    """What to ask for the price of one thing in one region.

    :ivar filters: fields of GetProducts with the values that must match
    :ivar unit: AWS's word for what the price is per
    :ivar usage: how the row's ``usagetype`` must end; empty for any. It begins with a
        short name of the region that no API tells
    """

    filters: Mapping[str, str]
    unit: str
    usage: str = ""


def question(what: str, region: str) -> Question:
    """What to ask: an instance type, :data:`DISK`, :data:`SNAPSHOT` or :data:`ADDRESS`.

    The filters of instance types are Karpenter's (pricing provider).
    """
    here = {"regionCode": region}
    if what == DISK:
        disk = {**here, "productFamily": "Storage", "volumeApiName": "gp3"}
        return Question({**disk, "serviceCode": "AmazonEC2"}, MONTH)
    if what == SNAPSHOT:
        family = {**here, "productFamily": "Storage Snapshot"}
        wanted = {**family, "serviceCode": "AmazonEC2"}
        return Question(wanted, MONTH, "EBS:SnapshotUsage")
    if what == ADDRESS:
        wanted = {**here, "serviceCode": "AmazonVPC"}
        return Question(wanted, HOUR, "PublicIPv4:InUseAddress")
    metal = ".metal" in what
    return Question(
        {
            **here,
            "serviceCode": "AmazonEC2",
            "instanceType": what,
            "preInstalledSw": "NA",
            "operatingSystem": "Linux",
            "capacitystatus": "Used",
            "marketoption": "OnDemand",
            "tenancy": "Dedicated" if metal else "Shared",
            "productFamily": (
                "Compute Instance (bare metal)" if metal else "Compute Instance"
            ),
        },
        HOUR,
    )


def read_price(rows: Iterable[str], asked: Question) -> float | None:
    """The one price in US dollars that rows agree on; None when it is not known.

    :param rows: ``PriceList`` of GetProducts' answers, of all pages
    """
    found = {price for row in rows for price in _prices(row, asked)}
    # Nothing that a hub uses is free: 0 is a row that is not meant.
    found.discard(0.0)
    return found.pop() if len(found) == 1 else None


def read_usd(text: Any) -> float:
    """A price in AWS's words, which is a decimal number; 0 for what is none."""
    try:
        price = float(text)
    except (ValueError, TypeError):
        return 0.0
    return max(price, 0.0) if math.isfinite(price) else 0.0


def _prices(row: str, asked: Question) -> Iterator[float]:
    try:
        read: Any = json.loads(row)
        usage = str(read["product"]["attributes"].get("usagetype", ""))
        if not usage.endswith(asked.usage):
            return
        for term in read["terms"]["OnDemand"].values():
            for dimension in term["priceDimensions"].values():
                price = read_usd(dimension["pricePerUnit"]["USD"])
                if dimension["unit"] == asked.unit:
                    yield price
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # another currency, another term, not what we know
