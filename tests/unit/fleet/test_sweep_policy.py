from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.resources import Resource, ResourceKind
from ec2spawner.fleet.sweep_policy import (
    Sweeper,
    Verdict,
    Wanted,
    apart,
    is_building,
    judge_leases,
)

GRACE = 10.0
LEASE = 1000.0


def machine(number, launch="", state="running", launched_at=100.0, **more):
    return Machine(
        f"i-{number}",
        state,
        launch_id=launch or f"l-{number}",
        launched_at=launched_at,
        **more,
    )


def volume(number, launch="", state="available", launched_at=100.0, **more):
    return Resource(
        f"vol-{number}",
        ResourceKind.VOLUME,
        state,
        launch_id=launch or f"l-{number}",
        launched_at=launched_at,
        **more,
    )


@pytest.fixture
def sweeper():
    return Sweeper(GRACE, LEASE)


def passes(sweeper, machines, wanted=(), since=0.0, times=(0, 5, 10)):
    """The verdict of the last of several passes."""
    for now in times:
        verdict = sweeper.judge(machines, Wanted(dict(wanted)), since, now)
    return verdict


def test_a_verdict_counts_whatever_nobody_wants():
    one, two, three, four = (machine(number) for number in range(4))
    assert Verdict((one,), (two, three), (four,)).count == 4


def test_a_machine_that_no_server_wants_is_ended_after_its_grace(sweeper):
    lost = machine(1)
    assert passes(sweeper, [lost], times=(0, 9.9)) == Verdict(waiting=(lost,))
    assert passes(sweeper, [lost], times=(10,)) == Verdict(end=(lost,))


def test_a_machine_that_was_wanted_meanwhile_begins_anew(sweeper):
    lost = machine(1)
    passes(sweeper, [lost], times=(0, 9))
    passes(sweeper, [lost], wanted={"l-1": "i-1"}, times=(9.5,))
    assert passes(sweeper, [lost], times=(10, 19)) == Verdict(waiting=(lost,))


def test_a_machine_of_a_server_is_never_ended(sweeper):
    owned, unnamed = machine(1), machine(2)
    wanted = {"l-1": "i-1", "l-2": ""}
    assert passes(sweeper, [owned, unnamed], wanted) == Verdict()


def test_a_second_machine_of_a_launch_is_one_too_many(sweeper):
    owned, double = machine(1), machine(2, launch="l-1")
    assert passes(sweeper, [owned, double], {"l-1": "i-1"}).end == (double,)


def test_what_has_ended_or_shall_be_kept_is_left_alone(sweeper):
    machines = [machine(1, state="terminated"), machine(2, kept=True)]
    assert passes(sweeper, machines) == Verdict()


def test_many_at_once_are_left_to_a_person(sweeper):
    machines = [machine(n) for n in range(4)]
    assert passes(sweeper, machines) == Verdict(braked=tuple(machines))
    wanted = {f"l-{n}": "" for n in range(4, 40)}
    machines += [machine(n) for n in range(4, 40)]
    assert len(passes(Sweeper(GRACE, LEASE), machines, wanted).end) == 4


def test_a_machine_older_than_the_database_is_left_to_a_person(sweeper):
    old, new = machine(1, launched_at=50), machine(2, launched_at=150)
    same = machine(3, launched_at=100)
    verdict = passes(sweeper, [old, new, same], since=100)
    assert verdict == Verdict(end=(new, same), braked=(old,))


@pytest.mark.parametrize(
    "spared",
    [
        volume(1, state="in-use", used_by="i-1"),
        volume(1, state="creating"),
        volume(1, home=True),
        volume(1, kept=True),
        volume(1, state="deleting"),
    ],
    ids=["in use", "not made yet", "a home", "kept by a person", "being deleted"],
)
def test_a_volume_is_spared_when_it_is(sweeper, spared):
    assert passes(sweeper, [spared]) == Verdict()
    verdict = judge_leases([spared], Wanted(), 0.0, LEASE, 1e9, force=True)
    assert verdict == Verdict()


def test_a_part_that_nothing_uses_is_ended_unless_its_launch_has_a_server(sweeper):
    lost, owned = volume(1), volume(2)
    assert passes(sweeper, [lost, owned], {"l-2": "i-2"}).end == (lost,)


def snapshot(number, **more):
    return Resource(f"snap-{number}", ResourceKind.SNAPSHOT, "completed", **more)


def test_a_discarded_home_is_ended_whatever_its_launch_once_nothing_uses_it(sweeper):
    free = volume(1, home=True, discarded=True)
    used = volume(2, home=True, discarded=True, state="in-use", used_by="i-1")
    kept = volume(3, home=True, discarded=True, kept=True)
    made = snapshot(4, home=True, discarded=True)
    found = [free, used, kept, made]
    assert passes(sweeper, found, {"l-1": "i-1"}, since=200).end == (free, made)


