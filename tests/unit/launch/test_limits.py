from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.ec2.machines import Machine
from ec2spawner.launch.limits import Caps, Full, Limits


class World:
    """A clock and an EC2 whose listings are as late as they are told to be."""

    def __init__(self):
        #: of the clock that nobody sets
        self.now = 1000.0
        self.limits = Limits(lambda: self.now, lambda: self.wall)
        self.machines = []

    @property
    def wall(self):
        """Seconds since the epoch: EC2 speaks of these."""
        return self.now + 1.7e9

    def admit(self, launch, caps, owner="alice", listed=None):
        listed = self.now if listed is None else listed
        return self.limits.admit(launch, owner, caps, self.machines, listed)

    def has(self, launch, owner="alice", state="running", launched_at=0.0):
        self.machines.append(
            Machine(
                f"i-{launch}",
                state,
                launch_id=launch,
                owner_id=owner,
                launched_at=launched_at,
            )
        )


@pytest.fixture
def world():
    return World()


def test_without_caps_everybody_may(world):
    for n in range(200):
        assert world.admit(f"l{n}", Caps()) is None
    assert not Caps() and all([Caps(per_user=1), Caps(per_hub=1), Caps(per_minute=1)])


def test_two_clicks_cannot_both_have_the_last_place(world):
    caps = Caps(per_user=2)
    world.has("l1")
    assert world.admit("l2", caps) is None
    assert world.admit("l3", caps) == Full("user", 2, seconds=0.0)
    assert world.admit("b1", caps, owner="bob") is None


def test_the_hubs_cap_counts_everybody(world):
    world.has("l1", owner="bob")
    world.has("leaked", owner="")
    assert world.admit("l2", Caps(per_hub=3)) is None
    assert world.admit("l3", Caps(per_hub=3)) == Full("hub", 3)


def test_a_launch_that_ec2_shows_is_not_counted_twice(world):
    caps = Caps(per_user=2)
    assert world.admit("l1", caps) is None
    world.limits.answered("l1", refused=False)
    world.has("l1")
    assert world.admit("l2", caps) is None


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_what_has_ended_leaves_its_place(world, state):
    world.has("l1", state=state)
    assert world.admit("l2", Caps(per_user=1)) is None


def test_a_refused_launch_leaves_its_place_at_once(world):
    assert world.admit("l1", Caps(per_user=1)) is None
    world.limits.answered("l1", refused=True)
    assert world.admit("l2", Caps(per_user=1)) is None


def test_a_launch_keeps_its_place_while_ec2_may_be_hiding_it(world):
    caps = Caps(per_user=1)
    assert world.admit("l1", caps) is None
    world.now += 200  # in line
    assert world.admit("l2", caps) == Full("user", 1)
    world.limits.answered("l1", refused=False)
    world.now += 59
    assert world.admit("l3", caps) == Full("user", 1)
    world.now += 2
    assert world.admit("l4", caps) is None


def test_a_launch_keeps_its_place_while_listings_are_old(world):
    caps = Caps(per_user=1)
    old = world.now
    assert world.admit("l1", caps) is None
    world.limits.answered("l1", refused=False)
    world.now += 500
    assert world.admit("l2", caps, listed=old) == Full("user", 1)


def test_a_launch_that_nobody_tells_the_end_of_loses_its_place_after_an_hour(world):
    caps = Caps(per_user=1)
    assert world.admit("l1", caps) is None
    world.now += 3599
    assert world.admit("l2", caps) == Full("user", 1)
    world.now += 1
    assert world.admit("l3", caps) is None


def test_a_launch_whose_machine_died_keeps_its_place_for_the_next(world):
    caps = Caps(per_user=1)
    assert world.admit("l1", caps) is None
    world.limits.answered("l1", refused=False)
    world.has("l1", state="terminated")
    world.now += 5
    world.limits.asks_again("l1", "alice")
    assert world.admit("l2", caps) == Full("user", 1)
    world.limits.answered("l1", refused=True)
    assert world.admit("l2", caps) is None


