import pytest

from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.words import UNKNOWN, dollars, machine_costs
from ec2spawner.profiles.profile import Choice, Option, Profile

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


def cost(override=None, **settings):
    profile = Profile("a", "A", override=override or {})
    return machine_costs([profile], {**SETTINGS, **settings}.get, PRICES)[("a",)]


@pytest.mark.parametrize(
    "override, words",
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
def test_a_machines_cost_is_that_of_its_dearest_type(override, words):
    assert cost(override) == words


def test_a_spot_machine_costs_what_it_does_now_and_may_end():
    words = cost({"market": "spot"})
    assert words.startswith("0.007 USD an hour at the moment")
    assert "two minutes" in words


def test_a_profile_that_names_one_type_does_not_cost_what_the_hubs_list_does():
    listed = {"instance_types": ["t3.small", "m7i.xlarge"]}
    assert cost({"instance_type": "t3.small"}, **listed) == "0.021 USD an hour"
    assert cost({}, **listed) == "up to 0.20 USD an hour"


def test_where_choices_say_what_they_cost_their_profile_does_not():
    large = Choice("l", "L", override={"instance_type": "m7i.xlarge"})
    size = Option("size", "Size", choices=(Choice("s", "S"), large))
    profile = Profile("a", "A", options=(size,))
    assert machine_costs([profile], SETTINGS.get, PRICES) == {
        ("a", "size", "l"): "0.20 USD an hour"
    }


def test_a_hub_that_speaks_of_no_prices_shows_none():
    assert machine_costs([Profile("a", "A")], SETTINGS.get, None) == {}


def test_small_amounts_say_something_too():
    assert [dollars(usd) for usd in (12.0, 0.0952, 0.0116)] == [
        "12.00 USD",
        "0.10 USD",
        "0.012 USD",
    ]
