"""The price list API, with invented prices and AWS's own traps.

Rows have AWS's shape. Besides the one that is meant there are those that a careless
reader takes: of a capacity reservation (0.00), of dedicated hardware, in yuan.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Protocol
from xml.sax.saxutils import escape

from ..errors import AwsError
from ..requests.request import ApiRequest
from .instance_actions import xml

#: it says of each row that nobody pays this
_INVENTED = "Invented by the local EC2"
#: how many times a small one
_SIZES = {"nano": 0.25, "micro": 0.5, "small": 1.0, "medium": 2.0, "large": 4.0}


class World(Protocol):
    backend: Any


def answer(request: ApiRequest) -> bytes:
    """GetProducts: the rows that fit all filters, in one page."""
    if request.action != "GetProducts":
        raise AwsError(
            "UnrecognizedClientException", f"{request.action} is not served here."
        )
    asked = json.loads(request.body or b"{}")
    filters = {each["Field"]: each["Value"] for each in asked.get("Filters", [])}
    service = asked.get("ServiceCode", "")
    rows = [row for row in _rows(service, filters) if _fits(row, filters)]
    return json.dumps(
        {"FormatVersion": "aws_v1", "PriceList": [json.dumps(row) for row in rows]}
    ).encode()


def spot_price_history(request: ApiRequest, world: World) -> bytes:
    """DescribeSpotPriceHistory: what holds now, and an older price beside it."""
    now = time.time()
    zones = [zone.name for zone in world.backend.describe_availability_zones()]
    rows = [
        (name, zone, share, now - age)
        for name in request.numbered("InstanceType")
        for zone, share in zip(zones, (0.3, 0.32, 0.35))
        for share, age in ((share, 60.0), (0.9, 7200.0))
    ]
    found = "".join(
        "<item>"
        f"<instanceType>{escape(name)}</instanceType>"
        "<productDescription>Linux/UNIX</productDescription>"
        f"<spotPrice>{share * invented(name):.6f}</spotPrice>"
        f"<timestamp>{_time(at)}</timestamp>"
        f"<availabilityZone>{zone}</availabilityZone>"
        "</item>"
        for name, zone, share, at in rows
    )
    return xml(
        "DescribeSpotPriceHistory",
        f"<spotPriceHistorySet>{found}</spotPriceHistorySet><nextToken/>",
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


ACTIONS: dict[str, Any] = {"DescribeSpotPriceHistory": spot_price_history}


def _fits(row: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    attributes = {**row["product"]["attributes"]}
    attributes["productFamily"] = row["product"]["productFamily"]
    return all(attributes.get(field) == value for field, value in filters.items())


def invented(what: str) -> float:
    """A price an hour that is nobody's, and grows with the size as AWS's do."""
    family, _, size = what.partition(".")
    number = re.match(r"\d*", size)
    times = float(number.group() or 1) if number else 1.0
    factor = _SIZES.get(size.lstrip("0123456789").partition("-")[0], 8.0) * times
    # Families differ, by no more than a half.
    return round(0.012 * factor * (1 + zlib.crc32(family.encode()) % 50 / 100), 4)


def _rows(service: str, filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    region = filters.get("regionCode", "")
    if service == "AmazonVPC":
        yield _row(region, "", "USW2-PublicIPv4:InUseAddress", "Hrs", 0.005, {})
        yield _row(region, "", "USW2-PublicIPv4:IdleAddress", "Hrs", 0.006, {})
        return
    gp3 = {"volumeApiName": "gp3"}
    yield _row(region, "Storage", "USW2-EBS:VolumeUsage.gp3", "GB-Mo", 0.081, gp3)
    yield _row(region, "Storage Snapshot", "USW2-EBS:SnapshotUsage", "GB-Mo", 0.051, {})
    yield _row(
        region, "Storage Snapshot", "USW2-EBS:SnapshotArchiveStorage", "GB-Mo", 0.02, {}
    )
    if name := filters.get("instanceType"):
        yield from _machine_rows(region, name)


def _machine_rows(region: str, name: str) -> Iterator[dict[str, Any]]:
    price = invented(name)
    linux = {
        "instanceType": name,
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "marketoption": "OnDemand",
        "capacitystatus": "Used",
        "tenancy": "Shared",
    }
    family = "Compute Instance"
    yield _row(region, family, f"USW2-BoxUsage:{name}", "Hrs", price, linux)
    # As AWS's list has them: a reservation that is used costs nothing more.
    yield _row(region, family, f"USW2-Reservation:{name}", "Hrs", 0.0, linux)
    dedicated = {**linux, "tenancy": "Dedicated"}
    yield _row(
        region, family, f"USW2-DedicatedUsage:{name}", "Hrs", 1.1 * price, dedicated
    )
    windows = {**linux, "operatingSystem": "Windows"}
    yield _row(region, family, f"USW2-BoxUsage:{name}", "Hrs", 2 * price, windows)
    yield _row(
        region, family, f"USW2-BoxUsage:{name}", "Hrs", 7 * price, linux, currency="CNY"
    )


def _row(
    region: str,
    family: str,
    usage: str,
    unit: str,
    price: float,
    attributes: Mapping[str, str],
    currency: str = "USD",
) -> dict[str, Any]:
    sku = f"{zlib.crc32(f'{usage}{attributes}{currency}'.encode()):016X}"
    dimension = {
        "unit": unit,
        "description": _INVENTED,
        "pricePerUnit": {currency: f"{price:.10f}"},
    }
    return {
        "product": {
            "productFamily": family,
            "attributes": {"regionCode": region, "usagetype": usage, **attributes},
            "sku": sku,
        },
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {sku: {"priceDimensions": {f"{sku}.1": dimension}}}},
    }
