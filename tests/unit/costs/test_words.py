import pytest

from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.words import UNKNOWN, dollars, machine_cost

HERE = "us-west-2"
SETTINGS = {
    "region": HERE,
    "market": "on-demand",
    "instance_type": "t3.small",
    "instance_types": [],
}
PRICES = PriceList().with_read(
    HERE,
    {"t3.small": 0.0208, "m7i.xlarge": 0.2016, "t3.small:spot:us-west-2a": 0.007},
    5,
)


def cost(**settings):
    return machine_cost({**SETTINGS, **settings}.get, PRICES)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({}, "0.021 USD an hour"),
        ({"instance_type": "m7i.xlarge"}, "0.20 USD an hour"),
        ({"instance_types": ["t3.small", "m7i.xlarge"]}, "up to 0.20 USD an hour"),
        ({"market": "spot-then-on-demand"}, "up to 0.021 USD an hour"),
        ({"instance_type": "p5.48xlarge"}, UNKNOWN),
        ({"instance_types": ["t3.small", "p5.48xlarge"]}, UNKNOWN),
        ({"instance_type": lambda spawner: "t3.small"}, UNKNOWN),
        ({"region": "eu-west-1"}, UNKNOWN),
    ],
)
def test_a_machines_cost_is_that_of_its_dearest_type(settings, words):
    assert cost(**settings) == words


def test_a_spot_machine_costs_what_it_does_now_and_may_end():
    words = cost(market="spot")
    assert words.startswith("0.007 USD an hour at the moment")
    assert "two minutes" in words


def test_small_amounts_say_something_too():
    assert [dollars(usd) for usd in (12.0, 0.0952, 0.0116)] == [
        "12.00 USD",
        "0.10 USD",
        "0.012 USD",
    ]
