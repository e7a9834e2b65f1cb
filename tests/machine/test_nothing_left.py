"""However a cloud of booted machines ends, this computer is as it was before."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from localec2 import LocalCloudProcess
from localec2.machines.cgroups import cloud_groups
from localec2.processes import marked
from localec2.processes.marked import MARKER

from ..hub.conftest import eventually
from ..localec2.conftest import client, request_for
from .conftest import SETTINGS


def network_of(cloud):
    """The VPC's namespace, with its router and firewall in it."""
    for pid in marked.marked_processes(MARKER, cloud.cloud_id):
        tables = ["nsenter", f"--net=/proc/{pid}/ns/net", "nft", "list", "tables"]
        # A process may have ended meanwhile.
        with contextlib.suppress(subprocess.CalledProcessError):
            if "table ip ec2spawner" in output(*tables):
                return os.readlink(f"/proc/{pid}/ns/net")
    raise LookupError("no firewall is in force")


def users_of(network):
    """Processes that keep a namespace, and what is in it, alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            if os.readlink(path) == network:
                found.append(path)
    return found


def traces(cloud, network):
    """What there is of a cloud on this computer, by its kind."""
    number = cloud.hub_address.split(".")[1]
    mounts = Path("/proc/self/mountinfo").read_text()
    return {
        "processes": marked.marked_processes(MARKER, cloud.cloud_id),
        "folder": os.path.exists(cloud.folder),
        "interface": os.path.exists(f"/sys/class/net/ec2local{number}"),
        "route": f"10.{number}." in output("ip", "route", "show", "table", "all"),
        "loops": [f for f in loop_files() if cloud.folder in f],
        "firewall": users_of(network),
        "groups": [str(g) for g in cloud_groups(cloud.cloud_id) if g.exists()],
        "mounts": [m for m in mounts.splitlines() if cloud.folder in m],
    }


def loop_files():
    """The files behind the loop devices of this computer, also removed ones."""
    files = []
    for place in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):  # gone meanwhile
            files.append(place.read_text())
    return files


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def with_machines(cloud, count=2):
    """Launch machines, each with a volume mounted, and wait until they have booted."""
    wanted = request_for(
        cloud.control.resources(),
        MinCount=count,
        MaxCount=count,
        UserData="#!/bin/sh\nmkfs.ext4 -q /dev/sdf && mount /dev/sdf /mnt\n",
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}],
    )
    client(cloud).run_instances(**wanted)

    def booted(machine):
        log = Path(machine.console_log or "/nonexistent")
        return log.exists() and "finished at" in log.read_text(errors="replace")

    eventually(lambda: [booted(m) for m in cloud.control.machines()] == [True] * count)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_is_left(end):
    with LocalCloudProcess(SETTINGS) as cloud:
        with_machines(cloud)
        network = network_of(cloud)
        before = traces(cloud, network)
        # Mounts are the machines' alone.
        assert [kind for kind in before if not before[kind]] == ["mounts"]
        getattr(cloud, end)()
        eventually(lambda: not any(traces(cloud, network).values()))


@pytest.mark.slow
def test_a_machine_that_is_terminated_leaves_nothing():
    with LocalCloudProcess(SETTINGS) as cloud:
        with_machines(cloud, 1)
        (machine,) = cloud.control.machines()
        client(cloud).terminate_instances(InstanceIds=[machine.instance_id])
        cloud.control.wait_for_state(machine.instance_id, "terminated")
        assert not os.path.exists(machine.folder)
        for group in cloud_groups(cloud.cloud_id):
            assert not (group / machine.instance_id).exists()
        assert not [f for f in loop_files() if cloud.folder in f]
