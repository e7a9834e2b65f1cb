"""Volumes on machines that boot: block devices with real file systems.

Most are slow: ``pytest -m "machine and slow"``.
"""

import pytest

from ..localec2.conftest import describe, eventually
from ..localec2.test_volumes import attachment, until


def disk(device, **ebs):
    return {"DeviceName": device, "Ebs": {"DeleteOnTermination": True, **ebs}}


def by_id(volume):
    serial = volume.replace("-", "")
    return f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{serial}"


#: the number of a device, whatever its name
NUMBER = "stat -L -c %t:%T"

# By a service, as on a real machine: with what systemd allows it.
FORMAT = "systemd-run --quiet --wait --pipe mkfs.ext4 -q"
MOUNT = "systemd-run --quiet --wait --pipe mount --mkdir"


@pytest.mark.slow
@pytest.mark.proves("detach-busy")
def test_a_volume_is_under_its_names_whenever_it_was_attached(here):
    """Before, while and after the machine boots; and it goes when it is not in use."""
    machine = here.launch(BlockDeviceMappings=[disk("/dev/sdf", VolumeSize=1)])
    during, after = here.volume(Size=2), here.volume(Size=3)
    here.attach(during, machine, "/dev/sdg")
    guest = here.booted(machine)
    here.attach(after, machine, "xvdh")
    blocks = describe(here.api, machine)["BlockDeviceMappings"]
    before = {b["DeviceName"]: b["Ebs"]["VolumeId"] for b in blocks}["/dev/sdf"]
    for gib, (volume, letter) in enumerate(
        [(before, "f"), (during, "g"), (after, "h")], 1
    ):
        names = (f"/dev/sd{letter}", f"/dev/xvd{letter}", by_id(volume))
        numbers = {guest.run(f"{NUMBER} {name}") for name in names}
        assert len(numbers) == 1, names
        assert guest.run(f"blockdev --getsize64 {names[2]}") == str(gib << 30)
        # Blank: nothing says that there is a file system.
        assert guest.run(f"blkid -p {names[0]}", check=False) == ""
    guest.run(f"{FORMAT} {by_id(after)} && {MOUNT} {by_id(after)} /data")
    guest.run("echo kept > /data/file")
    here.api.detach_volume(VolumeId=after)
    eventually(lambda: attachment(here.api, after) == "busy")
    assert guest.run("cat /data/file") == "kept"
    guest.run("umount /data")
    until(here.api, after, "available")
    for name in ("/dev/sdh", "/dev/xvdh", by_id(after)):
        assert guest.run(f"ls {name}", check=False) == ""
    assert guest.run("fsck.ext4 -V && ls /dev/sdg") == "/dev/sdg"


@pytest.mark.slow
def test_data_goes_from_machine_to_machine_and_to_copies_by_snapshot(here):
    volume = here.volume(Size=1)
    first = here.launch()
    here.attach(volume, first)
    guest = here.booted(first)
    guest.run(f"{FORMAT} /dev/sdf && {MOUNT} /dev/sdf /data && echo one > /data/file")
    # It shuts down with the volume mounted, or is cut off: both unmount it.
    here.terminate(first)
    until(here.api, volume, "available")
    snapshot = here.api.create_snapshot(VolumeId=volume)["SnapshotId"]

    def completed():
        found = here.api.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
        return found[0]["State"] == "completed"

    eventually(completed)
    copy = disk("/dev/sdg", SnapshotId=snapshot, VolumeSize=2)
    second = here.launch(BlockDeviceMappings=[copy])
    guest = here.booted(second)
    here.attach(volume, second)
    assert guest.run("fsck.ext4 -fn /dev/sdf > /dev/null && echo clean") == "clean"
    guest.run("mount --mkdir /dev/sdf /data; mount --mkdir /dev/sdg /copy")
    assert guest.run("cat /data/file /copy/file") == "one\none"
    guest.run("echo two > /copy/file")
    assert guest.run("cat /data/file") == "one"
    # The copy is as large as was asked for; its file system is as it was.
    assert guest.run("blockdev --getsize64 /dev/sdg") == str(2 << 30)


