"""Private addresses on loopback.

Linux answers on all of 127.0.0.0/8 without any configuration, so every machine can
have an address of its own. Each local EC2 takes one 127.N.0.0/16 for its VPC.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading

from ..errors import AwsError
from .firewall import Policy

#: 127.0.x.x is everybody's, 127.1.x.x is often configured by hand
_CANDIDATES = range(16, 250)


class LoopbackNetwork:
    """A 127.N.0.0/16 that no other local EC2 on this computer has.

    The claim is a bound socket: it ends with the process, however that ends.
    """

    #: a firewall for loopback would be everybody's, and need root
    enforces = False

    def __init__(self) -> None:
        # Spread over the range, so that two starts rarely meet.
        start = os.getpid() % len(_CANDIDATES)
        order = [*_CANDIDATES[start:], *_CANDIDATES[:start]]
        for number in order:
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            lock.set_inheritable(False)
            try:
                # An abstract name: for all users of the computer, no file left.
                lock.bind(f"\0ec2spawner-local-127.{number}")
            except OSError:
                lock.close()
                continue
            self._lock = lock
            self.number = number
            self.cidr = f"127.{number}.0.0/16"
            #: machines share this computer's network
            self.hub_address = "127.0.0.1"
            return
        raise RuntimeError("no free 127.N.0.0/16: too many local EC2s on this computer")

    def subnet_cidr(self, index: int) -> str:
        return f"127.{self.number}.{16 * index}.0/20"

    def enforce(self, policy: Policy) -> None:
        """Nothing: all processes of this computer reach each other."""

    def close(self) -> None:
        self._lock.close()


class AddressPool:
    """The addresses of one subnet, given out and taken back."""

    def __init__(self, cidr: str) -> None:
        network = ipaddress.ip_network(cidr)
        self._lock = threading.Lock()
        # AWS keeps the first four and the last address of every subnet.
        # https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
        self._next = int(network.network_address) + 4
        self._last = int(network.broadcast_address) - 1
        self._freed: list[str] = []
        self._used: set[str] = set()

    def take(self, newest_first: bool) -> str:
        with self._lock:
            if newest_first and self._freed:
                address = self._freed.pop()
            else:
                address = self._unused() or (self._freed.pop(0) if self._freed else "")
            if not address:
                raise AwsError(
                    "InsufficientFreeAddressesInSubnet",
                    "There are not enough free addresses in the subnet to satisfy "
                    "the requested number of instances.",
                )
            self._used.add(address)
            return address

    def take_this(self, address: str) -> bool:
        """Take one that was asked for; False when it is in use."""
        with self._lock:
            if address in self._used:
                return False
            if address in self._freed:
                self._freed.remove(address)
            self._used.add(address)
            return True

    def in_use(self, address: str) -> bool:
        with self._lock:
            return address in self._used

    def free(self, address: str) -> None:
        with self._lock:
            if address in self._used:
                self._used.remove(address)
                self._freed.append(address)

    def _unused(self) -> str:
        while self._next <= self._last:
            address = str(ipaddress.ip_address(self._next))
            self._next += 1
            if address not in self._used and address not in self._freed:
                return address
        return ""
