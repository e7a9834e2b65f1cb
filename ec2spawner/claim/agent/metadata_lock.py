"""The metadata service is for the machine's own programs, not for its users'.

Whoever asks it learns the user-data and gets the rights of the instance profile. So
the kernel is told not to route there for accounts of people: a rule of the routing
policy by account (ip-rule(8), "uidrange"). It needs no firewall, which images may lack
and which others may reload, and it holds for whatever an account runs, in a service,
a login or a cron job. Whether it does hold is tried out as that account.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

from .commands import run_lines
from .words import Failed

ADDRESS = "169.254.169.254"
ADDRESS_6 = "fd00:ec2::254"
# Accounts below are of the image's own programs (login.defs(5), "UID_MIN"). Above,
# also of users' containers and of services that systemd makes up.
_FIRST, _LAST = 1000, 4294967294
# After the rule for the machine's own addresses, before those for everything else.
_PRIORITY = "1"

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
    log = ""
    uid = pwd.getpwnam(account).pw_uid
    ranges = ["%i-%i" % (_FIRST, _LAST)] + (["%i-%i" % (uid, uid)] * (uid < _FIRST))
    for family, address in (("-4", ADDRESS), ("-6", ADDRESS_6)):
        for each in ranges:
            rule = ["ip", family, "rule", "add", "to", address, "uidrange", each]
            rule += ["priority", _PRIORITY]
            # systemd-networkd removes rules of others when it starts, but not those
            # that look like the kernel's (networkd.conf(5)). Old tools lack the word.
            for more in (["protocol", "kernel"], []):
                try:
                    code, log = run_lines(rule + more + ["prohibit"], lambda line: None)
                except OSError as e:
                    code, log = 1, str(e)
                if not code:
                    break
    if not is_closed(account):
        raise Failed("the metadata service cannot be closed to users here", log)
