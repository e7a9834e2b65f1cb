import json

import pytest

from ec2spawner.ec2.prices.products import (
    ADDRESS,
    DISK,
    HOUR,
    MONTH,
    SNAPSHOT,
    Question,
    question,
    read_price,
)

ASKED = Question({}, HOUR)


def row(price="0.2016000000", unit="Hrs", currency="USD", usage="BoxUsage:m7i.xlarge"):
    dimension = {"unit": unit, "pricePerUnit": {currency: price}}
    return json.dumps(
        {
            "product": {"attributes": {"usagetype": usage}},
            "terms": {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}},
        }
    )


def test_one_price_is_believed_however_often_it_is_told():
    assert read_price([row()], ASKED) == 0.2016
    assert read_price([row(), row()], ASKED) == 0.2016


@pytest.mark.parametrize(
    "beside",
    [
        row("0.0000000000"),
        row("1.5", currency="CNY"),
        row("0.08", unit="GB-Mo"),
        row("nothing"),
        row("NaN"),
        row("-Infinity"),
        '{"product": {"attributes": {}}, "terms": {"Reserved": {}}}',
        "{}",
        "[]",
        "null",
        "",
        "[" * 100_000,
    ],
)
def test_rows_that_are_not_meant_change_nothing(beside):
    assert read_price([beside, row()], ASKED) == 0.2016
    assert read_price([beside], ASKED) is None


def test_two_prices_are_none():
    assert read_price([row("0.2016"), row("1.1")], ASKED) is None
    assert read_price([], ASKED) is None


def test_what_rows_are_about_is_seen_by_the_end_of_their_usage():
    asked = question(ADDRESS, "us-west-2")
    rows = [
        row("0.005", usage="USW2-PublicIPv4:InUseAddress"),
        row("0.006", usage="USW2-PublicIPv4:IdleAddress"),
    ]
    assert read_price(rows, asked) == 0.005


def test_machines_are_asked_for_as_most_people_rent_them():
    filters = question("m7i.xlarge", "eu-west-1").filters
    assert filters["instanceType"] == "m7i.xlarge"
    assert filters["regionCode"] == "eu-west-1"
    assert (filters["tenancy"], filters["capacitystatus"]) == ("Shared", "Used")
    metal = question("m7i.metal-24xl", "eu-west-1").filters
    assert metal["productFamily"] == "Compute Instance (bare metal)"


def test_what_is_stored_is_paid_by_the_month():
    assert question(DISK, "us-west-2").unit == MONTH
    assert question(SNAPSHOT, "us-west-2").usage == "EBS:SnapshotUsage"
