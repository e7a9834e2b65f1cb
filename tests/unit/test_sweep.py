import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.ec2.machines import Machine
from ec2spawner.sweep import Sweeper, Verdict

GRACE = 10.0


def machine(number, launch="", state="running", launched_at=100.0, kept=False):
    return Machine(
        f"i-{number}",
        state,
        launch_id=launch or f"l-{number}",
        launched_at=launched_at,
        kept=kept,
    )


@pytest.fixture
def sweeper():
    return Sweeper(GRACE)


def passes(sweeper, machines, wanted=(), since=0.0, times=(0, 5, 10)):
    """The verdict of the last of several passes."""
    for now in times:
        verdict = sweeper.judge(machines, dict(wanted), since, now)
    return verdict


def test_a_machine_that_no_server_wants_is_ended_after_its_grace(sweeper):
    lost = machine(1)
    assert passes(sweeper, [lost], times=(0, 9.9)) == Verdict()
    assert passes(sweeper, [lost], times=(10,)) == Verdict(end=(lost,))


def test_a_machine_that_was_wanted_meanwhile_begins_anew(sweeper):
    lost = machine(1)
    passes(sweeper, [lost], times=(0, 9))
    passes(sweeper, [lost], wanted={"l-1": "i-1"}, times=(9.5,))
    assert passes(sweeper, [lost], times=(10, 19)) == Verdict()


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
    assert len(passes(Sweeper(GRACE), machines, wanted).end) == 4


def test_a_machine_older_than_the_database_is_left_to_a_person(sweeper):
    old, new = machine(1, launched_at=50), machine(2, launched_at=150)
    verdict = passes(sweeper, [old, new], since=100)
    assert verdict == Verdict(end=(new,), braked=(old,))


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 200)), max_size=30),
    st.lists(st.floats(0, 30), min_size=1, max_size=8),
)
def test_a_wanted_machine_is_never_in_a_verdict(kinds, times):
    machines = [
        machine(n, kept=kept, launched_at=at) for n, (_, kept, at) in enumerate(kinds)
    ]
    wanted = {f"l-{n}": f"i-{n}" for n, (own, _, _) in enumerate(kinds) if own}
    sweeper = Sweeper(GRACE)
    for now in sorted(times):
        verdict = sweeper.judge(machines, wanted, 100.0, now)
        for found in verdict.end + verdict.braked:
            assert found.launch_id not in wanted and not found.kept
        assert all(found.launched_at >= 100 for found in verdict.end)
        assert len(verdict.end) <= max(3, 0.2 * len(machines))
