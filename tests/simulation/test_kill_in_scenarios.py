"""The Hub is killed at every step of what it does with homes and machines at rest."""

from __future__ import annotations

import pytest

from .scenarios import SCENARIOS, HubWithHomes

#: one of each kind that is over soon; a move of a home takes an hour
DEEDS = (
    "the first start",
    "a start on a fresh machine",
    "the end of a machine",
    "going to rest",
    "waking up in another size",
    "a fresh machine for one that cannot wake up",
    "the deletion of a home",
)


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


@pytest.mark.parametrize("name", DEEDS)
def test_a_hub_killed_at_the_step_that_matters_most_loses_no_home(world, name):
    """EC2 has done the deed, or a commit says that it is to be, and nobody knows."""
    scenario = SCENARIOS[name]
    homes = HubWithHomes(world, scenario)
    assert homes.die_at(0, f"after {scenario.call or 'commit'}")
    homes.check()
    homes.check_the_end()
