import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.core.tags import (
    given_text,
    lease_text,
    read_given,
    read_lease,
    to_renew,
)

HOUR = 3600.0


def test_a_lease_is_a_time_that_people_can_read_and_compare_as_text():
    assert lease_text(1795366800.0) == "2026-11-22T17:00:00Z"


@given(st.integers(1, 4_000_000_000))
def test_a_lease_is_read_as_it_was_written(until):
    assert read_lease(lease_text(until)) == until


@given(st.integers(1, 4_000_000_000))
def test_when_a_machine_was_given_away_is_read_as_it_was_written(at):
    assert read_given(given_text(at)) == at


@pytest.mark.parametrize("text", ["", "abcdef", "given", "given soon"])
def test_a_kind_is_no_time_at_which_it_was_given_away(text):
    assert read_given(text) == 0.0


@pytest.fixture
def in_los_angeles(monkeypatch):
    """The Hub's computer has its clock set to local time."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "America/Los_Angeles")
        time.tzset()
        yield
    time.tzset()


def test_a_lease_is_in_utc_wherever_the_hub_is(in_los_angeles):
    assert time.localtime(1795366800.0).tm_hour == 9
    assert lease_text(1795366800.0) == "2026-11-22T17:00:00Z"
    assert read_lease("2026-11-22T17:00:00Z") == 1795366800.0


@pytest.mark.parametrize("text", ["", "soon", "2026-11-22", "1795366800"])
def test_what_is_no_lease_counts_as_none(text):
    assert read_lease(text) == 0.0


def test_a_lease_is_renewed_before_half_of_it_is_over():
    assert to_renew({"i-1": 0.7 * HOUR}, HOUR, 0.0) == []
    assert to_renew({"i-1": 0.55 * HOUR}, HOUR, 0.0) == ["i-1"]


def test_a_machine_without_a_lease_gets_one():
    assert to_renew({"i-1": 0.0}, HOUR, 1e9) == ["i-1"]


def test_leases_that_are_nearly_due_go_along():
    leases = {"due": 0.55 * HOUR, "nearly": 0.75 * HOUR, "fresh": 0.95 * HOUR}
    assert to_renew(leases, HOUR, 0.0) == ["due", "nearly"]


@given(
    st.lists(st.floats(0, 4 * HOUR), min_size=1, max_size=20),
    st.integers(1, 30),
)
def test_no_lease_that_is_looked_at_in_time_comes_to_half(launches, minutes):
    """Machines launched at any time, and a pass every so many minutes."""
    now, leases, waiting = 0.0, {}, dict(enumerate(sorted(launches)))
    while now < 12 * HOUR:
        now += minutes * 60 / 10
        for number in [n for n, at in waiting.items() if at <= now]:
            leases[str(number)] = waiting.pop(number) + HOUR
        for id in to_renew(leases, HOUR, now):
            leases[id] = now + HOUR
        assert all(until - now > 0.5 * HOUR for until in leases.values())
