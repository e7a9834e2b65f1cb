"""Volumes on which nobody has ever had anything, and the file systems made there.

A machine may lose its power while it formats. What is there then is neither blank nor
a file system, and looks like somebody's. So it is marked before, at the end of the
volume, outside of the file system to be.
"""

from __future__ import annotations

import os
import struct
import subprocess

from ..commands import run_lines
from ..words import Failed, say

# What is looked at beside what blkid knows; all of it must be zero.
_MARGIN = 1 << 20
_UNFINISHED = b"ec2spawner is making a file system on this volume\n"


def size_of(device: str) -> int:
    try:
        with open(device, "rb") as file:
            return file.seek(0, os.SEEK_END)
    except OSError:
        return 0


def is_blank(device: str) -> bool:
    """Nothing at all is on it: no signature that anybody knows, and no bytes."""
    probe = subprocess.run(
        ["blkid", "-p", device], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    # blkid(8): 2 when nothing was found; 8 when it was ambivalent.
    if probe.returncode != 2:
        return False
    with open(device, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        for start in (0, max(0, end - _MARGIN)):
            file.seek(start)
            if file.read(_MARGIN).strip(b"\0"):
                return False
    return True


def is_unfinished(device: str) -> bool:
    """Whoever began to make a file system on it has not come to an end."""
    with open(device, "rb") as file:
        file.seek(1024)
        superblock = file.read(1024)
        file.seek(-len(_UNFINISHED), os.SEEK_END)
        marked = file.read() == _UNFINISHED
    # Linux documentation, "ext4 Data Structures", the super block: when it was last
    # mounted. Where somebody had files, the mark is one of theirs.
    mounted, magic = struct.unpack_from("<I8xH", superblock, 44)
    return marked and not (magic == 0xEF53 and mounted)


def make_file_system(device: str) -> None:
    """Format a volume. Whenever the power goes, it counts as not formatted, or as done.

    :raises Failed: when it cannot be done
    """
    _mark(device, _UNFINISHED)
    size = "%dk" % (size_of(device) - _MARGIN >> 10)
    code, log = run_lines(["mkfs.ext4", "-q", "-m", "1", device, size], say)
    if code:
        raise Failed("mkfs.ext4 failed with code %i" % code, log)
    _mark(device, bytes(len(_UNFINISHED)))


def _mark(device: str, mark: bytes) -> None:
    with open(device, "r+b") as file:
        file.seek(-len(mark), os.SEEK_END)
        file.write(mark)
        file.flush()
        os.fsync(file.fileno())
