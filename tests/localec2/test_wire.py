"""What a proxy or a broken line makes of an answer, and of the work behind it."""

from __future__ import annotations

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from localec2 import WIRE_FAULTS, Fault, Wire
from localec2.client import ControlError

from .conftest import request_for
from .test_volumes import until

BROKEN = sorted(set(WIRE_FAULTS) - {"seen twice"})
UNSEEN = {
    "lost before EC2",
    "a page that says 200, and EC2 has seen nothing",
    "a page that says 403",
    "a page that says 503",
}


def launched(cloud) -> int:
    return len(cloud.control.machines())


def has_an_answer(ec2, wanted) -> bool:
    """Whether botocore takes what arrives for an answer that has a machine in it."""
    try:
        return bool(ec2.run_instances(**wanted)["Instances"])
    except (BotoCoreError, ClientError, ResponseParserError, KeyError):
        return False


@pytest.mark.parametrize("name", BROKEN)
def test_no_answer_arrives_and_the_work_is_done_unless_ec2_saw_nothing(
    cloud, ec2, world, launch, name
):
    wanted = request_for(world, ClientToken=f"wire-{BROKEN.index(name)}")
    before = launched(cloud)
    cloud.control.add_fault(Fault("RunInstances", times=1, **WIRE_FAULTS[name]))
    assert not has_an_answer(ec2, wanted)
    assert launched(cloud) - before == (0 if name in UNSEEN else 1)
    launch(**wanted)
    assert launched(cloud) - before == 1


def test_what_is_seen_twice_is_done_twice_unless_it_has_a_token(
    cloud, ec2, world, launch
):
    def twice(action):
        cloud.control.add_fault(Fault(action, times=1, **WIRE_FAULTS["seen twice"]))

    before = launched(cloud)
    twice("RunInstances")
    launch(ClientToken="seen-twice")
    assert launched(cloud) - before == 1
    volume = ec2.create_volume(AvailabilityZone=world.zones[0], Size=1)["VolumeId"]
    until(ec2, volume, "available")
    twice("CreateSnapshot")
    ec2.create_snapshot(VolumeId=volume)
    of_it = [{"Name": "volume-id", "Values": [volume]}]
    assert len(ec2.describe_snapshots(Filters=of_it)["Snapshots"]) == 2


def test_an_answer_that_is_a_refusal_is_lost_like_any_other(cloud, ec2):
    lost = Fault("DeleteVolume", times=1, lose_answer=True)
    cloud.control.add_fault(lost)
    with pytest.raises(BotoCoreError):
        ec2.delete_volume(VolumeId="vol-00000000000000001")


def test_a_wire_is_told_back_as_it_was_set_and_nonsense_is_refused(cloud):
    wire = Wire(arrives=0.5, reframed=True)
    cloud.control.add_fault(Fault("*", wire=wire))
    (told,) = cloud.control.faults()
    assert Wire.from_dict(told["wire"]) == wire
    for nonsense in ({"arrives": 2}, {"undone": True}, {"colour": "red"}):
        with pytest.raises(ValueError):
            Wire.from_dict(nonsense)
    with pytest.raises(ControlError, match="colour"):
        cloud.control._call("POST", "faults", {"wire": {"colour": "red"}})
