"""Homes that move to another zone when their own has no machine for their user."""

import asyncio
import json

import pytest

from localec2 import Fault

from .conftest import eventually, living
from .test_failures import failed_start
from .test_homes import HOME, read, the_machine, volumes, write  # noqa: F401

MOVES = {**HOME, "home_may_move": True}


@pytest.fixture
async def hub(make_quick_hub):
    """A hub whose homes may move."""
    hub = make_quick_hub(settings=MOVES)
    await hub.start()
    return hub


@pytest.fixture
async def left(hub, ec2, volumes):  # noqa: F811
    """The zone of alice's home, which has a file in it and no machine any more."""
    await hub.ready_server("alice")
    machine = the_machine(ec2)
    write(machine, "rain falls")
    await hub.stop_server("alice")
    await free(volumes)
    return machine.zone


def sold_out(ec2, *zones):
    """From now on these zones have no machine, and all others have."""
    ec2.set_capacity({f"*/{zone}": 0 for zone in zones})


async def until(check, timeout=60):
    return await asyncio.to_thread(eventually, check, timeout)


async def free(volumes):  # noqa: F811
    """The one home hangs on no machine any more."""
    return await until(lambda: [v["State"] for v in volumes()] == ["available"])


async def only_home(volumes, zone=""):  # noqa: F811
    """The one home, once all others are gone; in this zone."""

    def one():
        found = volumes()
        return found[0] if len(found) == 1 else None

    home = await until(one)
    assert zone in ("", home["AvailabilityZone"])
    return home


def snapshots(volumes):  # noqa: F811
    found = volumes.client.describe_snapshots(
        OwnerIds=["self"], Filters=[{"Name": "tag-key", "Values": ["ec2spawner:move"]}]
    )
    return found["Snapshots"]


def tags_of(volume):
    return {tag["Key"]: tag["Value"] for tag in volume["Tags"]}


def asked_for(ec2, *actions):
    return [r.action for r in ec2.requests() if r.action in actions]


@pytest.mark.slow
async def test_a_home_moves_to_a_zone_that_has_a_machine_and_back_again(
    hub, ec2, volumes, left  # noqa: F811
):
    old = await only_home(volumes, left)
    sold_out(ec2, left)
    await hub.ready_server("alice")
    machine = the_machine(ec2)
    assert machine.zone != left
    assert read(machine) == "rain falls"
    home = await only_home(volumes, machine.zone)
    assert home["VolumeId"] != old["VolumeId"]
    assert (home["Size"], home["Encrypted"]) == (old["Size"], True)
    assert home.get("KmsKeyId") == old.get("KmsKeyId")
    await until(lambda: snapshots(volumes) == [])
    assert f"Moving your home from {left} to {machine.zone}" in hub.log
    # The old one went only after the new one had been mounted.
    done = asked_for(ec2, "CreateSnapshot", "AttachVolume", "DeleteVolume")
    assert done.index("CreateSnapshot") < done.index("DeleteVolume")
    assert "AttachVolume" in done[done.index("CreateSnapshot") :]
    assert done.index("DeleteVolume") > len(done) - 1 - done[::-1].index("AttachVolume")
    write(machine, "sun shines")
    await hub.stop_server("alice")
    sold_out(ec2, machine.zone)
    await hub.ready_server("alice")
    back = the_machine(ec2)
    assert back.zone != machine.zone
    assert read(back) == "sun shines"
    await only_home(volumes, back.zone)


@pytest.mark.slow
async def test_without_permission_a_home_stays_and_the_start_says_why(
    make_quick_hub, ec2, volumes  # noqa: F811
):
    hub = make_quick_hub(settings=HOME)
    await hub.start()
    await hub.ready_server("alice")
    zone = the_machine(ec2).zone
    await hub.stop_server("alice")
    await free(volumes)
    sold_out(ec2, zone)
    said = await failed_start(hub)
    assert f"Your home is in {zone}, and AWS has no machine of this size" in said
    assert living(ec2) == []
    # Neither when the admin has taken the zone's subnet away.
    sold_out(ec2)
    hub.stop()
    options = json.loads((hub.folder / "options.json").read_text())
    subnets = hub.cloud.control.resources().subnet_ids
    others = [subnet for each, subnet in subnets.items() if each != zone]
    options["spawner"]["subnets"] = others
    (hub.folder / "options.json").write_text(json.dumps(options))
    await hub.start()
    said = await failed_start(hub)
    assert f"Your home is in {zone}, where this hub has no machines" in said
    assert "give one that is, or let homes move" in hub.log
    assert len(volumes()) == 1
    # With it, the home goes where there is one.
    hub.stop()
    options["spawner"]["home_may_move"] = True
    (hub.folder / "options.json").write_text(json.dumps(options))
    await hub.start()
    await hub.ready_server("alice")
    assert the_machine(ec2).zone != zone
    await only_home(volumes, the_machine(ec2).zone)


