"""Random hard days (``rules.py``): the same promises in any order of misfortunes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

STEPS = 15


def live_through(worlds, days: int, phases=tuple(Phase)) -> None:
    from .rules import HardDays

    machine = type("HardDays", (HardDays,), {"make_world": staticmethod(worlds)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=days,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            phases=phases,
        ),
    )


@pytest.mark.slow
def test_a_few_hard_days(worlds):
    live_through(worlds, days=8)


@pytest.mark.slow
def test_three_hundred_hard_days(worlds):
    live_through(worlds, days=300)
