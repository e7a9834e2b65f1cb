"""Budgets: what an admin writes, and what follows from what was spent."""

from __future__ import annotations

import pytest

from ec2spawner.costs.budget import (
    Budget,
    Budgets,
    Decision,
    Scope,
    Step,
    Use,
    decide,
    step,
)
from ec2spawner.costs.spent import Spent

MINE = Budget(Scope.USER, 60.0, "alice")
GROUPS = Budget(Scope.GROUP, 500.0, "hydro")
OTHER = Budget(Scope.GROUP, 10.0, "snow")
HUB = Budget(Scope.HUB, 1000.0)


def use(budget, usd, **more):
    return Use(budget, Spent(machines=usd / 2, storage=usd / 2, **more))


@pytest.mark.parametrize(
    "usd, level, full",
    [
        (0, 0, False),
        (29.9, 0, False),
        (30, 50, False),
        (44.9, 50, False),
        (45, 75, False),
        (54, 90, False),
        (59.99, 90, False),
        (60, 100, True),
        (600, 100, True),
    ],
)
def test_levels(usd, level, full):
    assert (use(MINE, usd).level, use(MINE, usd).full) == (level, full)


def test_a_budget_of_nothing_is_used_up():
    assert use(Budget(Scope.USER, 0.0), 0).full


DECISIONS = {
    "nothing is spent": ([use(MINE, 0), use(HUB, 0)], None, []),
    "one is told": ([use(MINE, 31), use(HUB, 0)], None, [MINE]),
    "each scope is told": ([use(MINE, 31), use(HUB, 900)], None, [MINE, HUB]),
    "of groups the fullest": ([use(GROUPS, 300), use(OTHER, 9)], None, [OTHER]),
    "full": ([use(MINE, 60), use(HUB, 60)], MINE, [MINE]),
    "full for the group": ([use(MINE, 1), use(GROUPS, 500)], GROUPS, [GROUPS]),
    "full for the hub": ([use(MINE, 1), use(HUB, 2000)], HUB, [HUB]),
    "full twice": ([use(MINE, 60), use(HUB, 2000)], MINE, [MINE, HUB]),
    "none at all": ([], None, []),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_what_follows(case):
    uses, refused_by, told = DECISIONS[case]
    decision = decide(uses)
    assert [each.budget for each in decision.told] == told
    by = decision.refused_by
    assert (by.budget if by else None) == refused_by


def test_from_what_has_no_price_nothing_follows_but_words():
    unknown = frozenset({"p5.48xlarge"})
    decision = decide([Use(MINE, Spent(unknown=unknown)), use(HUB, 1)])
    assert decision == Decision(unknown=unknown)


@pytest.mark.parametrize(
    "since, now, wanted",
    [
        (0, 1000, Step.NOTHING),
        (100, 100, Step.WARN),
        (100, 999, Step.WARN),
        (100, 1000, Step.STOP),
        (100, 9999, Step.STOP),
    ],
)
def test_a_server_has_time_between_the_warning_and_the_stop(since, now, wanted):
    assert step(since, now, 900) is wanted


def budgets_of(raw, user="alice", groups=("hydro",)):
    return [
        (b.scope.value, b.name, b.usd, b.monthly) for b in Budgets(raw).of(user, groups)
    ]


@pytest.mark.parametrize(
    "raw, wanted",
    [
        ({}, []),
        ({"user": 60}, [("user", "alice", 60.0, True)]),
        ({"user": 60, "user:alice": 5.5}, [("user", "alice", 5.5, True)]),
        ({"user": 60, "user:bob": 5}, [("user", "alice", 60.0, True)]),
        ({"group:hydro": 5, "group:snow": 7}, [("group", "hydro", 5.0, True)]),
        ({"group": 9}, [("group", "hydro", 9.0, True)]),
        ({"hub": {"usd": 9, "per": "all"}}, [("hub", "", 9.0, False)]),
        (
            {"user": [1, {"usd": 9, "per": "all"}]},
            [("user", "alice", 1.0, True), ("user", "alice", 9.0, False)],
        ),
        ({"user:a:b": 1}, []),
    ],
)
def test_what_an_admin_writes(raw, wanted):
    assert budgets_of(raw) == wanted
    assert bool(Budgets(raw)) is bool(raw)


@pytest.mark.parametrize(
    "raw",
    [
        {"users": 1},
        {"user:": 1},
        {"hub:x": 1},
        {"user": "60"},
        {"user": -1},
        {"user": True},
        {"user": None},
        {"user": float("nan")},
        {"user": float("inf")},
        {"user": {"usd": 1, "per": "week"}},
        {"user": {"usd": 1, "of": 2}},
        {"user": [1, "2"]},
        {7: 1},
    ],
)
def test_what_is_no_budget_is_refused_with_the_reason(raw):
    with pytest.raises(ValueError, match="is no budget|is nobody"):
        Budgets(raw)


def test_names():
    assert str(MINE) == "user alice, 60.00 USD a month"
    assert str(Budget(Scope.HUB, 5000, monthly=False)) == "hub, 5000.00 USD in all"
    assert GROUPS.whose == "The budget of your group 'hydro'"
