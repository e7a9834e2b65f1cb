"""What was spent, by whom or on what."""

from __future__ import annotations

import pytest

from ec2spawner.costs.report import WAYS, in_all, report
from ec2spawner.costs.runs import Kind, Run, Who, bounds

SINCE, UNTIL = bounds("2026-11")
HOUR = 3600
DAY = 24 * HOUR


def run(id, who, began=0, hours=2, usd=1.0, kind=Kind.MACHINE, **more):
    at = int(SINCE) + began
    return Run(id, at, kind, ended=at + hours * HOUR, usd=usd, who=who, **more)


ALICE = Who("alice", "", "small", ("hydro", "snow"))
BOB = Who("bob", "lab", "large", ("snow",))
RUNS = [
    run("i-1", ALICE),
    run("i-2", BOB, began=DAY, usd=5.0),
    run("i-3", Who(), began=DAY),
    run("vol-1", ALICE, hours=730, usd=0.08, kind=Kind.HOME, size=100),
    run("i-4", BOB, usd=None, type="odd"),
    run("i-5", BOB, began=40 * DAY),  # not this month
]


def spent(by, runs=RUNS):
    lines = report(runs, by, UNTIL, SINCE, UNTIL)
    return {line.name: round(line.spent.usd, 2) for line in lines}


def test_by_user_the_dearest_first():
    # A November has 720 hours, and what is stored is priced by 730.
    assert spent("user") == {"bob": 10.0, "alice": 9.89, "(nobody)": 2.0}
    assert list(spent("user")) == ["bob", "alice", "(nobody)"]


def test_who_is_in_two_groups_is_in_both():
    assert spent("group") == {"snow": 19.89, "hydro": 9.89, "(none)": 2.0}


def test_by_profile_a_home_is_of_none_unless_it_was_told():
    runs = [run("i-1", ALICE), run("vol-1", Who("alice"), kind=Kind.HOME, size=100)]
    assert set(spent("profile", runs)) == {"small", "(home)"}


def test_by_day_in_order_and_they_add_up():
    days = spent("day")
    assert list(days)[:2] == ["2026-11-01", "2026-11-02"] and len(days) == 30
    everything = in_all(RUNS, UNTIL, SINCE, UNTIL)
    lines = report(RUNS, "day", UNTIL, SINCE, UNTIL)
    assert sum(line.spent.usd for line in lines) == pytest.approx(everything.spent.usd)
    assert sum(line.hours for line in lines) == pytest.approx(everything.hours)
    assert everything.hours == 8 and everything.spent.unknown == {"odd"}


@pytest.mark.parametrize("by", WAYS)
def test_of_nothing_there_is_no_line(by):
    assert report([], by, UNTIL, SINCE, UNTIL) == []
    assert report(RUNS, by, SINCE - 1, SINCE - DAY, SINCE - 1) == []
