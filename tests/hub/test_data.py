"""Data volumes: made of snapshots with the machine, and gone with it."""

import os
from pathlib import Path

import pytest

from ..localec2.conftest import client
from ..localec2.test_volumes import state_of, until
from .conftest import eventually, living
from .test_homes import home_of

UNKNOWN = "snap-0123456789abcdef0"


@pytest.fixture
def snapshot(cloud):
    """Makes a snapshot with one file in it."""
    api = client(cloud)

    def make(text):
        zone = cloud.control.resources().zones[0]
        volume = api.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
        # Where the local EC2 keeps what is on the volumes of process machines.
        folder = Path(cloud.folder) / "volumes" / volume
        folder.mkdir()
        (folder / "dem.txt").write_text(text)
        until(api, volume, "available")
        made = api.create_snapshot(VolumeId=volume)["SnapshotId"]
        eventually(lambda: state_of(api, made) == "completed")
        api.delete_volume(VolumeId=volume)
        return made

    return make


def volumes(snapshot_id, path="/data/dem"):
    return [{"snapshot_id": snapshot_id, "mount_path": path}]


def seen(ec2, path):
    (machine,) = [m for m in living(ec2) if m.state == "running"]
    return Path(home_of(machine) + path).read_text()


@pytest.mark.slow
async def test_a_user_finds_the_data_of_the_profile_also_after_a_rest(
    make_quick_hub, cloud, ec2, snapshot
):
    old, new = snapshot("old heights"), snapshot("new heights")

    def profile(name, snapshot_id):
        override = {"data_volumes": volumes(snapshot_id)}
        return {"display_name": name, "ec2spawner_override": override}

    profiles = [
        {"display_name": "None"},
        profile("Old", old),
        profile("New", new),
        profile("Gone", UNKNOWN),
    ]
    hub = make_quick_hub(settings={"profile_list": profiles, "on_stop": "stop"})
    await hub.start()

    async def use(name):
        await hub.start_server("alice", options={"profile": name})
        await hub.wait_ready("alice")
        (machine,) = [m for m in living(ec2) if m.state == "running"]
        return machine

    machine = await use("old")
    assert seen(ec2, "/data/dem/dem.txt") == "old heights"
    await hub.stop_server("alice")
    # A snapshot that is unknown here is told in words, and costs nobody anything.
    status, answer = await hub.start_server("alice", options={"profile": "gone"})
    assert status == 500
    assert "The data of this server cannot be found" in answer["message"]
    assert UNKNOWN in hub.log and "is not in this region" in hub.log
    assert (await use("old")).instance_id == machine.instance_id
    assert seen(ec2, "/data/dem/dem.txt") == "old heights"
    await hub.stop_server("alice")
    # Of other data a machine at rest can know nothing: a fresh one takes its place.
    assert (await use("new")).instance_id != machine.instance_id
    assert seen(ec2, "/data/dem/dem.txt") == "new heights"
    await hub.stop_server("alice")
    machine = await use("none")
    assert not os.path.exists(home_of(machine) + "/data")
    left = client(cloud).describe_volumes(
        Filters=[{"Name": "snapshot-id", "Values": [old, new]}]
    )
    attached = {a["InstanceId"] for v in left["Volumes"] for a in v["Attachments"]}
    assert attached <= {m.instance_id for m in ec2.machines()}
