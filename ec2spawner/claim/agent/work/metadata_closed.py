"""Whether the metadata service is closed to users here, tried out as one of them."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

from ..commands import write_private
from ..metadata_lock import ADDRESS, ADDRESS_6, ALSO, FIRST, shut
from ..words import Failed

_TRY = """
import errno, socket, sys
def shut(family, address):
    with socket.socket(family) as s:
        s.settimeout(3)
        return s.connect_ex((address, 80))
try:
    six = shut(socket.AF_INET6, sys.argv[2])
except OSError as e:
    six = e.errno
none = (errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
four = shut(socket.AF_INET, sys.argv[1])
sys.exit(four != errno.EACCES or six not in (errno.EACCES, *none))
"""


def is_closed(account: str) -> bool:
    """Whether the kernel refuses an account the way to the metadata service."""
    entry = pwd.getpwnam(account)

    def become() -> None:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)

    command = [sys.executable, "-I", "-c", _TRY, ADDRESS, ADDRESS_6]
    return subprocess.call(command, preexec_fn=become, cwd="/") == 0


def close(account: str) -> None:
    """Close it to people's accounts, ``account`` among them. Raises Failed."""
    if is_closed(account):
        return
    uid = pwd.getpwnam(account).pw_uid
    if uid < FIRST:
        write_private(ALSO, str(uid))
    shut()
    if not is_closed(account):
        raise Failed("the metadata service cannot be closed to users here")
