"""The Hub is killed at every step of what it does with homes and machines at rest."""

from __future__ import annotations

import pytest

from .deeds import DEEDS, HubWithHomes

FEW = range(8, 60, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEDS)
def test_a_hub_killed_at_any_step_loses_no_home(world, name):
    deed = DEEDS[name]
    homes = HubWithHomes(world, deed)
    moment = 0
    while homes.die_at(moment):
        homes.check()
        moment += 1
    assert not deed.call or f"after {deed.call}" in homes.hub.steps
    homes.check()
    homes.check_the_end()
    print(f"{name}: {moment} moments")
    assert moment >= 4


def test_a_hub_killed_at_a_few_steps_loses_no_home(world):
    """Of the deed with the most calls: a home goes from one machine to another."""
    homes = HubWithHomes(world, DEEDS["a fresh machine for one that cannot wake up"])
    for moment in FEW:
        assert homes.die_at(moment)
        homes.check()
    homes.check_the_end()
