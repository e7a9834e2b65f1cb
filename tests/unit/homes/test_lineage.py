"""Which volumes hold what a user has, among all that are of one home."""

import pytest

from ec2spawner.ec2.volumes import Volume
from ec2spawner.homes.lineage import last_of


def volume(id, owner="alice", **more):
    return Volume(id, "available", "us-west-2a", 3, owner=owner, **more)


HOME = volume("vol-1")
MOVING = volume("vol-1", move="m")
COPY = volume("vol-2", owner="", move="m", moved_from=("vol-1",))
CHANGED = volume("vol-1", move="m", moved_to="vol-2 m")
MOVED = volume("vol-2", moved_from=("vol-1",))


@pytest.mark.parametrize(
    "volumes, last",
    [
        ([HOME], {"vol-1"}),
        ([HOME, volume("vol-9")], {"vol-1", "vol-9"}),
        ([MOVING, COPY], {"vol-1"}),
        ([CHANGED, COPY], {"vol-2"}),
        ([CHANGED, MOVED], {"vol-2"}),
        ([HOME, MOVED], {"vol-2"}),
        ([CHANGED], {"vol-1"}),
        ([COPY], {"vol-2"}),
        ([volume("vol-1", owner="")], {"vol-1"}),
        ([], set()),
    ],
    ids=[
        "a home",
        "two of which nobody knows which is right",
        "a move on its way",
        "a copy that is not called a home yet",
        "a move that is done",
        "a move that is done, of which EC2 does not show all",
        "a copy that was lost",
        "a copy that is all there is",
        "a home whose tag a person has taken off",
        "none",
    ],
)
def test_nothing_is_given_up_without_a_snapshot_that_may_be_the_only_one(volumes, last):
    assert last_of(volumes) == last