def test_a_machine_that_is_woken_counts_once_also_while_ec2_shows_it_asleep(world):
    caps = Caps(per_user=2)
    world.has("l1", state="stopped")
    assert world.admit("l2", caps) is None
    world.limits.woke("l2", "l1")
    world.limits.answered("l1", refused=False)
    asleep = world.now
    assert world.admit("l3", caps, listed=asleep) is None
    assert world.admit("l4", caps, listed=asleep) == Full("user", 2)
    world.limits.answered("l3", refused=True)
    world.machines.clear()
    world.has("l1")
    world.now += 1
    assert world.admit("l5", caps) is None


def test_so_many_a_minute(world):
    caps = Caps(per_minute=2)
    assert world.admit("l1", caps) is None
    world.now += 20
    assert world.admit("l2", caps) is None
    world.limits.answered("l1", refused=True)  # was a launch all the same
    full = world.admit("l3", caps)
    assert full == Full("minute", 2, 40)
    world.now += full.seconds
    assert world.admit("l3", caps) is None
    assert world.limits._began.keys() == {"l2", "l3"}  # not for ever


def test_a_launch_by_a_clock_that_is_ahead_of_ours_is_of_this_moment(world):
    world.has("l1", launched_at=world.wall + 30)
    assert world.admit("l2", Caps(per_minute=1)) == Full("minute", 1, 60)


def test_a_restarted_hub_asks_ec2_what_it_launched_in_the_last_minute(world):
    world.has("l1", launched_at=world.wall - 10)
    world.has("l2", launched_at=world.wall - 60)
    assert world.admit("l3", Caps(per_minute=1)) == Full("minute", 1, 50)


def test_a_launch_that_ec2_shows_counts_once_a_minute(world):
    caps = Caps(per_minute=2)
    assert world.admit("l1", caps) is None
    world.limits.answered("l1", refused=False)
    world.has("l1", launched_at=world.wall)
    assert world.admit("l2", caps) is None
    assert world.admit("l3", caps) == Full("minute", 2, 60)


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.floats(0, 100), st.floats(0, 59)),
        max_size=40,
    )
)
def test_whatever_ec2_hides_there_are_never_more_than_the_cap(clicks):
    """Each launch makes a machine at once, and EC2 shows it late."""
    world, alive = World(), []
    for n, (owner, pause, hidden) in enumerate(clicks):
        world.now += pause
        world.machines = [m for shown_at, m in alive if shown_at <= world.now]
        caps = Caps(per_user=2, per_hub=3)
        if world.admit(f"l{n}", caps, owner) is None:
            machine = Machine(f"i-{n}", "running", launch_id=f"l{n}", owner_id=owner)
            alive.append((world.now + hidden, machine))
            world.limits.answered(f"l{n}", refused=False)
    assert len(alive) <= 3
    assert all(sum(m.owner_id == o for _, m in alive) <= 2 for o in "ab")


def test_a_stopped_machine_counts_but_not_for_its_own_server(world):
    caps = Caps(per_user=1, per_hub=9)
    world.has("l1", state="stopped")
    world.machines[0] = replace(world.machines[0], server_id="hers")
    assert world.admit("l2", caps) == Full("user", 1, stopped=1)
    assert world.limits.admit("l3", "alice", caps, world.machines, 1.0, "hers") is None
    world.machines[0] = replace(world.machines[0], state="running")
    full = world.limits.admit("l4", "alice", caps, world.machines, 1.0, "hers")
    assert full == Full("user", 2)


def test_one_that_ends_does_not_count(world):
    world.has("l1", state="shutting-down")
    assert world.admit("l2", Caps(per_user=1, per_hub=1)) is None


def test_builders_of_images_are_no_users_machines(world):
    tags = {"ec2spawner:build": "key"}
    now = world.wall
    world.machines.append(Machine("i-1", "running", launched_at=now, tags=tags))
    assert world.admit("first", Caps(per_user=1, per_hub=1, per_minute=1)) is None
