"""Random hard days (``rules.py``): the same promises in any order of misfortunes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

STEPS = 15
A_FEW = 3


def live_through(worlds, profile: str, **changes) -> None:
    from .rules import HardDays

    days = settings(
        settings.get_profile(profile),
        stateful_step_count=STEPS,
        suppress_health_check=list(HealthCheck),
        **changes,
    )
    machine = type("HardDays", (HardDays,), {"make_world": staticmethod(worlds)})
    run_state_machine_as_test(machine, settings=days)


def test_a_few_hard_days(worlds):
    live_through(worlds, "ci", max_examples=A_FEW)


@pytest.mark.slow
def test_three_hundred_hard_days(worlds):
    live_through(worlds, "slow")
