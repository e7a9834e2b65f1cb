"""What is believed of listings. Times are seconds of no clock in particular."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.ec2.inventory.view import CONSISTENCY_SECONDS, View
from ec2spawner.ec2.machines import Machine


def machine(number, state="running", **more):
    return Machine(f"i-{number}", state, **more)


def rows(*machines):
    return {m.id: m for m in machines}


@pytest.fixture
def view():
    """A view that has seen ten machines at the time 0."""
    made = View()
    made.take(rows(*map(machine, range(10))), 0.0, True)
    return made


def lacks(view, *numbers, seconds=CONSISTENCY_SECONDS, known=()):
    """Complete listings for so long lack these, and EC2 does not know their ids."""
    missing = {f"i-{n}" for n in numbers}
    shown = {id: m for id, m in view.machines.items() if id not in missing}
    for now in range(1, int(seconds) + 2, 5):
        view.take(shown, float(now), True)
        view.answered(view.questions(now), rows(*known), float(now))


def test_what_a_listing_lacks_is_as_last_known_until_a_minute_is_over(view):
    lacks(view, 1, seconds=55)
    assert view.machines["i-1"].state == "running" and not view.is_lost("i-1")
    lacks(view, 1, seconds=65)
    assert view.is_lost("i-1") and "i-1" not in view.machines


def test_what_ec2_knows_by_its_id_is_never_lost(view):
    lacks(view, 1, seconds=1000, known=[machine(1, hub_id="somebody-elses")])
    assert view.machines["i-1"].hub_id == "somebody-elses"
    assert not view.is_lost("i-1")


def test_listings_alone_make_nothing_lost(view):
    for now in range(1000):
        view.take({}, float(now), True)
    assert not view.is_lost("i-1") and len(view.machines) == 10


def test_one_listing_that_shows_it_begins_the_minute_anew(view):
    everything = dict(view.machines)
    lacks(view, 1, seconds=55)
    view.take(everything, 60.0, True)
    view.take({k: v for k, v in everything.items() if k != "i-1"}, 65.0, True)
    view.answered(["i-1"], {}, 70.0)
    assert not view.is_lost("i-1")


def test_of_many_at_once_none_is_lost_but_who_wants_an_end_believes_it(view):
    lacks(view, 1, 2, 3, 4)
    assert view.braked == {"i-1", "i-2", "i-3", "i-4"}
    assert not any(view.is_lost(f"i-{n}") for n in range(10))
    assert view.is_lost("i-1", though_many=True)
    assert view.braked == {"i-2", "i-3", "i-4"}


def test_three_of_ten_are_believed(view):
    lacks(view, 1, 2, 3)
    assert [n for n in range(10) if view.is_lost(f"i-{n}")] == [1, 2, 3]


def test_many_that_are_too_new_to_be_known_are_no_reason_to_brake(view):
    """A class that logs in together, in a region that is slow to show it."""
    for n in range(20, 60):
        view.told(machine(n, "pending"), 1.0)
    lacks(view, *range(20, 60), seconds=20)
    assert not view.braked


def test_an_incomplete_listing_makes_nothing_absent(view):
    view.take({}, 5.0, False)
    assert not view.absent and len(view.machines) == 10


def test_nothing_comes_back_from_its_end_and_why_it_ended_is_remembered(view):
    view.take(rows(machine(1, "terminated", reason_code="why")), 1.0, False)
    view.take(rows(machine(1)), 2.0, False)
    assert view.machines["i-1"].reason_code == "why"
    lacks(view, 1, seconds=600)
    assert view.machines["i-1"].reason_code == "why"
    view.take({}, 4000.0, False)
    assert "i-1" not in view.machines


def test_a_machine_that_nobody_has_listed_is_asked_for_by_id(view):
    view.expect("i-77", "us-west-2b")
    assert view.zones()["us-west-2b"] == ["i-77"]
    view.take(view.machines, 1.0, True)
    assert view.questions(1.0) == ["i-77"]
    assert view.questions(2.0) == []  # not with every listing
    view.answered(["i-77"], rows(machine(77, "terminated")), 2.0)
    assert view.machines["i-77"].gone and not view.is_lost("i-77")


def test_machines_that_a_listing_lacks_are_asked_for_in_one_order(view):
    view.take({}, 1.0, True)  # a set's order is another one in each process
    assert view.questions(1.0) == [f"i-{n}" for n in range(10)]


def test_what_is_lost_and_shown_again_is_there(view):
    lacks(view, 1)
    view.take(rows(machine(1)), 100.0, False)
    assert not view.is_lost("i-1") and "i-1" in view.machines


@given(
    st.lists(
        st.tuples(
            st.sets(st.integers(0, 9)),  # what a listing shows
            st.booleans(),  # whether it is complete
            st.sets(st.integers(0, 9)),  # what EC2 knows by id
            st.integers(1, 40),  # seconds until the next
        ),
        max_size=30,
    )
)
def test_nothing_is_lost_that_ec2_has_shown_within_a_minute(story):
    view, now = View(), 0.0
    view.take(rows(*map(machine, range(10))), now, True)
    shown_at = dict.fromkeys(range(10), now)
    for shown, complete, known, seconds in story:
        now += seconds
        view.take(rows(*map(machine, shown)), now, complete)
        shown_at |= dict.fromkeys(shown, now)
        asked = view.questions(now)
        known &= {int(id[2:]) for id in asked}
        view.answered(asked, rows(*map(machine, known)), now)
        shown_at |= dict.fromkeys(known, now)
        for n in range(10):
            if view.is_lost(f"i-{n}"):
                assert now - shown_at[n] >= CONSISTENCY_SECONDS


STATES = st.sampled_from(["pending", "running", "running", "stopped", "terminated"])
SHOWN = st.dictionaries(st.integers(0, 5), STATES)
LISTINGS = st.lists(st.tuples(SHOWN, st.booleans(), st.integers(1, 4000)), max_size=12)


def all_of(view):
    absent = {id: vars(absence) for id, absence in view._absent.items()}
    states = {id: m.state for id, m in view.machines.items()}
    return states, absent, view._expected, view.alive(), view._lost, view.braked


@given(LISTINGS)
def test_rows_that_are_the_same_objects_as_before_are_as_good_as_new_ones(listings):
    """Listings read by difference give what has not changed as the same object."""
    known, same, fresh, now = {}, View(), View(), 0.0
    for view in (same, fresh):
        view.expect("i-0")
        view.expect("i-9")
    for shown, complete, seconds in listings:
        now += seconds
        new = {f"i-{n}": machine(n, state) for n, state in shown.items()}
        known |= {id: m for id, m in new.items() if known.get(id) != m}
        same.take({id: known[id] for id in new}, now, complete)
        fresh.take(new, now, complete)
        for view in (same, fresh):
            view.answered(view.questions(now), {}, now)
        assert all_of(same) == all_of(fresh)
