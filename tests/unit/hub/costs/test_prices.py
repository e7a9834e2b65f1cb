"""AWS's price list may be down, slow, or lie: the form opens, with what is known."""

import asyncio
import json
import logging
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from ec2spawner.ec2.clients import Account
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.errors.table import meaning_of
from ec2spawner.hub.costs import prices as module
from ec2spawner.hub.costs.prices import wanted_types
from ec2spawner.settings import LaunchSettings
from ec2spawner.spawner import EC2Spawner

from ...form.form_of_sizes import card, form

REGION = "us-west-2"
SMALL, GPU = "t3.medium", "g4dn.xlarge"
NOW = datetime.now(timezone.utc)


def row(usd="0.0416", currency="USD", unit="Hrs"):
    dimension = {"unit": unit, "pricePerUnit": {currency: usd}}
    return json.dumps(
        {
            "product": {"attributes": {"usagetype": "BoxUsage:x"}},
            "terms": {"OnDemand": {"A": {"priceDimensions": {"A.1": dimension}}}},
        }
    )


def spot(name, usd, zone="a", age=0):
    when = NOW - timedelta(seconds=age)
    return {
        "InstanceType": name,
        "AvailabilityZone": REGION + zone,
        "SpotPrice": usd,
        "Timestamp": when,
    }


class AWS:
    """A lane to AWS that answers as it is told to.

    :ivar rows: instance type -> rows of the price list
    """

    def __init__(self):
        self.rows, self.spot, self.answers = {}, [], asyncio.Event()
        self.answers.set()
        self.trouble = {}
        self.asked = []
        self.pricing = self.ec2 = self

    async def run(self, action, work):
        self.asked.append(action)
        await self.answers.wait()
        if error := self.trouble.get(action):
            raise error
        return work(self)

    def get_products(self, ServiceCode, Filters, **more):
        filters = {each["Field"]: each["Value"] for each in Filters}
        rows = self.rows.get(filters.get("instanceType", ""), [])
        return {"PriceList": rows}

    def get_paginator(self, name):
        pages = [{"SpotPriceHistory": self.spot}]
        return SimpleNamespace(paginate=lambda **asked: pages)


@pytest.fixture
def aws():
    made = AWS()
    made.rows = {SMALL: [row()], GPU: [row("0.526")]}
    return made


@pytest.fixture
def prices(aws, tmp_path, monkeypatch):
    def clients(account):
        return SimpleNamespace(reading=aws, account=account, close=lambda: None)

    monkeypatch.setattr(module, "Clients", clients)
    settings = LaunchSettings(
        prices_file=str(tmp_path / "prices.json"), instance_types=[SMALL, GPU]
    )
    return module.Prices(settings, logging.getLogger("prices"))


def refresh(prices, *regions):
    return prices.refresh([Account(each) for each in regions or (REGION,)])


async def of_small(prices):
    page = await form(known={"prices": prices.known})
    assert "0.53 USD" in card(page, "gpu")[0]
    return card(page, "small")[0]


async def test_the_form_says_what_aws_has_told(prices):
    await refresh(prices)
    assert "0.042 USD" in await of_small(prices)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row("0.0000000000")],
        [row("a song")],
        [row("Infinity")],
        [row(currency="CNY")],
        [row("0.0416"), row("0.0999")],
        [row(unit="Quantity")],
        ["no JSON"],
    ],
    ids=["none", "zero", "text", "inf", "yuan", "two", "another unit", "garbage"],
)
async def test_a_price_list_that_lies_makes_a_price_unknown_and_no_other(
    prices, aws, rows
):
    aws.rows[SMALL] = rows
    await refresh(prices)
    told = await of_small(prices)
    assert "price unknown" in told and "0.00" not in told


async def test_a_spot_price_that_is_none_is_unknown_and_no_other(prices, aws):
    aws.spot = [spot(SMALL, "free"), spot(SMALL, "0.0125", "b"), spot(GPU, "inf")]
    await refresh(prices)
    assert prices.known.spot(REGION, SMALL).usd == 0.0125
    assert prices.known.spot(REGION, SMALL, f"{REGION}a") is None
    assert prices.known.spot(REGION, GPU) is None
    assert prices.known.of(REGION, GPU).usd == 0.526


async def test_the_form_does_not_wait_for_a_price_list_that_is_slow(prices, aws):
    aws.answers.clear()
    asking = asyncio.ensure_future(refresh(prices))
    await asyncio.sleep(0)
    page = await form(known={"prices": prices.known})
    assert aws.asked and not asking.done()
    assert "price unknown" in card(page, "small")[0] and "USD" not in page
    aws.answers.set()
    await asking
    assert "0.042 USD" in await of_small(prices)


DENIED = EC2Error("x", "AccessDenied", "", meaning_of("AccessDenied"))


async def test_while_the_price_list_is_down_what_was_known_is_told(prices, aws):
    aws.trouble = {"GetProducts": DENIED}
    with pytest.raises(EC2Error):
        await refresh(prices)
    assert "price unknown" in card(await form(known={"prices": prices.known}), "gpu")[0]
    aws.trouble = {}
    await refresh(prices)
    aws.trouble = {"GetProducts": DENIED, "DescribeSpotPriceHistory": DENIED}
    with pytest.raises(EC2Error):
        await refresh(prices)
    assert "0.042 USD" in await of_small(prices)


async def test_what_one_call_does_not_tell_costs_nothing_that_others_do(prices, aws):
    aws.trouble = {"DescribeSpotPriceHistory": DENIED}
    with pytest.raises(EC2Error):
        await refresh(prices, REGION, "eu-west-1")
    for region in (REGION, "eu-west-1"):
        assert prices.known.of(region, SMALL).usd == 0.0416
    assert module.read_price_list(prices._settings).read == prices.known.read


async def test_a_price_is_asked_for_once_a_day_and_a_spot_market_each_time(prices, aws):
    for _ in range(2):
        await refresh(prices)
    once = [SMALL, GPU]
    # What AWS has not told is asked for again: disks, snapshots, addresses.
    assert aws.asked.count("GetProducts") == len(once) + 2 * 3
    assert aws.asked.count("DescribeSpotPriceHistory") == 2


def test_the_price_of_builders_is_wanted_where_there_may_be_any():
    settings = {"instance_type": "t3.small", "build_instance_type": "m5.large"}
    assert wanted_types(EC2Spawner(**settings)) == {"t3.small"}
    sources = {"build_sources": ["https://example.org/lab/*"]}
    found = wanted_types(EC2Spawner(**settings, **sources))
    assert found == {"t3.small", "m5.large"}