def test_a_snapshot_is_never_swept_unless_it_was_discarded(sweeper):
    assert passes(sweeper, [snapshot(1), snapshot(2, home=True)]) == Verdict()


def test_homes_of_a_whole_class_are_discarded_at_once_and_nothing_else_is(sweeper):
    discarded = tuple(volume(n, home=True, discarded=True) for n in range(9))
    leaked = tuple(volume(n) for n in range(10, 19))
    verdict = passes(sweeper, [*discarded, *leaked])
    assert verdict == Verdict(end=discarded, braked=leaked)


def test_without_a_hub_a_discarded_home_stays_for_as_long_as_a_lease():
    home = volume(1, home=True, discarded=True, discarded_at=5000.0)
    assert judge_leases([home], Wanted(), 0.0, LEASE, 5999.0).waiting == (home,)
    assert judge_leases([home], Wanted(), 0.0, LEASE, 6000.0).end == (home,)
    assert judge_leases([home], None, 0.0, LEASE, 6000.0) == Verdict()


def test_of_a_part_without_an_age_its_lease_tells(sweeper):
    def interface(number, lease_until):
        kind = ResourceKind.INTERFACE
        return Resource(f"eni-{number}", kind, "available", lease_until=lease_until)

    old, new, silent = interface(1, 1050.0), interface(2, 1150.0), interface(3, 0.0)
    verdict = passes(sweeper, [old, new, silent], since=100)
    assert verdict == Verdict(end=(new,), braked=(old, silent))


# -- with the Hub down: the lease is the grace ---------------------------------


def test_without_a_hub_a_lost_machine_lives_until_its_lease_ends():
    lost, fresh = machine(1, lease_until=500.0), machine(2, lease_until=501.0)
    verdict = judge_leases([lost, fresh], Wanted(), 0.0, LEASE, 500.0)
    assert verdict == Verdict(end=(lost,), waiting=(fresh,))


def test_without_a_tag_the_lease_counts_from_the_launch():
    lost = machine(1, launched_at=100.0)
    assert judge_leases([lost], Wanted(), 0.0, LEASE, 1099.0).waiting == (lost,)
    assert judge_leases([lost], Wanted(), 0.0, LEASE, 1100.0).end == (lost,)


@pytest.mark.parametrize("wanted", [Wanted(), None], ids=["database", "no database"])
def test_without_a_hub_what_has_neither_age_nor_lease_waits_for_a_person(wanted):
    silent = machine(1, launched_at=0.0)
    verdict = judge_leases([silent], wanted, 0.0, LEASE, 1e12)
    assert verdict == Verdict(waiting=(silent,))
    verdict = judge_leases([silent], wanted, 0.0, LEASE, 1e12, force=True)
    assert verdict == Verdict(end=(silent,))


def test_a_machine_with_a_server_outlives_its_lease_for_as_long_as_the_hub_is_down():
    owned = machine(1, lease_until=500.0)
    assert judge_leases([owned], Wanted({"l-1": "i-1"}), 0.0, LEASE, 1e9) == Verdict()


def test_without_a_database_only_machines_that_run_can_be_ended():
    running = machine(1, lease_until=500.0)
    stopped = machine(2, lease_until=500.0, state="stopped")
    kept = machine(3, lease_until=500.0, kept=True)
    verdict = judge_leases([running, stopped, kept], None, 0.0, LEASE, 1e9)
    assert verdict == Verdict(end=(running,))
    left_over = [volume(1, lease_until=500.0)]
    assert judge_leases(left_over, None, 0.0, LEASE, 1e9, force=True) == Verdict()


def test_without_a_database_too_many_are_left_to_a_person():
    machines = [machine(n, lease_until=500.0) for n in range(4)]
    verdict = judge_leases(machines, None, 0.0, LEASE, 1e9)
    assert verdict == Verdict(braked=tuple(machines))


