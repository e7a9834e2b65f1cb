"""A user's round on a whole computer: its own kernel, firmware, disks, power button.

By night, since an emulated processor needs minutes for each boot.
"""

import json
import os

import pytest

from ec2spawner.demo.visitor import Visitor
from localec2 import LocalCloudProcess, LocalSettings
from localec2.processes import marked
from localec2.processes.marked import MARKER
from localec2.roots import roots

from ..hub.conftest import eventually, living
from ..localec2.conftest import client, describe, request_for

pytestmark = pytest.mark.qemu

#: how long anything may take, on a busy computer
PATIENCE = 1500
LOOK = """
import json, os, pathlib
def read(path):
    return pathlib.Path(path).read_text().strip()
result = json.loads(read("/run/cloud-init/result.json"))
print(json.dumps({
    "sum": 1 + 1,
    "maker": read("/sys/class/dmi/id/sys_vendor"),
    "boot": read("/proc/sys/kernel/random/boot_id"),
    "source": result["v1"]["datasource"],
    "root": os.stat("/").st_dev,
    "data": read("/data/dem/dem.txt"),
    "run": [line for line in open("/proc/mounts") if line.split()[1] == "/run"],
}))
"""
DISKS = """
import json, pathlib
disks = pathlib.Path("/sys/block").glob("nvme*")
# A set: with multipath a disk is there by its path, too.
print(json.dumps(sorted({(d / "device/serial").read_text().strip() for d in disks})))
"""


@pytest.fixture(scope="module")
def settings():
    try:
        roots.check_needs("qemu")
    except roots.CannotBoot as error:
        pytest.skip(str(error))
    return LocalSettings(machines="qemu", stop_grace_seconds=300)


@pytest.fixture(scope="module")
def cloud(settings):
    with LocalCloudProcess(settings) as started:
        yield started


def serial(volume_id):
    return volume_id.replace("-", "")


async def test_a_user_works_on_a_whole_computer(make_hub, cloud, ec2, snapshot):
    hub = make_hub(
        settings={
            "data_volumes": [{"snapshot_id": snapshot, "mount_path": "/data/dem"}],
            "start_timeout": PATIENCE,
            "http_timeout": PATIENCE,
        }
    )
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready(timeout=PATIENCE)
        text, kernel = await alice.run_cell(LOOK, timeout=PATIENCE)
        seen = json.loads(text)
        assert seen["sum"] == 2
        # The firmware says so, and cloud-init needs no other word.
        assert seen["maker"] == "Amazon EC2"
        assert seen["source"] == "DataSourceEc2Local"
        # It is not this computer's kernel.
        with open("/proc/sys/kernel/random/boot_id") as file:
            assert seen["boot"] != file.read().strip()
        assert "noexec" in seen["run"][0]
        assert seen["data"] == "heights"
        (machine,) = living(ec2)
        assert machine.pids
        text, _ = await alice.run_cell(DISKS, kernel_id=kernel, timeout=PATIENCE)
        api = client(cloud)
        disks = api.describe_volumes(
            Filters=[
                {"Name": "attachment.instance-id", "Values": [machine.instance_id]}
            ]
        )["Volumes"]
        found = sorted(serial(disk["VolumeId"]) for disk in disks)
        assert len(found) == 2 and json.loads(text) == found
        await alice.stop(timeout=PATIENCE)
        assert living(ec2) == []


# Runs at the first boot, and leaves a service that runs at every boot.
USER_DATA = r"""#!/bin/sh
cat > /etc/systemd/system/every-boot.service << 'UNIT'
[Service]
ExecStart=/bin/sh -c 'echo up >> /boots; echo I AM UP $(cat /boots | wc -l); sleep 9d'
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now --no-block every-boot.service
"""


