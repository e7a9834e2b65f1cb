import re
from dataclasses import replace

import pytest

from ec2spawner.core.idleness import UNKNOWN, IdlePolicy, Limit, Step, Verdict
from ec2spawner.hub.told.words import ROOM, Facts, announced, line, told

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
    idle=IdlePolicy(3600.0, idle_warning=600.0, keep_seconds=7200.0),
    verdict=Verdict(Step.STAY, "python3 uses 3.1 CPUs"),
)
WARNED = replace(
    MEDIUM,
    verdict=Verdict(Step.WARN, "nobody", NOW + 594, Limit.IDLE, NOW - 3000),
    warned_at=NOW - 6,
    keep=7200.0,
)
NEVER = IdlePolicy()


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
        ({"idle": NEVER}, "Medium, {cost} USD so far"),
        ({"cost": None, "rate": None}, "Medium, stops after 1 h idle"),
        ({"at_least": True, "idle": NEVER}, "Medium, at least {cost} USD so far"),
        ({"size": "", "idle": NEVER, "cost": None}, "Medium, Hydrology 2026.2"),
        ({"size": "", "choice": "", "idle": NEVER, "cost": None}, "m7i.xlarge"),
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
        "It stops when nobody has used it and nothing has run on it for 1 h. When "
        "it last looked: python3 uses 3.1 CPUs.",
        "When it stops, your home is kept, and all else on it is lost.",
    ]


def test_of_a_machine_that_has_not_looked_yet_nothing_is_said():
    assert lines(replace(MEDIUM, verdict=UNKNOWN))[2].endswith("for 1 h.")


@pytest.mark.parametrize(
    "changes, line",
    [
        ({"market": "spot"}, "spot: AWS may take it back at two minutes' notice."),
        ({"rate": None, "hourly": "", "cost": 0.0}, "Nobody knows its price."),
        ({"sleeps": "stop"}, "its disk is kept; what is in its memory is lost."),
        ({"sleeps": "hibernate"}, "its disk and what is in its memory are kept."),
        ({"has_home": False}, "nothing on it is kept: save your work elsewhere."),
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
    last = {"text": "It stops at the latest on {day}.", "left": 5400}
    assert last in found["details"]
    short = replace(mortal, lifetime=3600.0)
    assert told(short, NOW)["notices"][0]["within"] == 360


@pytest.mark.parametrize("has_home", [True, False])
def test_what_the_machine_says_itself_says_what_is_kept(has_home):
    words = announced(has_home)
    assert set(words) == {"interruption", "rebalance"}
    kept = "Your home is kept" if has_home else "All on it is lost"
    assert kept in words["interruption"] and "Save your work" in words["interruption"]


# -- its use ---------------------------------------------------------------------


def test_who_is_warned_reads_why_how_long_there_is_and_what_is_lost():
    found = told(WARNED, NOW)
    assert (found["bar"], found["left"]) == ("Stops in {left}, {cost} USD so far", 594)
    assert {"text": "It stops at {at}.", "left": 594} in found["details"]
    first, last = found["notices"]
    assert first["text"] == (
        "Nobody has used this machine for 50 min, nothing runs: it stops in {left}. "
        "Your home is kept."
    )
    assert first["id"] != last["id"] and last["within"] == 120


def test_a_warning_stays_the_same_one_until_another_begins():
    """It would be shown anew each time."""
    later = replace(WARNED.verdict, at=WARNED.verdict.at + 1)
    for same in (WARNED, replace(WARNED, verdict=later)):
        assert told(same, NOW + 30)["notices"][0]["id"] == f"idle-{NOW - 6:.0f}"
    again = replace(WARNED, warned_at=NOW + 9)
    assert told(again, NOW)["notices"][0]["id"] == f"idle-{NOW + 9:.0f}"


def test_keep_says_what_it_gives_and_costs():
    button = {"label": "Keep for 2 h (1.06 USD)", "ask": {"keep": 7200}}
    found = told(WARNED, NOW)
    assert found["actions"] == found["notices"][0]["actions"] == [button]
    free = told(replace(WARNED, cost=None, rate=None), NOW)
    assert free["actions"][0]["label"] == "Keep for 2 h"
    assert told(MEDIUM, NOW)["actions"] == []


def test_nothing_holds_off_the_end_of_a_servers_age():
    aged = replace(WARNED.verdict, limit=Limit.AGE)
    assert all(
        each["actions"] == []
        for each in told(replace(WARNED, verdict=aged), NOW)["notices"]
    )


def test_who_has_kept_it_reads_until_when():
    found = told(replace(MEDIUM, kept_until=NOW + 7200), NOW)
    assert found["bar"] == "Medium, {cost} USD so far, kept until {at}"
    assert found["left"] == 7200
    assert {"text": "It is kept until {day}.", "left": 7200} in found["details"]
    assert "kept until" not in told(replace(MEDIUM, kept_until=NOW - 1), NOW)["bar"]


def test_the_first_of_two_ends_is_told():
    idle = IdlePolicy(max_age=7200.0)
    old = replace(MEDIUM, idle=idle, ready_at=NOW - 3600, ends_at=NOW + 5400)
    [found] = [each for each in told(old, NOW)["details"] if "latest" in each["text"]]
    assert found["left"] == 3600


@pytest.mark.parametrize(
    "text, marked, left",
    [
        ("It stopped at 08:05 UTC: save.", "It stopped at {at}: save.", 300),
        ("It was on 15 January at about 07:00 UTC.", "It was on {day}.", -3600),
        ("No time at all.", "No time at all.", None),
    ],
)
def test_a_time_in_a_sentence_is_by_the_readers_clock(text, marked, left):
    # 15 January 2027, 08:00 UTC
    found = line(text, NOW, id="x")
    assert (found["text"], found.get("left"), found["id"]) == (marked, left, "x")


# -- room ------------------------------------------------------------------------


@pytest.mark.parametrize("limit", list(Limit))
@pytest.mark.parametrize("sleeps", ["", "stop", "hibernate"])
@pytest.mark.parametrize("has_home", [True, False])
def test_a_notice_is_read_at_one_look(limit, sleeps, has_home):
    verdict = replace(WARNED.verdict, limit=limit)
    mortal = replace(WARNED, lifetime=43200.0, ends_at=NOW, has_home=has_home)
    idle = replace(WARNED.idle, busy_limit=85000.0, max_age=85000.0)
    mortal = replace(mortal, verdict=verdict, sleeps=sleeps, idle=idle)
    texts = [each["text"] for each in told(mortal, NOW)["notices"]]
    assert len(texts) == 3
    for text in [*texts, *announced(has_home).values()]:
        assert len(filled(text)) <= ROOM, text
