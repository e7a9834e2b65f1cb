"""Loop devices that nobody has to remember to remove.

The kernel frees them by itself (``LO_FLAGS_AUTOCLEAR``) when the last one who has them
open is gone, however that one ended: us, or the file system that is mounted from them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import time
from pathlib import Path

# <linux/loop.h>
_GET_FREE = 0x4C82
_CONFIGURE = 0x4C0A
_SET_CAPACITY = 0x4C07
_AUTOCLEAR = 4
#: struct loop_config: descriptor, block size, struct loop_info64, eight reserved
_CONFIG = struct.Struct("=II 5Q 4I 64s 64s 32s 2Q 8Q")
#: <linux/fs.h> BLKFLSBUF: write out and drop what is cached of a block device
_FLUSH = 0x1261
_MAJOR = 7


class Loop:
    """A block device of this computer over a file."""

    def __init__(self, file: Path) -> None:
        backing = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            self.number, self._fd = _configure(backing, str(file))
        finally:
            os.close(backing)

    @property
    def device(self) -> tuple[int, int]:
        """Major and minor number."""
        return _MAJOR, self.number

    def in_use(self) -> bool:
        """Whether it is mounted, or claimed in another way, anywhere."""
        try:
            os.close(os.open(_path(self.number), os.O_RDONLY | os.O_EXCL))
        except OSError as error:
            if error.errno == errno.EBUSY:
                return True
            raise
        return False

    def grown(self) -> None:
        """Take over the file's new size."""
        fcntl.ioctl(self._fd, _SET_CAPACITY)

    def close(self, wait: float = 0.0) -> None:
        """Let go; what was written is in the file then.

        It is gone as soon as nobody else has it open. ``wait``: for how many seconds,
        at most, until it is not in use: the kernel unmounts some time after the last
        process of a mount namespace has ended.
        """
        end = time.monotonic() + wait
        while self.in_use() and time.monotonic() < end:
            time.sleep(0.01)
        try:
            fcntl.ioctl(self._fd, _FLUSH)
        finally:
            os.close(self._fd)


def _configure(backing: int, name: str) -> tuple[int, int]:
    """(number, descriptor) of a new device."""
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        while True:
            number = fcntl.ioctl(control, _GET_FREE)
            device = os.open(_path(number), os.O_RDWR | os.O_CLOEXEC)
            config = _CONFIG.pack(
                *(backing, 512),
                *(0, 0, 0, 0, 0),
                *(number, 0, 0, _AUTOCLEAR),
                *(name.encode()[-63:], b"", b""),
                *(0, 0),
                *([0] * 8),
            )
            try:
                fcntl.ioctl(device, _CONFIGURE, config)
                return number, device
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # somebody else was faster
                    raise
    finally:
        os.close(control)


def _path(number: int) -> str:
    path = f"/dev/loop{number}"
    if not os.path.exists(path):
        # A container's /dev does not get the nodes of new devices by itself.
        with contextlib.suppress(FileExistsError):
            os.mknod(path, 0o600 | 0o060000, os.makedev(_MAJOR, number))
    return path
