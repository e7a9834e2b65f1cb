"""Network namespaces of Linux: a socket in another one than this process's."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_CLONE_NEWNET = 0x40000000
# include/uapi/linux/if_tun.h
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000

T = TypeVar("T")


def inside(pid: int, make: Callable[[], T]) -> T:
    """Call ``make`` in the network namespace of a process, and return its result.

    A socket stays in the namespace it was made in, whoever uses it afterwards. A
    thread's namespace is its own, so a thread that ends is used up for the call.
    """
    result: list[T] = []
    problem: list[BaseException] = []

    def run() -> None:
        try:
            with open(f"/proc/{pid}/ns/net") as namespace:
                libc: Any = ctypes.CDLL(None, use_errno=True)
                if libc.setns(namespace.fileno(), _CLONE_NEWNET):
                    number = ctypes.get_errno()
                    raise OSError(number, f"setns: {os.strerror(number)}")
            result.append(make())
        except BaseException as error:
            problem.append(error)

    thread = threading.Thread(target=run, name="network namespace")
    thread.start()
    thread.join()
    if problem:
        raise problem[0]
    return result[0]


def open_tap(name: str) -> int:
    """Make a tap interface in this thread's namespace; it ends when it is closed.

    https://docs.kernel.org/networking/tuntap.html
    """
    opened = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        flags = _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR
        fcntl.ioctl(opened, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    except BaseException:
        os.close(opened)
        raise
    return opened


def has_its_own(pid: int) -> bool:
    """Whether a process is in another network namespace than this one."""
    theirs = os.readlink(f"/proc/{pid}/ns/net")
    return theirs != os.readlink("/proc/self/ns/net")


def routed() -> list[tuple[int, int]]:
    """(network, mask) of all IPv4 routes of this computer but the default ones."""
    found = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        network, mask = (
            int.from_bytes(bytes.fromhex(fields[column]), "little") for column in (1, 7)
        )
        if mask:
            found.append((network, mask))
    return found
