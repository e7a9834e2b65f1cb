"""Data volumes with real file systems, mounted on machines that boot."""

import pytest

from ..hub.conftest import eventually, living
from ..localec2.conftest import client
from ..localec2.test_volumes import state_of, until


@pytest.mark.slow
async def test_data_is_there_to_read_and_not_to_write_at_each_boot(
    make_quick_hub, ec2, guest, snapshot
):
    paths = ["/data/dem", "/home/jovyan/shared"]
    volumes = [{"snapshot_id": snapshot, "mount_path": path} for path in paths]
    settings = {"data_volumes": volumes, "home": "user", "on_stop": "stop"}
    hub = make_quick_hub(settings=settings)
    await hub.start()
    for boot in (1, 2):
        await hub.ready_server("alice")
        (machine,) = living(ec2)
        assert machine.boots == boot
        for path in paths:
            read = f"runuser -u jovyan -- cat {path}/dem.txt"
            assert guest().run(read) == "heights"
            assert "Read-only" in guest().run(f"touch {path}/x 2>&1", check=False)
            options = guest().run(f"findmnt -n -o OPTIONS {path}").split(",")
            assert {"ro", "nosuid", "nodev"} <= set(options)
        await hub.stop_server("alice")


@pytest.mark.slow
async def test_what_cannot_be_mounted_ends_the_start_with_the_reason(
    make_quick_hub, cloud, ec2
):
    api = client(cloud)
    zone = cloud.control.resources().zones[0]
    volume = api.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    until(api, volume, "available")
    blank = api.create_snapshot(VolumeId=volume)["SnapshotId"]
    eventually(lambda: state_of(api, blank) == "completed")
    volumes = [{"snapshot_id": blank, "mount_path": "/data/dem"}]
    hub = make_quick_hub(settings={"data_volumes": volumes})
    await hub.start()
    await hub.start_server("alice")
    await hub.wait_gone("alice")
    assert "cannot be mounted at /data/dem" in hub.log
    # What mount said is in the log for the admin.
    assert "wrong fs type" in hub.log