@pytest.fixture
def launch(cloud, ec2):
    """Launch a machine and wait until it is up; returns its id."""
    api = client(cloud)

    def run(user_data=USER_DATA):
        wanted = request_for(cloud.control.resources(), UserData=user_data)
        instance_id = api.run_instances(**wanted)["Instances"][0]["InstanceId"]
        eventually(lambda: "I AM UP 1" in console(cloud, instance_id), PATIENCE)
        return instance_id

    run.api = api
    return run


def console(cloud, instance_id):
    log = cloud.control.machine(instance_id).console_log
    if log is None or not os.path.exists(log):  # not switched on yet
        return ""
    with open(log, errors="replace") as file:
        return file.read()


@pytest.mark.slow
def test_power_button_start_reboot_freeze_and_crash(cloud, launch):
    machine = launch()
    folder = cloud.control.machine(machine).folder
    launch.api.stop_instances(InstanceIds=[machine])
    assert cloud.control.wait_for_state(machine, "stopped", PATIENCE).pids == []
    # It was shut down in order, not cut off.
    assert "reboot: Power down" in console(cloud, machine)
    launch.api.start_instances(InstanceIds=[machine])
    eventually(lambda: "I AM UP 2" in console(cloud, machine), PATIENCE)
    # The same disk, and what runs at the first boot only has not run again.
    assert console(cloud, machine).count("I AM UP 1") == 1
    cloud.control.freeze(machine)
    launch.api.reboot_instances(InstanceIds=[machine])
    cloud.control.thaw(machine)
    eventually(lambda: "I AM UP 3" in console(cloud, machine), PATIENCE)
    cloud.control.crash(machine)
    assert cloud.control.machine(machine).pids == []
    assert cloud.control.machine(machine).state == "running"
    launch.api.terminate_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "terminated", PATIENCE)
    assert not os.path.exists(folder)


@pytest.mark.slow
def test_a_reboot_and_a_shutdown_from_inside_are_told_apart(cloud, launch):
    first_reboot = "test $(cat /boots | wc -l) = 1 && reboot || shutdown -h now"
    machine = launch(USER_DATA.replace("sleep 9d", first_reboot))
    cloud.control.wait_for_state(machine, "stopped", PATIENCE)
    found = cloud.control.machine(machine)
    assert found.boots == 2
    assert found.state_reason == "Client.InstanceInitiatedShutdown"
    assert "I AM UP 2" in console(cloud, machine)


def test_nothing_is_left_when_the_local_ec2_is_killed(settings):
    with LocalCloudProcess(settings) as cloud:
        api = client(cloud)
        api.run_instances(**request_for(cloud.control.resources()))
        (machine,) = cloud.control.machines()
        cloud.control.wait_for_state(machine.instance_id, "running", PATIENCE)
        (machine,) = cloud.control.machines()
        assert [name_of(pid) for pid in machine.pids] == ["qemu-system-x86"]
        cloud.kill()
        eventually(lambda: not marked.marked_processes(MARKER, cloud.cloud_id))
        eventually(lambda: not os.path.exists(cloud.folder))


def name_of(pid):
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


# Says again and again which disks there are, by their serial numbers.
SAY_DISKS = r"""#!/bin/sh
echo I AM UP 1 > /dev/console
while true; do
  echo DISKS $(cat /sys/block/nvme*/device/serial | sort -u) END
  sleep 2
done > /dev/console
"""


@pytest.mark.slow
def test_volumes_come_and_go_as_nvme_disks_with_their_serial_numbers(cloud, launch):
    api = launch.api
    zone = cloud.control.resources().zones[0]
    volume = api.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    machine = launch(SAY_DISKS)
    root = describe(api, machine)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]

    def says(*volumes):
        line = " ".join(["DISKS", *sorted(map(serial, volumes)), "END"])
        said = console(cloud, machine).splitlines()
        return any(line in each for each in said[-2:])

    eventually(lambda: says(root), PATIENCE)
    api.attach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdf")
    eventually(lambda: says(root, volume), PATIENCE)
    api.detach_volume(VolumeId=volume)
    eventually(lambda: says(root), PATIENCE)
