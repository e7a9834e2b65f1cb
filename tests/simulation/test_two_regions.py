"""A hub with users in two regions: what happens in one is nothing to the other."""

from __future__ import annotations

import pytest

from ec2spawner.core.state import Phase

from .scenarios import SETTINGS
from .virtual_world import ELSEWHERE, HOME, region_of, saved

REGIONS = {"near": HOME, "far": ELSEWHERE}
USERS = {"alice": "near", "bob": "far"}


def also(*values):
    """The other way round, by night."""
    return pytest.param(*values, marks=pytest.mark.slow)


def whose(where):
    (found,) = [user for user, place in USERS.items() if place == where]
    return found


@pytest.fixture
def hub(world, hubs_with):
    """One that has alice in the one region and bob in the other, who work."""
    profiles = [
        {"display_name": name, "ec2spawner_override": world.settings_in(region)}
        for name, region in REGIONS.items()
    ]
    hub = hubs_with({**SETTINGS, "on_stop": "stop"}, "bob")(profile_list=profiles)
    for user, where in USERS.items():
        start(hub, user, where)
    hub.pass_until(lambda: len(hub.serving()) == 2, 60)
    return hub


def start(hub, user, where):
    options = {"user_options": {"profile": where}}
    assert hub.call("POST", f"/users/{user}/server", options)[0] in (201, 202)


def stop(hub, user):
    assert hub.call("DELETE", f"/users/{user}/server")[0] in (202, 204)
    hub.pass_until(lambda: user not in hub.serving(), 60)


def places(hub):
    """User -> where their server runs."""
    found = {m.id: region_of(m) for m in hub.world.living(hub)}
    return {user: found[machine] for user, machine in hub.serving().items()}


@pytest.mark.parametrize("broken, works", [also("near", "far"), ("far", "near")])
def test_a_region_that_does_not_answer_leaves_the_other_going(
    world, hub, broken, works
):
    cut_off, other = (whose(where) for where in (broken, works))
    machines = hub.serving()
    for region in REGIONS.values():
        world.leak(hub, region)

    def leaks():
        found = [m for m in world.living(hub) if m.id not in machines.values()]
        return [region_of(machine) for machine in found]

    world.fail("*", "unavailable", None, REGIONS[broken])
    # What nobody owns is found there, servers stop and start, and an end is noticed.
    hub.pass_until(lambda: leaks() == [REGIONS[broken]], 200)
    assert hub.serving() == machines
    stop(hub, other)
    start(hub, other, works)
    hub.pass_until(lambda: hub.serving() == machines, 60)
    world.lose(machines[other])
    hub.pass_until(lambda: not saved(hub)[other, ""][0], 60)
    assert hub.serving() == {cut_off: machines[cut_off]}
    world.clear_faults()
    hub.pass_until(lambda: not leaks(), 200)
    assert hub.serving() == {cut_off: machines[cut_off]}


@pytest.mark.parametrize("fault", [also("lists nothing"), "knows nothing"])
def test_a_wrong_listing_of_one_region_ends_nobody_and_hides_nothing_of_the_other(
    world, hub, fault
):
    machines = hub.serving()
    world.fail("DescribeInstances", fault, None, ELSEWHERE)
    hub.pass_time(200)
    # By EC2's own word Bob's is gone; but his server answers, so it stays.
    assert hub.serving() == machines and len(world.living(hub)) == 2
    world.lose(machines["alice"])
    hub.pass_until(lambda: not saved(hub)["alice", ""][0], 60)
    assert hub.serving() == {"bob": machines["bob"]}


@pytest.mark.parametrize("region", [ELSEWHERE, also(HOME)])
def test_a_restarted_hub_has_the_servers_of_both_also_of_one_that_is_out(
    world, hub, region
):
    machines = hub.serving()
    hub.kill()
    world.fail("*", "unavailable", None, region)
    hub.start()
    hub.check_routes()
    hub.pass_time(200)
    assert hub.serving() == machines
    world.clear_faults()
    for user in USERS:
        stop(hub, user)
    hub.pass_until(lambda: {m.state for m in world.living(hub)} == {"stopped"}, 60)
    assert {m.id for m in world.living(hub)} == set(machines.values())


def test_who_goes_to_the_other_region_and_back_has_a_home_in_each(world, hub):
    homes = [saved(hub)["alice", ""][1].home]
    for where in ("far", "near"):
        stop(hub, "alice")
        start(hub, "alice", where)
        hub.pass_until(lambda: places(hub).get("alice") == REGIONS[where], 60)
        homes.append(saved(hub)["alice", ""][1].home)
    first, far, back = homes
    assert first.id == back.id and far.id != first.id
    assert [home.region for home in homes] == [HOME, ELSEWHERE, HOME]
    # What she has left behind is ended where it is.
    hub.pass_until(lambda: len(world.living(hub)) == 2, 60)
    assert saved(hub)["alice", ""][1].current.phase is Phase.READY
    assert not world.disks.wrongs
