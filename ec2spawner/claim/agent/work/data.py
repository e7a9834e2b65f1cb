"""Data volumes: made of snapshots, mounted where everybody may read them."""

from __future__ import annotations

import os
import subprocess

from ..commands import run_lines
from ..words import Failed, say
from .home import wait_for_device
from .safely import is_mounted, name_of, open_folder

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
    found = wait_for_device(volume_id, "the data volume", os.path.basename(device))
    # In a home its user could lead us anywhere, and at any moment.
    folder = open_folder(path)
    try:
        if not is_mounted(folder):
            _mount(volume_id, found, path, folder)
    finally:
        os.close(folder)


def _mount(volume_id: str, found: str, path: str, folder: int) -> None:
    log = ""
    for options in _OPTIONS.get(kind_of(found), ("",)):
        say("mounting %s at %s" % (volume_id, path))
        every = ",".join(filter(None, (_READ_ONLY, options)))
        command = ["mount", "-c", "-o", every, found, name_of(folder)]
        code, log = run_lines(command, say, pass_fds=(folder,))
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
