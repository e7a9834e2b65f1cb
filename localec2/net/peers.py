"""Who is at the other end of a loopback connection.

Whoever can reach this API can have a program run as the user who started it, and any
credentials are accepted. So on a computer with several users the kernel is asked whose
socket it is, by `sock_diag(7)`: one question, however many sockets there are.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR = 2
_NLM_F_REQUEST = 1
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = 0xFFFFFFFF


def is_ours(peer: tuple[str, int], here: tuple[str, int]) -> bool:
    """Whether the process that connected from ``peer`` to ``here`` is ours.

    Ours: of the same user, or of root. Where the kernel does not answer such
    questions at all, the answer is yes.
    """
    try:
        found = _owner(peer, here)
    except OSError:
        return True
    if found is None:
        return False
    uid, inode = found
    # A socket that its process has closed already belongs to nobody: no inode.
    return inode != 0 and uid in (os.geteuid(), 0)


def _owner(source: tuple[str, int], target: tuple[str, int]) -> tuple[int, int] | None:
    """(uid, inode) of the TCP socket at ``source``, None when there is none."""
    wanted = struct.pack(
        "=BBBxI2s2s16s16sIII",
        socket.AF_INET,
        socket.IPPROTO_TCP,
        0,
        _ALL_STATES,
        struct.pack("!H", source[1]),
        struct.pack("!H", target[1]),
        socket.inet_aton(source[0]),
        socket.inet_aton(target[0]),
        0,
        _NO_COOKIE,
        _NO_COOKIE,
    )
    header = struct.pack(
        "=IHHII", 16 + len(wanted), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0
    )
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG
    ) as netlink:
        netlink.settimeout(2)
        netlink.sendto(header + wanted, (0, 0))
        answer = netlink.recv(65536)
    kind = struct.unpack_from("=H", answer, 4)[0]
    if kind == _NLMSG_ERROR:
        error = -struct.unpack_from("=i", answer, 16)[0]
        if error == errno.ENOENT:
            return None
        raise OSError(error, os.strerror(error))
    # inet_diag_msg: 4 bytes, the socket's 48-byte identity, then five numbers
    _, _, _, uid, inode = struct.unpack_from("=IIIII", answer, 16 + 4 + 48)
    return uid, inode