@pytest.mark.slow
async def test_what_was_copied_is_never_used_once_somebody_had_the_home_again(
    hub, ec2, volumes, left  # noqa: F811
):
    ec2.change_settings(snapshot_seconds=600)
    sold_out(ec2, left)
    await hub.start_server("alice")
    await until(lambda: snapshots(volumes))
    (void,) = snapshots(volumes)
    await hub.stop_server("alice")
    ec2.change_settings(snapshot_seconds=0.1)
    sold_out(ec2)
    await hub.ready_server("alice")
    assert the_machine(ec2).zone == left
    write(the_machine(ec2), "sun shines")
    await hub.stop_server("alice")
    sold_out(ec2, left)
    await hub.ready_server("alice")
    assert the_machine(ec2).zone != left
    assert read(the_machine(ec2)) == "sun shines"
    made = [r for r in ec2.requests() if r.action == "CreateVolume"]
    assert void["SnapshotId"] not in [r.params.get("SnapshotId") for r in made]


@pytest.mark.slow
async def test_a_start_that_runs_out_of_time_goes_on_with_its_snapshot(
    make_quick_hub, ec2, volumes  # noqa: F811
):
    hub = make_quick_hub(settings={**MOVES, "start_timeout": 20})
    await hub.start()
    await hub.ready_server("alice")
    write(the_machine(ec2), "rain falls")
    zone = the_machine(ec2).zone
    await hub.stop_server("alice")
    ec2.change_settings(snapshot_seconds=40)
    sold_out(ec2, zone)
    await hub.start_server("alice")
    await hub.wait_gone("alice")
    assert "Not ready within" in hub.log
    await until(lambda: living(ec2) == [])
    (begun,) = snapshots(volumes)
    assert begun["State"] == "pending"
    await until(lambda: snapshots(volumes)[0]["State"] == "completed")
    await hub.ready_server("alice")
    assert read(the_machine(ec2)) == "rain falls"
    assert asked_for(ec2, "CreateSnapshot") == ["CreateSnapshot"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "action, nth",
    [
        ("CreateSnapshot", 1),
        ("CreateVolume", 1),
        # The move begins; the copy takes its place; it becomes the home.
        ("CreateTags", 1),
        ("CreateTags", 2),
        ("CreateTags", 3),
    ],
)
async def test_a_hub_killed_in_the_midst_of_a_move_goes_on_with_it(
    hub, ec2, volumes, left, action, nth  # noqa: F811
):
    sold_out(ec2, left)
    ec2.clear_requests()
    # All that comes before takes a moment, so that the one that is meant can be hit.
    ec2.add_fault(Fault(action, delay=2, times=nth - 1) if nth > 1 else Fault("-"))
    ec2.add_fault(Fault(action, delay_answer=5, times=1))
    asked = asyncio.ensure_future(hub.start_server("alice"))
    await until(lambda: len(asked_for(ec2, action)) >= nth)
    hub.kill()
    await asyncio.gather(asked, return_exceptions=True)
    ec2.clear_faults()
    await hub.start()
    await hub.wait_ready("alice")
    assert the_machine(ec2).zone != left
    assert read(the_machine(ec2)) == "rain falls"
    await only_home(volumes, the_machine(ec2).zone)
    await until(lambda: snapshots(volumes) == [])


@pytest.mark.slow
async def test_a_new_home_is_made_where_the_first_machine_is_that_runs(
    make_quick_hub, ec2, volumes  # noqa: F811
):
    hub = make_quick_hub(settings=HOME)
    await hub.start()
    died = ("Server.InsufficientInstanceCapacity", "none left")
    ec2.add_fault(Fault("RunInstances", state_reason=died, times=1))
    await hub.ready_server("alice")
    machine = the_machine(ec2)
    zones = [m.zone for m in ec2.machines() if m.zone != machine.zone]
    assert zones, "the first machine was in another zone, and has ended"
    assert [v["AvailabilityZone"] for v in volumes()] == [machine.zone]


@pytest.mark.slow
async def test_a_machine_that_cannot_wake_gives_its_home_to_one_in_another_zone(
    make_quick_hub, ec2, volumes  # noqa: F811
):
    hub = make_quick_hub(settings={**MOVES, "on_stop": "stop"})
    await hub.start()
    await hub.ready_server("alice")
    asleep = the_machine(ec2)
    write(asleep, "rain falls")
    await hub.stop_server("alice")
    await until(lambda: ec2.machine(asleep.instance_id).state == "stopped")
    sold_out(ec2, asleep.zone)
    no_room = ("InsufficientInstanceCapacity", 500)
    ec2.add_fault(Fault("StartInstances", error=no_room))
    await hub.ready_server("alice")
    await until(lambda: [m.state for m in living(ec2)] == ["running"])
    assert the_machine(ec2).zone != asleep.zone
    assert read(the_machine(ec2)) == "rain falls"
    await only_home(volumes, the_machine(ec2).zone)


