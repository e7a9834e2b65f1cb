"""Who is at the other end of a loopback connection.

Whoever can reach this API can have a program run as the user who started it. Any
credentials are accepted, so on a computer with several users the kernel is asked
whose socket it is.
"""

from __future__ import annotations

import os
import socket
import struct


def is_ours(peer: tuple[str, int], here: tuple[str, int]) -> bool:
    """Whether the process that connected from ``peer`` to ``here`` is ours.

    Ours: of the same user, or of root. Where the kernel's table of sockets cannot
    be read at all, the answer is yes.
    """
    wanted = (_hex(peer), _hex(here))
    table_works = False
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="ascii") as file:
                lines = file.read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            local, remote, uid, inode = fields[1], fields[2], fields[7], fields[9]
            if local[-13:] == wanted[1] and remote[-13:] == wanted[0]:
                table_works = True  # our own end of this connection
            if local[-13:] == wanted[0] and remote[-13:] == wanted[1]:
                # A socket that its process has closed already belongs to nobody.
                return inode != "0" and int(uid) in (os.geteuid(), 0)
    return not table_works


def _hex(address: tuple[str, int]) -> str:
    """As in /proc/net/tcp: the address as one native-endian number, then the port."""
    number = struct.unpack("=I", socket.inet_aton(address[0]))[0]
    return f"{number:08X}:{address[1]:04X}"
