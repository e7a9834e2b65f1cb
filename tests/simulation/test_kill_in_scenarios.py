"""The Hub is killed at every step of what it does with homes and machines at rest."""

from __future__ import annotations

import pytest

from .scenarios import SCENARIOS, HubWithHomes

FEW = range(8, 60, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_hub_killed_at_any_step_loses_no_home(world, name):
    scenario = SCENARIOS[name]
    homes = HubWithHomes(world, scenario)
    moment = 0
    while homes.die_at(moment):
        homes.check()
        moment += 1
    assert not scenario.call or f"after {scenario.call}" in homes.hub.steps
    homes.check()
    homes.check_the_end()
    print(f"{name}: {moment} moments")
    assert moment >= 4


def test_a_hub_killed_at_a_few_steps_loses_no_home(world):
    """Of the scenario with the most calls: a home goes from one machine to another."""
    homes = HubWithHomes(
        world, SCENARIOS["a fresh machine for one that cannot wake up"]
    )
    for moment in FEW:
        assert homes.die_at(moment)
        homes.check()
    homes.check_the_end()
