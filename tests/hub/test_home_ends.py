"""What becomes of homes when users and servers are deleted or renamed."""

import asyncio
import json
from urllib.parse import quote

import pytest

from ec2spawner.core.tags import (
    ARCHIVE_TAG,
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    MOVE_TAG,
    MOVED_FROM_TAG,
)
from localec2 import Fault

from .conftest import eventually, living
from .test_admin import of_hub
from .test_homes import read, the_machine, volumes, write  # noqa: F401
from .test_sweep import more_sweeps

QUICK = {"home_size": 3, "sweep_interval": 1, "sweep_grace": 2}


@pytest.fixture
def make_home_hub(make_quick_hub):
    """Makes hubs, not yet started, whose users have homes that end in some way."""

    def make(on_delete="keep", home="user", **more):
        settings = {**QUICK, "home": home, "home_on_delete": on_delete, **more}
        return make_quick_hub(settings=settings)

    return make


def ids(volumes):  # noqa: F811
    return {v["VolumeId"] for v in volumes()}


async def soon(check):
    return await asyncio.to_thread(eventually, check)


async def round_of(hub, user, name="", text=None):
    """A server runs, is written to, and stops."""
    await hub.ready_server(user, name=name)
    if text:
        write(the_machine_of(hub), text)
    await hub.stop_server(user, name)


def the_machine_of(hub):
    (machine,) = living(hub.cloud.control)
    return machine


async def delete_user(hub, user):
    status, answer = await hub.api("DELETE", f"/users/{user}")
    assert status == 204, answer


async def remove_server(hub, user, name):
    path = f"/users/{user}/servers/{name}"
    status, answer = await hub.api("DELETE", path, {"remove": True})
    assert status in (202, 204), answer