@pytest.mark.slow
async def test_all_servers_of_a_user_and_a_hub_without_its_database_find_the_home(
    hub, ec2, volumes, left  # noqa: F811
):
    # Another server of alice remembers the home as it was before the move.
    await hub.ready_server("alice", name="second")
    await hub.stop_server("alice", name="second")
    await free(volumes)
    sold_out(ec2, left)
    await hub.ready_server("alice")
    await hub.start_server("alice", name="second")
    await hub.wait_gone("alice", name="second")
    assert "is in use by your default server" in hub.log
    await only_home(volumes, the_machine(ec2).zone)
    await hub.stop_server("alice")
    await hub.ready_server("alice", name="second")
    assert read(the_machine(ec2)) == "rain falls"
    await hub.stop_server("alice", name="second")
    hub.stop()
    (hub.folder / "jupyterhub.sqlite").unlink()
    await hub.start()
    await hub.ready_server("alice")
    assert read(the_machine(ec2)) == "rain falls"
    assert len(volumes()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "action, code, sentence",
    [
        ("CreateSnapshot", "PendingSnapshotLimitExceeded", "limit of disks or their"),
        ("CreateVolume", "VolumeLimitExceeded", "limit of disks or their"),
        (
            "CreateVolume",
            "CustomerKeyHasBeenRevoked",
            "refuses the key that encrypts your home",
        ),
        ("CreateSnapshot", "UnauthorizedOperation", "not allowed to do this on AWS"),
    ],
)
async def test_what_aws_refuses_is_told_and_the_home_stays(
    hub, ec2, volumes, left, action, code, sentence  # noqa: F811
):
    sold_out(ec2, left)
    ec2.add_fault(Fault(action, error=(code, 400)))
    assert sentence in await failed_start(hub)
    await until(lambda: living(ec2) == [])
    assert code in hub.log
    await only_home(volumes, left)
    ec2.clear_faults()
    await hub.ready_server("alice")
    assert read(the_machine(ec2)) == "rain falls"
    await only_home(volumes, the_machine(ec2).zone)


@pytest.mark.slow
@pytest.mark.parametrize("action", ["CreateSnapshot", "CreateVolume"])
@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
async def test_a_lost_answer_is_no_second_copy(
    hub, ec2, volumes, left, action, lost  # noqa: F811
):
    sold_out(ec2, left)
    ec2.add_fault(Fault(action, times=1, **{lost: True}))
    await hub.ready_server("alice")
    assert read(the_machine(ec2)) == "rain falls"
    await only_home(volumes, the_machine(ec2).zone)
    await until(lambda: snapshots(volumes) == [])


@pytest.mark.slow
async def test_a_throttled_snapshot_is_asked_for_again(
    hub, ec2, volumes, left  # noqa: F811
):
    sold_out(ec2, left)
    too_soon = ("SnapshotCreationPerVolumeRateExceeded", 400)
    ec2.add_fault(Fault("CreateSnapshot", error=too_soon, times=1))
    await hub.ready_server("alice")
    assert read(the_machine(ec2)) == "rain falls"


@pytest.mark.slow
@pytest.mark.parametrize("action", ["CreateSnapshot", "CreateVolume"])
async def test_what_aws_accepts_and_cannot_make_is_told_and_the_next_start_begins_anew(
    hub, ec2, volumes, left, action  # noqa: F811
):
    sold_out(ec2, left)
    ec2.add_fault(Fault(action, state_reason=("?", "the key is closed"), times=1))
    said = await failed_start(hub)
    assert "Nothing is lost" in said
    await until(lambda: living(ec2) == [])
    await only_home(volumes, left)
    await hub.ready_server("alice")
    assert read(the_machine(ec2)) == "rain falls"
    await only_home(volumes, the_machine(ec2).zone)
    await until(lambda: snapshots(volumes) == [])


@pytest.mark.slow
async def test_a_machine_waits_longer_for_its_home_than_for_the_hub(
    make_quick_hub, ec2, volumes  # noqa: F811
):
    limits = {"claim_timeout": 25, "start_timeout": 150}
    hub = make_quick_hub(settings={**MOVES, **limits})
    await hub.start()
    await hub.ready_server("alice")
    write(the_machine(ec2), "rain falls")
    zone = the_machine(ec2).zone
    await hub.stop_server("alice")
    ec2.change_settings(snapshot_seconds=40)
    sold_out(ec2, zone)
    await hub.ready_server("alice", timeout=140)
    assert read(the_machine(ec2)) == "rain falls"
    assert len(asked_for(ec2, "RunInstances")) == 3
