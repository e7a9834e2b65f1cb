"""Data volumes: made of snapshots, mounted where everybody may read them."""

from __future__ import annotations

import os
import subprocess

from .commands import run_lines
from .home import wait_for_device
from .words import Failed, say

# A journal is replayed although the volume is mounted read-only, as a snapshot of a
# volume that was in use is whole only then: the volume is this machine's own. Where
# that fails it is left out. XFS mounts no file system twice, and calls two volumes of
# one snapshot the same (mount(8), xfs(5)).
_OPTIONS = {
    "ext3": ("", "noload"),
    "ext4": ("", "noload"),
    "xfs": ("nouuid", "nouuid,norecovery"),
}
_READ_ONLY = "ro,nosuid,nodev"


def mount(volume_id: str, device: str, path: str) -> None:
    """Mount a data volume, unless it is mounted.

    :param device: its name in the launch, such as ``/dev/sdg``
    :raises Failed: when that is not possible
    """
    if os.path.ismount(path):
        return
    # In a home its user could lead us anywhere.
    if os.path.realpath(path) != path:
        raise Failed("the mount path %s leads to somewhere else" % path)
    found = wait_for_device(volume_id, "the data volume", os.path.basename(device))
    os.makedirs(path, mode=0o755, exist_ok=True)
    log = ""
    for options in _OPTIONS.get(kind_of(found), ("",)):
        say("mounting %s at %s" % (volume_id, path))
        every = ",".join(filter(None, (_READ_ONLY, options)))
        code, log = run_lines(["mount", "-o", every, found, path], say)
        if code == 0:
            return
    raise Failed("the data volume %s cannot be mounted at %s" % (volume_id, path), log)


def kind_of(device: str) -> str:
    """The file system on a device, as blkid names it; empty for none."""
    probe = subprocess.run(
        ["blkid", "-p", "-s", "TYPE", "-o", "value", device],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return probe.stdout.decode().strip()
