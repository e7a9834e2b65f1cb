import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.events import LetGo
from ec2spawner.core.saved_state import from_dict, to_dict
from ec2spawner.core.state import (
    MOST_HIBERNATION,
    Launch,
    Phase,
    ServerInMemory,
    ServerState,
    Wish,
)
from ec2spawner.ec2.errors.table import meaning_of
from ec2spawner.ec2.facts import Region, TypeFacts
from ec2spawner.ec2.machines import Machine
from ec2spawner.launch.plan import Image, LaunchIdentity, plan_launch
from ec2spawner.launch.unavailable import covers
from ec2spawner.settings import LaunchSettings

WHO = LaunchIdentity("hub", "server", "launch")
IMAGE = Image("ami-1", "/dev/sda1", root_size=16)
DAY = 86400.0


def plan(facts=None, image=IMAGE, **settings):
    settings = {"on_stop": "hibernate", **settings}
    region = Region(types=facts or {})
    return plan_launch(LaunchSettings(**settings), image, WHO, b"", region)


def able(memory=4.0, can=True):
    return {"t3.medium": TypeFacts(frozenset(), memory, can)}


def test_a_machine_is_launched_for_it_and_if_ec2_refuses_that_without():
    first, second = plan(able()).candidates
    assert first.request["HibernationOptions"] == {"Configured": True}
    assert first.request["InstanceInitiatedShutdownBehavior"] == "stop"
    assert "HibernationOptions" not in second.request
    scope = meaning_of("UnsupportedHibernationConfiguration").scope
    assert not covers(scope, first, second)
    assert covers(meaning_of("InsufficientInstanceCapacity").scope, first, second)


@pytest.mark.parametrize("facts", [able(can=False), able(memory=192.0)])
def test_a_type_that_cannot_is_not_asked_to(facts):
    (only,) = plan(facts, root_volume_size=500).candidates
    assert not only.hibernates


def test_a_spot_machine_is_not_asked_to():
    spot, *rest = plan(able(), market="spot-then-on-demand").candidates
    assert "HibernationOptions" not in spot.request
    assert [c.hibernates for c in rest] == [True, False]


def test_the_disk_must_be_larger_than_the_memory_and_encrypted():
    with pytest.raises(EC2SpawnError, match="t3.medium has 32 GiB"):
        plan(able(memory=32.0))
    made = plan(able(memory=32.0), root_volume_size=64, root_volume_encrypted=False)
    assert made.candidates[0].request["BlockDeviceMappings"][0]["Ebs"]["Encrypted"]


def test_a_machine_that_was_launched_without_is_the_same_as_one_with():
    assert plan(able()).fingerprint == plan(able(can=False)).fingerprint


@pytest.mark.parametrize(
    "on_stop, ttl, until",
    [
        ("hibernate", 90 * DAY, MOST_HIBERNATION),
        ("hibernate", 0.0, MOST_HIBERNATION),
        ("hibernate", DAY, DAY),
        ("stop", 90 * DAY, 90 * DAY),
    ],
)
def test_a_machine_hibernates_for_60_days_at_most(on_stop, ttl, until):
    launch = Launch("start", "one", on_stop=on_stop, stopped_ttl=ttl)
    stopped = launch.stopped(1000.0, certain=True)
    assert stopped.until - stopped.since == until


def test_without_a_limit_a_machine_is_stopped_for_ever():
    launch = Launch("start", "one", on_stop="stop", stopped_ttl=0.0)
    assert launch.stopped(1000.0, certain=True).until == 0


@pytest.mark.parametrize("whose", ["server", "woken"])
def test_what_is_in_memory_survives_the_database(whose):
    server = ServerInMemory("key", "abcd", "sha512:1:salt:hash", "digest")
    launch = Launch(
        "start",
        "one",
        Phase.READY,
        Wish.KEEP,
        instance_id="i-1",
        ready_at=1.0,
        on_stop="hibernate",
        **{whose: server},
    )
    state = ServerState(launch=launch)
    assert from_dict(to_dict(state)) == state
    free = LetGo(2.0).after(state)
    again = from_dict(to_dict(free))
    assert again == free and again.stopped.server == server
    assert again.launch is None


def test_a_machine_hibernates_only_while_it_is_stopped():
    reason = "Client.UserInitiatedHibernate"
    assert Machine("i-1", "stopped", reason_code=reason).hibernated
    assert Machine("i-1", "stopping", reason_code=reason).hibernated
    assert not Machine("i-1", "running", reason_code=reason).hibernated
    assert not Machine("i-1", "stopped", reason_code="Client.Other").hibernated
