"""Block devices of a booted container: nodes, and the names that EC2's images give.

A container has no udev, so its nodes are made for it: before init starts, or from
outside while it runs. Nothing tells systemd, so device units never appear: what mounts
a volume must look for the node itself.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import posixpath
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .base import VolumeSpec

#: <linux/fs.h>: a file system takes no more writes, and does not write what it holds
_SHUTDOWN = 0x8004587D
_WITHOUT_FLUSH = 2


def names(volume: VolumeSpec) -> tuple[str, list[str]]:
    """(its node, links to that) as amazon-ec2-utils and a Xen kernel name them.

    https://docs.aws.amazon.com/ebs/latest/userguide/nvme-ebs-volumes.html
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html
    """
    name = posixpath.basename(volume.device)
    links = [f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.serial}"]
    if name.startswith("sd"):
        links.append(f"/dev/xvd{name[2:]}")
    elif name.startswith("xvd"):
        links.append(f"/dev/sd{name[3:]}")
    return f"/dev/{name}", links


def plug_script(volume: VolumeSpec, device: tuple[int, int]) -> str:
    """Shell lines for the machine's root. They may run again."""
    node, links = names(volume)
    quoted = shlex.quote(node)
    lines = [
        f"rm -f {quoted}",
        f"mknod {quoted} b {device[0]} {device[1]}",
        f"chmod 660 {quoted}",
        f"chgrp disk {quoted} || true",
        "mkdir -p /dev/disk/by-id",
    ]
    for link in links:
        target = posixpath.relpath(node, posixpath.dirname(link))
        lines.append(f"ln -sfn {shlex.quote(target)} {shlex.quote(link)}")
    return "\n".join(lines) + "\n"


def unplug_script(volume: VolumeSpec) -> str:
    node, links = names(volume)
    return shlex.join(["rm", "-f", node, *links]) + "\n"


def run_inside(init: int, script: str) -> None:
    """Run shell lines in the mount namespace of a machine, among its files.

    :raises RuntimeError: with what they said
    """
    here, there = os.stat("/"), os.stat(f"/proc/{init}/root")
    if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
        raise RuntimeError(f"process {init} is not on a machine: nothing was done")
    done = subprocess.run(
        [
            *_enter(init),
            *("/bin/sh", "-e", "-c", f"cd /\n{script}"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"on the machine: {done.stderr.strip()}")


def tear_off(pids: Iterable[int], device: tuple[int, int]) -> None:
    """End every file system that a machine has mounted from a device.

    As when a disk is pulled: what was not written yet is lost, and whoever still has a
    file open there gets errors.
    """
    wanted = f"{device[0]}:{device[1]}"
    seen: set[str] = set()
    for pid in pids:
        try:
            namespace = os.readlink(f"/proc/{pid}/ns/mnt")
            mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
        except OSError:  # gone
            continue
        if namespace in seen:
            continue
        seen.add(namespace)
        places = [
            line.split()[4].encode().decode("unicode_escape")
            for line in mounts
            if line.split()[2] == wanted
        ]
        for place in places:
            _shut_down(Path(f"/proc/{pid}/root{place}"))
        # The last mounted first: one may be on top of another.
        for place in reversed(places):
            subprocess.run(
                [*_enter(pid), "umount", "--lazy", place],
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )


def _enter(pid: int) -> list[str]:
    # Its process namespace too: its /proc is of no use from outside of that.
    return ["nsenter", f"--target={pid}", "--mount", "--pid", "--root", "--"]


def _shut_down(place: Path) -> None:
    try:
        fd = os.open(place, os.O_RDONLY)
    except OSError:  # unmounted meanwhile, or hidden by another mount
        return
    try:
        fcntl.ioctl(fd, _SHUTDOWN, ctypes.c_uint32(_WITHOUT_FLUSH))
    except OSError:  # a file system that cannot: unmounting will have to do
        pass
    finally:
        os.close(fd)
