"""However a local EC2 ends, it leaves no process, no folder, no address."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localec2 import Keeper, LocalCloudProcess, LocalSettings
from localec2.net.addresses import LoopbackNetwork
from localec2.processes import marked
from localec2.processes.marked import MARKER

from .conftest import client, eventually, request_for
from .test_machines import ESCAPES


def with_machines(cloud: LocalCloudProcess, count: int = 2) -> None:
    world = cloud.control.resources()
    wanted = request_for(world, UserData=ESCAPES, MinCount=count, MaxCount=count)
    client(cloud).run_instances(**wanted)
    eventually(lambda: sum(len(m.pids) for m in cloud.control.machines()) >= 9 * count)


def nothing_left(cloud: LocalCloudProcess) -> bool:
    return (
        not marked.marked_processes(MARKER, cloud.cloud_id)
        and not os.path.exists(cloud.folder)
        and not keepers(cloud)
    )


def keepers(cloud: LocalCloudProcess) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if cloud.cloud_id in text:
            found.append(text)
    return found


def test_after_an_orderly_stop_nothing_is_left():
    with LocalCloudProcess() as cloud:
        with_machines(cloud)
    assert not marked.marked_processes(MARKER, cloud.cloud_id)
    assert not os.path.exists(cloud.folder)
    eventually(lambda: nothing_left(cloud))


def test_after_sigkill_nothing_is_left():
    cloud = LocalCloudProcess()
    with_machines(cloud)
    cloud.kill()
    eventually(lambda: nothing_left(cloud))


def test_a_tied_cloud_ends_with_its_owner(tmp_path):
    script = (
        "import os, time\n"
        "from localec2 import LocalCloudProcess\n"
        "cloud = LocalCloudProcess()\n"
        "print(cloud.pid, cloud.cloud_id, cloud.folder, flush=True)\n"
        "time.sleep(1000)\n"
    )
    with started(script) as owner:
        pid, cloud_id, folder = owner.stdout.readline().decode().split()
        owner.kill()
        eventually(lambda: _zombie(int(pid)))
        eventually(lambda: not os.path.exists(folder))


@contextlib.contextmanager
def started(script: str, *arguments: str) -> Iterator[Any]:
    """A Python process that is gone afterwards."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_cleanly_on_a_signal(tmp_path, number):
    ready = tmp_path / "ready"
    settings = json.dumps({"pending_seconds": 0})
    command = [
        sys.executable,
        "-m",
        "localec2",
        "--folder",
        str(tmp_path / "f"),
    ]
    command += ["--settings", settings, "--ready-file", str(ready)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(ready.exists)
    info = json.loads(ready.read_text())
    assert info["pid"] == process.pid and info["endpoint_url"].startswith("http://127.")
    assert info["region"] == "us-west-2" and info["vpc_cidr"].endswith(".0.0/16")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert json.loads(out) == info
    assert (process.returncode, err) == (0, b"")
    assert list((tmp_path / "f").iterdir()) == []


@pytest.mark.slow
def test_two_local_ec2s_share_nothing(cloud, ec2, launch):
    with LocalCloudProcess(LocalSettings(pending_seconds=0)) as other:
        assert other.vpc_cidr != cloud.vpc_cidr
        mine = launch(UserData="#!/bin/sh\necho up\nexec sleep 1000\n")["InstanceId"]
        theirs = client(other).run_instances(**request_for(other.control.resources()))
        theirs = theirs["Instances"][0]["InstanceId"]
        other.control.wait_for_state(theirs, "running")
        eventually(lambda: len(cloud.control.machine(mine).pids) == 2)
        pids = cloud.control.machine(mine).pids
        ids = {m.instance_id for m in other.control.machines()}
        assert ids == {theirs}
    assert cloud.control.machine(mine).pids == pids


def test_two_networks_are_never_the_same():
    first, second = LoopbackNetwork(), LoopbackNetwork()
    assert first.cidr != second.cidr
    first.close()
    second.close()


def test_a_keeper_kills_what_is_marked_and_removes_folders(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "file").write_text("x")
    script = (
        "import os, subprocess, sys, time\n"
        "from localec2 import Keeper\n"
        "mine = str(os.getpid())\n"
        "keeper = Keeper('TEST_KEEPER', mine, [sys.argv[1]])\n"
        "env = {**os.environ, 'TEST_KEEPER': mine + '/child'}\n"
        "one = subprocess.Popen(['sleep', '1000'], env=env, start_new_session=True)\n"
        "env = {**os.environ, 'TEST_KEEPER': mine + '0'}\n"
        "two = subprocess.Popen(['sleep', '1000'], env=env, start_new_session=True)\n"
        "print(one.pid, two.pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    with started(script, str(folder)) as owner:
        ours, others = map(int, owner.stdout.readline().split())
        try:
            assert folder.exists() and not _zombie(ours)
            owner.kill()
            eventually(lambda: not folder.exists() and _zombie(ours))
            assert not _zombie(others)
        finally:
            os.kill(others, signal.SIGKILL)


def test_a_keepers_lifeline_does_not_leak_into_children():
    """A child that held it would keep the keeper waiting after our end."""
    with Keeper("TEST_KEEPER", "leak") as keeper:
        pipe = os.readlink(f"/proc/self/fd/{keeper._lifeline}")
        show = (
            "import os; print([os.readlink(f.path) for f in os.scandir('/proc/self/fd')"
        )
        child = subprocess.run(
            [sys.executable, "-c", show + " if os.path.lexists(f.path)])"],
            close_fds=False,
            capture_output=True,
            text=True,
            check=True,
        )
    assert pipe.startswith("pipe:") and pipe not in child.stdout


def test_a_keeper_wants_a_marker_value():
    with pytest.raises(ValueError, match="marker value"):
        Keeper("TEST_KEEPER", "")
