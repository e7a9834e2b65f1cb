"""The metadata service is for the machine's own programs, not for its users'.

Whoever asks it learns the user-data and gets the rights of the instance profile. So
the kernel is told not to route there for accounts of people: a rule of the routing
policy by account (ip-rule(8), "uidrange"). It needs no firewall, which images may lack
and which others may reload, and it holds for whatever an account runs, in a service,
a login or a cron job. Rules end with a boot, so they are made anew at each, before
there is a network.
"""

from __future__ import annotations

import os
import subprocess

from .unpack import INSTALLED

ADDRESS = "169.254.169.254"
ADDRESS_6 = "fd00:ec2::254"
# Accounts below are of the image's own programs (login.defs(5), "UID_MIN"). Above,
# also of users' containers and of services that systemd makes up.
FIRST, _LAST = 1000, 4294967294
# After the rule for the machine's own addresses, before those for everything else.
_PRIORITY = "1"
#: an account of a person below FIRST, for the next boot
ALSO = os.path.join(os.path.dirname(INSTALLED), "also-closed-to")


def shut() -> None:
    """Close it to people's accounts, as far as this machine can."""
    uids = "%i-%i" % (FIRST, _LAST)
    each = [uids]
    try:
        with open(ALSO) as f:
            each.append("%i-%i" % ((int(f.read()),) * 2))
    except (OSError, ValueError):
        pass
    for family, address in (("-4", ADDRESS), ("-6", ADDRESS_6)):
        for uids in each:
            # systemd-networkd removes rules of others when it starts, but not those
            # that look like the kernel's (networkd.conf(5)). Old tools lack the word.
            if not _rule(family, "add", address, uids, "protocol", "kernel"):
                _rule(family, "add", address, uids)


def open_again() -> None:
    """The orders say that users may have it."""
    for family, address in (("-4", ADDRESS), ("-6", ADDRESS_6)):
        while _rule(family, "del", address):
            pass


def _rule(family: str, do: str, address: str, uids: str = "", *more: str) -> bool:
    rule = ["ip", family, "rule", do, "to", address, "priority", _PRIORITY]
    if uids:
        rule += ["uidrange", uids, *more]
    try:
        done = subprocess.run(
            rule + ["prohibit"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError:
        return False
    return done.returncode == 0 or b"File exists" in done.stdout