@pytest.mark.slow
async def test_the_home_of_a_deleted_user_stays_unless_told_otherwise(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub()
    await hub.start()
    await round_of(hub, "alice")
    before = ids(volumes)
    await delete_user(hub, "alice")
    await more_sweeps(ec2, 4)  # more than a grace
    assert ids(volumes) == before
    (home,) = volumes()
    assert not {DISCARD_TAG, ARCHIVE_TAG} & {t["Key"] for t in home["Tags"]}


@pytest.mark.slow
async def test_the_home_goes_with_its_user_and_not_with_a_named_server(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub("delete")
    await hub.start()
    await round_of(hub, "bob")
    (bobs,) = ids(volumes)
    await round_of(hub, "alice", "second")
    (alices,) = ids(volumes) - {bobs}
    await remove_server(hub, "alice", "second")
    await more_sweeps(ec2, 4)  # more than a grace
    assert ids(volumes) == {alices, bobs}
    await delete_user(hub, "alice")
    await soon(lambda: ids(volumes) == {bobs})


@pytest.mark.slow
async def test_the_home_of_a_server_goes_with_it_and_no_other_does(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub("delete", home="server")
    await hub.start()
    await round_of(hub, "alice")
    first = ids(volumes)
    await round_of(hub, "alice", "second")
    await remove_server(hub, "alice", "second")
    await soon(lambda: ids(volumes) == first)
    await hub.ready_server("alice", name="second")  # the name is free again
    assert len(ids(volumes)) == 2


@pytest.mark.slow
async def test_a_deleted_user_leaves_a_snapshot_and_the_volume_goes_when_it_is_complete(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub("snapshot", tags={"who": "{username}"})
    await hub.start()
    await round_of(hub, "alice", text="rain falls")
    (home,) = volumes()
    ec2.change_settings(snapshot_seconds=5)
    await delete_user(hub, "alice")
    of = [{"Name": f"tag:{ARCHIVE_TAG}", "Values": [home["VolumeId"]]}]

    def snapshots():
        return volumes.client.describe_snapshots(Filters=of)["Snapshots"]

    (pending,) = await soon(snapshots)
    assert pending["State"] == "pending" and ids(volumes) == {home["VolumeId"]}
    await soon(lambda: not ids(volumes))
    (snapshot,) = snapshots()
    assert snapshot["State"] == "completed"
    tags = {t["Key"]: t["Value"] for t in snapshot["Tags"]}
    assert tags["who"] == "alice" and tags[HOME_TAG] == tag_of(home, HOME_TAG)
    # Somebody new with that name begins with an empty home.
    await hub.ready_server("alice")
    with pytest.raises(FileNotFoundError):
        read(the_machine_of(hub))


def tag_of(volume, key):
    return {t["Key"]: t["Value"] for t in volume["Tags"]}.get(key)


@pytest.mark.slow
async def test_a_home_is_given_up_also_when_ec2_was_away_as_its_user_was_deleted(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub("delete")
    await hub.start()
    await round_of(hub, "alice", text="rain falls")
    (home,) = ids(volumes)
    ec2.add_fault(Fault("CreateTags", error=("InternalError", 500)))
    await delete_user(hub, "alice")
    assert "cannot be given up yet" in hub.log
    assert ids(volumes) == {home}
    ec2.clear_faults()
    await soon(lambda: not ids(volumes))


@pytest.mark.slow
async def test_a_user_whose_named_server_runs_cannot_be_deleted_and_keeps_the_home(
    make_home_hub, volumes, ec2  # noqa: F811
):
    """The Hub gives up half way, when it has said goodbye to the default server."""
    hub = make_home_hub("delete")
    await hub.start()
    await round_of(hub, "alice")
    await hub.ready_server("alice", name="second")
    write(the_machine_of(hub), "rain falls")
    status, _ = await hub.api("DELETE", "/users/alice")
    assert status == 500
    assert not tag_of(volumes()[0], DISCARD_TAG)
    assert read(the_machine_of(hub)) == "rain falls"


@pytest.mark.slow
async def test_the_home_of_a_user_whose_machine_rests_goes_with_both(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub("delete", on_stop="stop")
    await hub.start()
    await round_of(hub, "alice")
    await delete_user(hub, "alice")
    await soon(lambda: not living(ec2) and not ids(volumes))


@pytest.mark.slow
async def test_homes_are_listed_while_the_hub_is_down(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub("snapshot", tags={"who": "{username}"})
    await hub.start()
    for user in ("alice", "bob"):
        await round_of(hub, user)
    await delete_user(hub, "bob")
    await soon(lambda: len(ids(volumes)) == 1)
    await hub.ready_server("alice")
    machine = the_machine_of(hub).instance_id
    hub.kill()
    (home,) = ids(volumes)
    code, out, err = await of_hub(hub, "ls", "--homes")
    assert code == 0, err
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "alice" in lines[home] and machine in lines[home]
    (kept,) = [id for id in lines if id.startswith("snap-")]
    assert "bob?" in lines[kept] and "until a person deletes it" in lines[kept]
    (hub.folder / "jupyterhub.sqlite").unlink()
    code, out, err = await of_hub(hub, "ls", "--homes", "--json")
    assert code == 0 and "cannot be read" in err
    found = {row["id"]: row for row in json.loads(out)["homes"]}
    assert found[home]["owner"] is None and found[home]["owner_tag"] == "alice"
    assert found[home]["machine"] == machine


@pytest.mark.slow
async def test_what_a_move_had_made_goes_with_the_home_and_the_home_becomes_a_snapshot(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub("snapshot", hub_id="hub-of-this-test")
    await hub.start()
    await round_of(hub, "alice")
    (home,) = volumes()
    id, client = home["VolumeId"], volumes.client
    tags = {HUB_TAG: "hub-of-this-test", MOVE_TAG: "a-move"}
    client.create_snapshot(VolumeId=id, TagSpecifications=spec("snapshot", tags))
    tags[MOVED_FROM_TAG] = id
    copy = client.create_volume(
        AvailabilityZone=home["AvailabilityZone"],
        Size=3,
        TagSpecifications=spec("volume", tags),
    )["VolumeId"]
    client.create_tags(Resources=[id], Tags=[{"Key": MOVE_TAG, "Value": "a-move"}])
    await delete_user(hub, "alice")

    def left():
        mine = [{"Name": f"tag:{HUB_TAG}", "Values": ["hub-of-this-test"]}]
        found = client.describe_snapshots(Filters=mine)["Snapshots"]
        there = {v["VolumeId"] for v in client.describe_volumes()["Volumes"]}
        return (
            there & {id, copy},
            [s["VolumeId"] for s in found if is_archive(s)],
            len(found),
        )

    await soon(lambda: left() == (set(), [id], 1))


def is_archive(snapshot):
    return tag_of(snapshot, ARCHIVE_TAG) is not None


def spec(kind, tags):
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": kind, "Tags": pairs}]


# -- other names ---------------------------------------------------------------


async def rename(hub, path, name):
    status, answer = await hub.api("PATCH", path, {"name": name})
    assert status == 200, answer


async def lose_database(hub):
    hub.stop()
    (hub.folder / "jupyterhub.sqlite").unlink()
    await hub.start()


@pytest.mark.slow
@pytest.mark.parametrize("home", ["user", "server"])
async def test_after_a_rename_and_a_lost_database_everybody_finds_their_own_home(
    make_home_hub, volumes, ec2, home  # noqa: F811
):
    hub = make_home_hub(home=home)
    await hub.start()
    await round_of(hub, "alice", text="of who is carol now")
    (carols,) = volumes()
    await rename(hub, "/users/alice", "carol")
    await round_of(hub, "alice", text="of the new alice")  # perhaps before the sweep
    old = tag_of(carols, HOME_TAG)

    def tags():
        return {v["VolumeId"]: tag_of(v, HOME_TAG) for v in volumes()}

    await soon(lambda: tags()[carols["VolumeId"]] != old)
    await lose_database(hub)
    for user, text in (("carol", "of who is carol now"), ("alice", "of the new alice")):
        await hub.ready_server(user)
        assert read(the_machine_of(hub)) == text
        await hub.stop_server(user)
    assert len(volumes()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("outage", [False, True], ids=["", "while EC2 is away"])
async def test_a_server_that_was_renamed_keeps_its_home_also_without_the_database(
    make_home_hub, volumes, ec2, outage  # noqa: F811
):
    hub = make_home_hub(home="server")
    await hub.start()
    await round_of(hub, "alice", "old", text="rain falls")
    (home,) = volumes()
    if outage:
        ec2.add_fault(Fault("CreateTags", error=("InternalError", 500)))
    await rename(hub, "/users/alice/servers/old", "new")
    ec2.clear_faults()
    await soon(lambda: tag_of(volumes()[0], HOME_TAG) != tag_of(home, HOME_TAG))
    await hub.ready_server("alice", name="old")  # another one, of the old name
    with pytest.raises(FileNotFoundError):
        read(the_machine_of(hub))
    await hub.stop_server("alice", "old")
    await lose_database(hub)
    await hub.ready_server("alice", name="new")
    assert read(the_machine_of(hub)) == "rain falls"


@pytest.mark.slow
async def test_a_home_gets_the_new_name_at_its_next_start_before_any_sweep(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub(sweep_interval=3600)
    await hub.start()
    await round_of(hub, "alice", text="rain falls")
    await rename(hub, "/users/alice", "carol")
    await round_of(hub, "carol")
    await lose_database(hub)
    await hub.ready_server("carol")
    assert read(the_machine_of(hub)) == "rain falls"


@pytest.mark.slow
async def test_users_whose_names_look_alike_have_homes_of_their_own(
    make_home_hub, volumes, ec2  # noqa: F811
):
    hub = make_home_hub(home="server")
    await hub.start()
    who = [
        ("a", "b-c"),
        ("a-b", "c"),
        ("a-b", ""),
        ("a--b", ""),
        ("a.b", ""),
        ("а", ""),
    ]
    for user, name in who:
        await round_of(hub, quote(user), name, text=f"{user} {name}")
    await lose_database(hub)
    for user, name in who:
        await hub.ready_server(quote(user), name=name)
        assert read(the_machine_of(hub)) == f"{user} {name}"
        await hub.stop_server(quote(user), name)
    assert len(volumes()) == len(who)