@pytest.mark.slow
def test_a_volume_stays_over_stop_start_and_reboot(here):
    machine = here.launch()
    here.booted(machine)
    volume = here.volume(Size=1)
    here.stop(machine)
    # As the home of somebody who comes back is.
    here.attach(volume, machine)
    here.start(machine)
    guest = here.booted(machine, 2)
    guest.run(f"{FORMAT} {by_id(volume)} && {MOUNT} /dev/sdf /data")
    guest.run("echo kept > /data/file")
    here.stop(machine)
    here.start(machine)
    guest = here.booted(machine, 3)
    assert guest.run("mount --mkdir /dev/sdf /data; cat /data/file") == "kept"
    here.api.reboot_instances(InstanceIds=[machine])
    guest = here.booted(machine, 4)
    assert guest.run("mount --mkdir /dev/sdf /data; cat /data/file") == "kept"
    here.stop(machine)
    here.detach(volume)
    here.start(machine)
    guest = here.booted(machine, 5)
    assert guest.run("ls /dev/sdf", check=False) == ""


@pytest.mark.slow
@pytest.mark.proves("detach-busy")
def test_a_volume_that_is_detached_by_force_takes_no_more_writes(here):
    volume = here.volume(Size=1)
    first, second = here.launch(), here.launch()
    here.attach(volume, first)
    guest = here.booted(first)
    guest.run(f"{FORMAT} /dev/sdf && {MOUNT} /dev/sdf /data && echo one > /data/file")
    guest.run("sync; sleep 1000 < /data/file > /dev/null 2>&1 &")
    guest.run("echo lost > /data/not-yet-written")
    here.detach(volume, Force=True)
    assert guest.run("findmnt /data", check=False) == ""
    assert guest.run("ls /dev/sdf", check=False) == ""
    other = here.booted(second)
    here.attach(volume, second)
    # The first still has a file open, and it does no harm.
    assert guest.run("pgrep sleep")
    other.run("fsck.ext4 -p /dev/sdf || [ $? = 1 ]")
    found = other.run("mount --mkdir /dev/sdf /data; grep -r . /data")
    assert found == "/data/file:one"


@pytest.mark.slow
def test_a_volume_goes_free_when_its_machine_is_cut_off(here):
    volume = here.volume(Size=1)
    machine = here.launch()
    here.attach(volume, machine)
    guest = here.booted(machine)
    guest.run(f"{FORMAT} /dev/sdf && {MOUNT} /dev/sdf /data && echo one > /data/file")
    here.api.detach_volume(VolumeId=volume)
    eventually(lambda: attachment(here.api, volume) == "busy")
    here.control.crash(machine)
    until(here.api, volume, "available")
    here.api.reboot_instances(InstanceIds=[machine])
    guest = here.booted(machine, 2)
    assert guest.run("ls /dev/sdf", check=False) == ""
    here.attach(volume, machine)
    assert guest.run("mount --mkdir /dev/sdf /data; cat /data/file") == "one"


@pytest.mark.slow
def test_a_volume_that_grows_is_seen_to_grow_and_is_full_when_it_is_full(here):
    volume = here.volume(Size=1)
    machine = here.launch()
    here.attach(volume, machine)
    guest = here.booted(machine)
    guest.run(f"{FORMAT} /dev/sdf && {MOUNT} /dev/sdf /data")
    fill = "head -c 1100M /dev/zero 2>&1 > /data/file"
    assert guest.run(f"{fill} || true").endswith("No space left on device")
    here.api.modify_volume(VolumeId=volume, Size=2)
    size = "blockdev --getsize64 /dev/sdf"
    eventually(lambda: guest.run(size) == str(2 << 30))
    # Unmounted: growing while mounted needs a capability that containers may lack.
    guest.run("umount /data && e2fsck -fp /dev/sdf && resize2fs /dev/sdf")
    guest.run(f"mount /dev/sdf /data && {fill}")
