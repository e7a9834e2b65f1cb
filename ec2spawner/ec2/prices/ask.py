"""Asks AWS for prices: what is asked for by the hour, and spot markets as they are."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from ..clients import Lane
from .products import Question, read_price, read_usd

# Rows of one thing in one region: a few. More means that the question was wrong.
_MOST_PAGES = 3


async def ask_price(lane: Lane, asked: Question) -> float | None:
    """The price of one thing in US dollars; None when AWS does not tell one price.

    :param lane: of a region that has the price list (us-east-1, eu-central-1,
        ap-south-1)
    :raises EC2Error: when AWS does not answer, or denies it
    """
    filters = dict(asked.filters)
    service = filters.pop("serviceCode")

    def work(lane: Lane) -> float | None:
        rows: list[str] = []
        token = ""
        for _ in range(_MOST_PAGES):
            more: Any = {"NextToken": token} if token else {}
            answer = lane.pricing.get_products(
                ServiceCode=service,
                Filters=[
                    {"Type": "TERM_MATCH", "Field": field, "Value": value}
                    for field, value in filters.items()
                ],
                **more,
            )
            rows += answer.get("PriceList", [])
            token = answer.get("NextToken", "")
            if not token:
                return read_price(rows, asked)
        return None

    return await lane.run("GetProducts", work)


async def ask_spot_prices(
    lane: Lane, types: Iterable[str]
) -> dict[tuple[str, str], float]:
    """What spot machines cost now, in US dollars an hour, by (type, zone).

    :raises EC2Error: when EC2 does not answer, or denies it
    """
    now = datetime.fromtimestamp(time.time(), timezone.utc)
    wanted: Any = list(types)

    def work(lane: Lane) -> dict[tuple[str, str], float]:
        # With a start of now EC2 gives the prices that hold (EC2 API reference,
        # DescribeSpotPriceHistory).
        pages = lane.ec2.get_paginator("describe_spot_price_history").paginate(
            InstanceTypes=wanted,
            ProductDescriptions=["Linux/UNIX"],
            StartTime=now,
        )
        newest: dict[tuple[str, str], tuple[datetime, float]] = {}
        for row in (row for page in pages for row in page["SpotPriceHistory"]):
            key = row["InstanceType"], row["AvailabilityZone"]
            one = row["Timestamp"], read_usd(row["SpotPrice"])
            newest[key] = max(newest.get(key, one), one)
        return {key: price for key, (_, price) in newest.items() if price}

    return await lane.run("DescribeSpotPriceHistory", work) if wanted else {}
