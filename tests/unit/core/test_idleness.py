"""What the Hub makes of a machine's word: a table, and what holds of all of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.core.idleness import (
    BEAT,
    IdlePolicy,
    Limit,
    Seen,
    Step,
    decide,
    prolonged,
)

HOUR, MINUTE = 3600.0, 60.0
NOW = 1_795_000_000.0
DAY_AGO = NOW - 24 * HOUR
POLICY = IdlePolicy(
    idle_timeout=HOUR, idle_warning=600, keep_seconds=2 * HOUR, keep_limit=8 * HOUR
)
KEPT = NOW + HOUR


def seen(human, compute, sees_people=True, age=10.0, **more):
    why = () if compute else ("python3 uses 3.1 CPUs",)
    return Seen(human, compute, why, sees_people, at=NOW - age, **more)


def asked(
    policy=POLICY, saw=None, since=DAY_AGO, active=0.0, kept=0.0, warned=NOW - HOUR
):
    return decide(policy, saw, since, active, kept, NOW, warned)


BUSY = replace(POLICY, busy_limit=12 * HOUR)
AGED = replace(POLICY, max_age=20 * HOUR)


@pytest.mark.parametrize(
    "what, given, step, limit",
    [
        ("nobody knows", {}, Step.STAY, None),
        ("somebody types", {"saw": seen(5, HOUR)}, Step.STAY, Limit.IDLE),
        ("something runs", {"saw": seen(9 * HOUR, 0)}, Step.STAY, Limit.IDLE),
        ("idle for 45 min", {"saw": seen(2700, 2700)}, Step.STAY, Limit.IDLE),
        ("idle for 50 min", {"saw": seen(3000, 3000)}, Step.WARN, Limit.IDLE),
        ("idle for an hour", {"saw": seen(HOUR, HOUR)}, Step.STOP, Limit.IDLE),
        (
            "idle, and not warned",
            {"saw": seen(HOUR, HOUR), "warned": 0.0},
            Step.WARN,
            Limit.IDLE,
        ),
        (
            "idle, and warned a minute ago",
            {"saw": seen(HOUR, HOUR), "warned": NOW - MINUTE},
            Step.WARN,
            Limit.IDLE,
        ),
        (
            "idle, by an old word",
            {"saw": seen(HOUR, HOUR, age=200)},
            Step.STAY,
            Limit.IDLE,
        ),
        ("kept", {"saw": seen(HOUR, HOUR), "kept": KEPT}, Step.STAY, Limit.IDLE),
        (
            "kept until now",
            {"saw": seen(HOUR, HOUR), "kept": NOW},
            Step.STOP,
            Limit.IDLE,
        ),
        (
            "an open tab where people cannot be seen",
            {"saw": seen(HOUR, HOUR, False), "active": NOW - 20},
            Step.STAY,
            Limit.IDLE,
        ),
        (
            "an open tab where people can be seen",
            {"saw": seen(HOUR, HOUR), "active": NOW - 20},
            Step.STOP,
            Limit.IDLE,
        ),
        (
            "a culler's silent kernel, people cannot be seen",
            {"saw": seen(HOUR, 0, False), "active": NOW - 9 * HOUR},
            Step.STAY,
            Limit.IDLE,
        ),
        (
            "no idle time",
            {"policy": IdlePolicy(), "saw": seen(9 * HOUR, 9 * HOUR)},
            Step.STAY,
            None,
        ),
        (
            "forgotten and busy",
            {"policy": BUSY, "saw": seen(12 * HOUR, 0)},
            Step.STOP,
            Limit.BUSY,
        ),
        (
            "busy for 11 hours",
            {"policy": BUSY, "saw": seen(11 * HOUR, 0)},
            Step.STAY,
            Limit.BUSY,
        ),
        (
            "forgotten, busy and kept",
            {"policy": BUSY, "saw": seen(12 * HOUR, 0), "kept": KEPT},
            Step.STAY,
            Limit.BUSY,
        ),
        ("too old", {"policy": AGED, "saw": seen(5, 0)}, Step.STOP, Limit.AGE),
        ("too old and unknown", {"policy": AGED}, Step.STOP, Limit.AGE),
        (
            "too old and kept",
            {"policy": AGED, "saw": seen(5, 0), "kept": KEPT},
            Step.STOP,
            Limit.AGE,
        ),
        (
            "too old, and idle by an old word",
            {"policy": AGED, "saw": seen(HOUR, HOUR, age=9 * HOUR)},
            Step.STOP,
            Limit.AGE,
        ),
        (
            "just started",
            {"saw": seen(HOUR, HOUR), "since": NOW - MINUTE},
            Step.STAY,
            Limit.IDLE,
        ),
    ],
)
def test_what_is_to_be_done(what, given, step, limit):
    verdict = asked(**given)
    assert (verdict.step, verdict.limit) == (step, limit), verdict


@pytest.mark.parametrize(
    "given, why",
    [
        ({}, "its machine has not said yet whether it is used"),
        ({"saw": seen(HOUR, 0)}, "python3 uses 3.1 CPUs"),
        ({"saw": seen(5, HOUR)}, "somebody has used it"),
        ({"saw": seen(HOUR, 5)}, "something has run on it"),
        (
            {"saw": seen(3590, 3590)},
            "nobody has used it and nothing has run on it for 1 h",
        ),
        (
            {"policy": BUSY, "saw": seen(12 * HOUR, 0)},
            "nobody has used it for 12 h, although something runs on it",
        ),
        (
            {"policy": AGED, "saw": seen(5, 0)},
            "it has run for 20 h, which is as long as it may",
        ),
        (
            {"saw": seen(HOUR, HOUR, age=200)},
            "its machine has said nothing new, and may be used",
        ),
    ],
)
def test_every_verdict_says_why(given, why):
    assert asked(**given).why == why


def test_a_verdict_says_when_the_server_stops_and_since_when_it_is_idle():
    verdict = asked(saw=seen(3000, 3000))
    assert verdict.at == NOW - 10 - 3000 + HOUR + 0
    assert verdict.idle_since == NOW - 10 - 3000
    assert asked(saw=seen(HOUR, 0)).idle_since == 0


def test_a_short_idle_time_is_warned_of_for_half_of_it():
    short = replace(POLICY, idle_timeout=10 * MINUTE)
    assert asked(short, seen(290, 290, age=0)).step is Step.STAY
    assert asked(short, seen(301, 301, age=0)).step is Step.WARN


@pytest.mark.parametrize(
    "idle, beat", [(0, BEAT), (2600, BEAT), (2670, 300), (2820, 150), (3000, 30)]
)
def test_a_machine_speaks_more_often_before_its_user_is_warned(idle, beat):
    verdict = asked(saw=seen(idle, idle or HOUR, age=0))
    assert verdict.next_beat(POLICY, NOW) == pytest.approx(beat)


# -- what holds of whatever there may be ---------------------------------------------

times = st.floats(0, 1e7)
policies = st.builds(IdlePolicy, *[st.just(0.0) | st.floats(1, 1e6)] * 6)
sights = st.builds(
    Seen,
    times,
    times,
    st.sampled_from([(), ("it runs",)]),
    st.booleans(),
    at=times.map(lambda age: NOW - age),
)
moments = times.map(lambda ago: NOW - ago)


@given(policies, sights, moments, moments, st.floats(0, 2e6), moments)
def test_nobody_is_stopped_by_idleness_who_has_used_it_or_has_asked_to_keep_it(
    policy, sight, since, active, kept, warned
):
    policy = replace(policy, max_age=0.0)
    verdict = decide(policy, sight, since, active, NOW + kept - 1e6, NOW, warned)
    if verdict.step is not Step.STOP:
        return
    assert NOW + kept - 1e6 <= NOW
    assert sight.human_idle + NOW - sight.at >= min(
        filter(None, (policy.idle_timeout, policy.busy_limit))
    )
    assert NOW - warned >= policy.warning(verdict.limit) - 1
    if not sight.sees_people:
        assert NOW - active >= min(
            filter(None, (policy.idle_timeout, policy.busy_limit))
        )


@given(policies, sights, moments, moments)
def test_what_is_not_known_stops_nobody(policy, sight, since, active):
    policy = replace(policy, max_age=0.0)
    old = replace(sight, at=NOW - 1000)
    for unknown in (None, old):
        verdict = decide(policy, unknown, since, active, 0.0, NOW, NOW - 1e7)
        assert verdict.step is Step.STAY


@given(policies, sights | st.none(), moments, st.floats(0, 1e6))
def test_nothing_that_a_machine_says_lets_it_live_beyond_its_age(
    policy, sight, since, kept
):
    policy = replace(policy, max_age=HOUR)
    verdict = decide(policy, sight, since, NOW, NOW + kept, NOW, NOW - 1e7)
    assert (since + HOUR <= NOW) <= (verdict.step is Step.STOP)


@given(policies, st.lists(st.floats(0.01, HOUR), max_size=60), times)
def test_pressing_keep_for_ever_gives_no_more_than_the_limit(policy, waits, age):
    now, since, until, kept, free = NOW, NOW - age, 0.0, 0.0, 0.0
    for wait in waits:
        before = until
        until, kept = prolonged(policy, since, until, kept, now)
        free += max(until, now) - max(before, now)
        now += wait
    assert kept == pytest.approx(free, abs=1e-3)
    assert kept <= policy.keep_limit + 1e-3
    if policy.max_age:
        assert until <= max(since + policy.max_age, 0.0)
