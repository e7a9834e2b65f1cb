import pytest

from ec2spawner.costs.price_list import (
    ADMIN,
    AWS,
    Price,
    PriceList,
    from_json,
    to_json,
)

HERE = "us-west-2"


def test_an_admins_price_counts_more_than_awss_and_one_for_a_region_most():
    given = {"t3.small": 1.0, f"{HERE}:t3.large": 2.0, "t3.large": 3.0}
    prices = PriceList({}, given).with_read(HERE, {"t3.small": 9.0, "t3.nano": 8.0}, 5)
    assert prices.of(HERE, "t3.small") == Price(1.0, ADMIN)
    assert prices.of(HERE, "t3.large") == Price(2.0, ADMIN)
    assert prices.of("eu-west-1", "t3.large") == Price(3.0, ADMIN)
    assert prices.of(HERE, "t3.nano") == Price(8.0, AWS, 5)
    assert prices.of("eu-west-1", "t3.nano") is None


def test_a_spot_price_is_the_zones_or_the_dearest():
    told = {"t3.small:spot:us-west-2a": 0.1, "t3.small:spot:us-west-2b": 0.2}
    prices = PriceList().with_read(HERE, told, 5)
    assert prices.spot(HERE, "t3.small").usd == 0.2
    assert prices.spot(HERE, "t3.small", "us-west-2a").usd == 0.1
    assert prices.spot(HERE, "t3.small", "us-west-2c") is None
    assert prices.spot(HERE, "t3.sm") is None
    assert PriceList(given={"t3.small:spot": 0.3}).spot(HERE, "t3.small").usd == 0.3


def test_what_aws_does_not_tell_again_is_still_known():
    prices = PriceList().with_read(HERE, {"a": 1.0, "b": 2.0}, 5)
    prices = prices.with_read(HERE, {"a": 3.0}, 6)
    assert (prices.of(HERE, "a").usd, prices.of(HERE, "b")) == (3.0, Price(2.0, AWS, 5))


def test_only_what_nobody_has_told_lately_is_asked_for():
    prices = PriceList(given={"ours": 1.0}).with_read(HERE, {"old": 1.0}, 5)
    prices = prices.with_read(HERE, {"new": 1.0}, 50)
    assert prices.stale(HERE, ["ours", "old", "new", "none"], 10) == ["old", "none"]


def test_a_file_says_what_was_read_and_not_what_an_admin_has_set():
    prices = PriceList(given={"a": 1.0}).with_read(HERE, {"b": 2.0}, 5)
    again = from_json(to_json(prices), {"c": 3.0})
    assert again.read == prices.read
    assert again.of(HERE, "a") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"regions": 7}',
        '{"regions": {"r": {"t": {"usd": "x"}}}}',
        "null",
    ],
)
def test_a_file_that_cannot_be_read_tells_nothing(text):
    assert from_json(text, {"a": 1.0}) == PriceList({}, {"a": 1.0})