def test_a_person_can_overrule_the_brake_but_not_a_lease_or_a_server():
    due = [machine(n, lease_until=500.0, launched_at=1.0) for n in range(5)]
    owned, fresh = machine(6, lease_until=500.0), machine(7, lease_until=1e6)
    verdict = judge_leases(
        [*due, owned, fresh], Wanted({"l-6": "i-6"}), 50.0, LEASE, 600.0, force=True
    )
    assert verdict == Verdict(end=tuple(due), waiting=(fresh,))


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.floats(1, 200), st.floats(0, 2000)),
        max_size=30,
    ),
    st.floats(0, 3000),
    st.booleans(),
)
def test_no_verdict_by_lease_ends_what_has_a_server_a_keeper_or_a_lease(
    kinds, now, database
):
    machines = [
        machine(n, kept=kept, launched_at=at, lease_until=until)
        for n, (_, kept, at, until) in enumerate(kinds)
    ]
    own = {f"l-{n}": f"i-{n}" for n, (owned, *_) in enumerate(kinds) if owned}
    verdict = judge_leases(
        machines, Wanted(own) if database else None, 100.0, LEASE, now
    )
    for found in verdict.end:
        assert (
            not found.kept and (found.lease_until or found.launched_at + LEASE) <= now
        )
        if database:
            assert found.launch_id not in own and found.launched_at >= 100.0
    assert len(verdict.end) <= max(3, 0.2 * len(machines))


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 200)), max_size=30),
    st.lists(st.floats(0, 30), min_size=1, max_size=8),
)
def test_a_wanted_machine_is_never_in_a_verdict(kinds, times):
    machines = [
        machine(n, kept=kept, launched_at=at) for n, (_, kept, at) in enumerate(kinds)
    ]
    wanted = {f"l-{n}": f"i-{n}" for n, (own, _, _) in enumerate(kinds) if own}
    sweeper = Sweeper(GRACE, LEASE)
    for now in sorted(times):
        verdict = sweeper.judge(machines, Wanted(wanted), 100.0, now)
        for found in verdict.end + verdict.braked:
            assert found.launch_id not in wanted and not found.kept
        assert all(found.launched_at >= 100 for found in verdict.end)
        assert len(verdict.end) <= max(3, 0.2 * len(machines))


# -- the database beats tags -------------------------------------------------------


@pytest.mark.parametrize("tag", ["", "somebody-elses"])
def test_a_machine_that_the_database_holds_is_wanted_whatever_its_tags_say(
    sweeper, tag
):
    held = machine(1, launch=tag)
    assert passes(sweeper, [held], {"l-1": "i-1"}) == Verdict()
    wanted = Wanted({"l-1": "i-1"})
    assert judge_leases([held], wanted, 0.0, LEASE, 1e9, force=True) == Verdict()


def test_what_is_in_a_state_that_cannot_be_read_is_wanted_by_its_id(sweeper):
    """Every text in it is kept as if it were the id of a launch."""
    assert passes(sweeper, [machine(1, launch="?")], {"i-1": ""}) == Verdict()


def test_a_home_that_the_database_holds_is_wanted_without_its_tag(sweeper):
    wanted = Wanted(homes=frozenset({"vol-1"}))
    for now in (0, 10):
        verdict = sweeper.judge([volume(1), volume(2)], wanted, 0.0, now)
    assert verdict == Verdict(end=(volume(2),))


def test_what_another_database_has_asked_for_is_spared_until_its_lease_ends():
    wanted = Wanted({"l-3": "i-3"}, database="ours")
    living = machine(1, lease_until=500.0, database="theirs")
    left = machine(2, lease_until=300.0, database="theirs")
    over = machine(6, lease_until=400.0, database="theirs")
    held = machine(3, lease_until=500.0, database="theirs")
    own = machine(4, lease_until=500.0, database="ours")
    old = machine(5, lease_until=500.0)
    found = [living, left, over, held, own, old]
    ours, others = apart(found, wanted, LEASE, 400.0)
    assert (ours, others) == ([left, over, held, own, old], [living])
    nameless = Wanted({"l-3": "i-3"})
    assert apart(found, nameless, LEASE, 400.0) == (found, [])


# Builders of images: no database knows of them.


def builder(lease_until, **more):
    tags = {"ec2spawner:build": "key"}
    return Machine("i-build", "running", lease_until=lease_until, tags=tags, **more)


def test_a_builder_is_at_work_while_its_lease_holds():
    assert is_building(builder(lease_until=100), now=99)
    assert not is_building(builder(lease_until=100), now=100)
    assert not is_building(Machine("i-1", "running", lease_until=100), now=99)


def test_a_builder_is_ended_after_its_lease_whatever_the_database_is():
    late = builder(lease_until=100, launched_at=1)
    wanted = Wanted({"launch": "i-1"}, database="db")
    young_database = 50.0
    for each in (wanted, None):
        early = judge_leases([late], each, young_database, 600, now=99)
        assert early.waiting == (late,)
        assert judge_leases([late], each, young_database, 600, now=100).end == (late,)
    stopped = replace(late, state="stopped")
    assert judge_leases([stopped], None, 0.0, 600, now=100).end == (stopped,)
