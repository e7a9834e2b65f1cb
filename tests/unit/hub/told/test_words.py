import re
from dataclasses import replace

import pytest

from ec2spawner.hub.told.words import ROOM, Facts, announced, told

NOW = 1_800_000_000.0
MEDIUM = Facts(
    size="Medium",
    choice="Medium, Hydrology 2026.2",
    instance_type="m7i.xlarge",
    cpus=4,
    memory=16.0,
    market="on-demand",
    cost=0.45,
    rate=0.53,
    hourly="0.53 USD an hour",
    idle_timeout=3600.0,
)


def filled(text):
    """As a page shows it, with times of the longest kind."""
    values = {"left": "23 h 59 min", "at": "11:59 PM", "cost": "1234.56"}
    values["day"] = "30 September at 11:59 PM"
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], text)


def lines(facts):
    return [each["text"] for each in told(facts, NOW)["details"]]


@pytest.mark.parametrize(
    "changes, bar",
    [
        ({}, "Medium, {cost} USD so far, stops after 1 h idle"),
        ({"idle_timeout": 0.0}, "Medium, {cost} USD so far"),
        ({"cost": None, "rate": None}, "Medium, stops after 1 h idle"),
        ({"at_least": True, "idle_timeout": 0.0}, "Medium, at least {cost} USD so far"),
        ({"size": "", "idle_timeout": 0, "cost": None}, "Medium, Hydrology 2026.2"),
        ({"size": "", "choice": "", "idle_timeout": 0, "cost": None}, "m7i.xlarge"),
    ],
)
def test_the_bar_says_where_what_it_costs_and_when_it_stops(changes, bar):
    assert told(replace(MEDIUM, **changes), NOW)["bar"] == bar


def test_of_nothing_known_it_says_whose_it_is():
    assert told(Facts(), NOW)["bar"] == "Your machine"


def test_the_dialog_says_all_of_it():
    assert lines(MEDIUM) == [
        "Medium, Hydrology 2026.2 (m7i.xlarge, 4 CPUs, 16 GiB).",
        "{cost} USD so far, 0.53 USD an hour.",
        "It stops after 1 h without activity.",
        "When it stops: your home is kept, and all else on it is lost.",
    ]


@pytest.mark.parametrize(
    "changes, line",
    [
        ({"market": "spot"}, "spot: AWS may take it back at two minutes' notice."),
        ({"rate": None, "hourly": "", "cost": 0.0}, "Nobody knows its price."),
        ({"sleeps": "stop"}, "its disk is kept; what is in its memory is lost."),
        ({"sleeps": "hibernate"}, "its disk and what is in its memory are kept."),
        ({"has_home": False}, "nothing on it is kept, so save your work elsewhere."),
    ],
)
def test_the_dialog_says_what_is_special(changes, line):
    assert any(each.endswith(line) for each in lines(replace(MEDIUM, **changes)))


def test_a_life_that_ends_is_told_in_time_and_by_the_readers_clock():
    mortal = replace(MEDIUM, lifetime=43200.0, ends_at=NOW + 5400)
    found = told(mortal, NOW)
    [notice] = found["notices"]
    assert (notice["left"], notice["within"]) == (5400, 1800)
    assert "{left}" in notice["text"] and "{at}" in notice["text"]
    assert {"text": "It ends at the latest on {day}.", "left": 5400} in found["details"]
    short = replace(mortal, lifetime=3600.0)
    assert told(short, NOW)["notices"][0]["within"] == 360


@pytest.mark.parametrize("has_home", [True, False])
def test_what_the_machine_says_itself_says_what_is_kept(has_home):
    words = announced(has_home)
    assert set(words) == {"interruption", "rebalance"}
    kept = "Your home is kept" if has_home else "All on it is lost"
    assert kept in words["interruption"] and "Save your work" in words["interruption"]


@pytest.mark.parametrize("has_home", [True, False])
def test_a_notice_is_read_at_one_look(has_home):
    mortal = replace(MEDIUM, lifetime=43200.0, ends_at=NOW, has_home=has_home)
    texts = [each["text"] for each in told(mortal, NOW)["notices"]]
    for text in [*texts, *announced(has_home).values()]:
        assert len(filled(text)) <= ROOM, text
