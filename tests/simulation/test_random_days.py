"""Random days: the same promises in any order of misfortunes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

STEPS = 15
A_FEW = 3


def live_through(worlds, profile: str, **changes) -> None:
    from .random_days import RandomDays

    days = settings(
        settings.get_profile(profile),
        stateful_step_count=STEPS,
        suppress_health_check=list(HealthCheck),
        **changes,
    )
    machine = type("RandomDays", (RandomDays,), {"make_world": staticmethod(worlds)})
    run_state_machine_as_test(machine, settings=days)


def test_a_few_random_days(worlds):
    live_through(worlds, "ci", max_examples=A_FEW)


@pytest.mark.slow
def test_three_hundred_random_days(worlds):
    live_through(worlds, "slow")
