"""The user's home: a volume that outlives the machine.

A directory of its own on the volume is the home, so that it can appear in one step,
complete, and so that nothing of the file system's own is in it.
"""

from __future__ import annotations

import glob
import os
import pwd
import stat
import struct
import subprocess
import time
from typing import Callable

from ..commands import run_lines
from ..words import Failed, say
from .blank import is_blank, is_unfinished, make_file_system, size_of
from .safely import leave_word

MOUNT = "/var/lib/ec2spawner/home"
DEVICE_SECONDS = 120
RESCUE = """\
Your home (volume %s) could not be mounted: %s.

Nothing on it was changed or deleted. Please tell your hub's admin, who can repair it.
Until then you have this empty home. It ends with this machine: keep nothing here.
"""


class Unusable(Exception):
    """What is on the volume cannot be mounted, and must not be touched."""

    def __init__(self, text: str, log: str) -> None:
        super().__init__(text)
        self.log = log


def explain(home: str, volume_id: str, why: str, account: str) -> None:
    """Leave word in a home that is not the user's own."""
    who, text = pwd.getpwnam(account), RESCUE % (volume_id, why)
    name = "YOUR-HOME-IS-NOT-HERE.txt"
    leave_word(home, name, text, who.pw_uid, who.pw_gid)


def device_of(volume_id: str, name: str) -> str | None:
    """The block device of a volume, by the names that images and kernels give it.

    ``name`` is what it was called in the request to EC2, such as ``sdf``.

    EBS user guide, "Map Amazon EBS volumes to NVMe device names": the serial number
    of an NVMe disk is the volume's id. On Xen instances it is the name that was asked
    for in AttachVolume.
    """
    serial = volume_id.replace("-", "")
    for path in glob.glob("/sys/block/nvme*/device/serial"):
        with open(path) as file:
            if file.read().strip() == serial:
                return "/dev/" + path.split("/")[3]
    by_id = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_" + serial
    for path in (by_id, "/dev/xvd" + name[-1], "/dev/" + name):
        if os.path.exists(path):
            return os.path.realpath(path)
    return None


def wait_for_device(volume_id: str, what: str = "the home", name: str = "sdf") -> str:
    deadline = time.monotonic() + DEVICE_SECONDS
    while True:
        device = device_of(volume_id, name)
        if device is not None and size_of(device):
            return device
        if time.monotonic() > deadline:
            raise Failed("%s, %s, does not show up on the machine" % (what, volume_id))
        time.sleep(0.2)


def has_grown(device: str) -> bool:
    """The volume is larger than its ext4 file system, by more than a rounding."""
    with open(device, "rb") as file:
        file.seek(1024)
        superblock = file.read(1024)
    # Linux documentation, "ext4 Data Structures", the super block.
    blocks, scale = struct.unpack_from("<I16xI", superblock, 4)
    magic = struct.unpack_from("<H", superblock, 56)[0]
    return bool(
        magic == 0xEF53 and size_of(device) - blocks * (1024 << scale) > 1 << 24
    )


def mount(volume_id: str) -> None:
    """Mount the volume at MOUNT, with a file system if it never had one.

    :raises Unusable: when it holds something that cannot be mounted; it stays as it is
    :raises Failed: when it does not show up
    """
    if os.path.ismount(MOUNT):
        return
    device = wait_for_device(volume_id)
    if is_blank(device) or is_unfinished(device):
        say("%s is blank: making a file system on %s" % (volume_id, device))
        make_file_system(device)
    # fsck(8): 1 is "errors corrected", 2 "and the system should be rebooted".
    code, log = run_lines(["fsck", "-p", device], say)
    if code >= 4:
        raise Unusable("fsck cannot repair it", log)
    if has_grown(device):
        # Not when it is mounted: that needs a right that containers lack.
        run_lines(["fsck", "-f", "-p", device], say)
        run_lines(["resize2fs", device], say)
    os.makedirs(MOUNT, mode=0o700, exist_ok=True)
    code, log = run_lines(["mount", "-o", "nosuid,nodev", device, MOUNT], say)
    if code:
        raise Unusable("it cannot be mounted", log)


def owner() -> int:
    """The uid of the account whose home is mounted at MOUNT; 0 while there is none.

    :raises Unusable: when it is no folder, but perhaps a link to one of root's
    """
    try:
        found = os.lstat(os.path.join(MOUNT, "home"))
    except FileNotFoundError:
        return 0
    if not stat.S_ISDIR(found.st_mode):
        raise Unusable("what is called home on it is no folder", "")
    return found.st_uid


def settle(
    account: str, home: str, seed: str, tell: Callable[[str], None] = say
) -> None:
    """Put the home on the volume in the account's home directory."""
    if os.path.ismount(home):
        return
    place = os.path.join(MOUNT, "home")
    if not os.path.isdir(place):
        say("a new home, from " + (seed or home))
        _seed(seed or home, place, account)
    elif owner() != pwd.getpwnam(account).pw_uid:
        # Begun again whenever it is cut short: the folder itself comes last.
        tell("its files get the number that your account has on this machine")
        _run(["chown", "-R", account + ":", place])
    os.makedirs(home, exist_ok=True)
    _run(["mount", "--bind", place, home])
    _run(["mount", "-o", "remount,bind,nosuid,nodev", home])


def _seed(source: str, place: str, account: str) -> None:
    """All of a new home or nothing: whoever comes after a power cut begins again."""
    unfinished = place + ".new"
    _run(["rm", "-rf", unfinished])
    os.mkdir(unfinished, 0o700)
    if os.path.isdir(source):
        _run(["cp", "-a", source + "/.", unfinished])
    _run(["chown", "-R", account + ":", unfinished])
    os.chmod(unfinished, 0o700)
    subprocess.check_call(["sync", "-f", unfinished])
    os.rename(unfinished, place)


def _run(command: list[str]) -> None:
    code, log = run_lines(command, say)
    if code:
        raise Failed("%s failed with code %i" % (command[0], code), log)
