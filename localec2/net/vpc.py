"""The VPC of booted machines: a bridge in a network namespace of its own.

    this computer (10.N.0.3) ---+
                                +--- bridge (10.N.0.1: router, DHCP, metadata)
    machine (10.N.x.y) ---------+
    machine (10.N.x.z) ---------+

The bridge carries 169.254.169.254, which must never be an address of this computer
itself: it may have a metadata service of its own.

As on EC2 there is no Ethernet between members: the router answers for every address
(RFC 3069) and passes on what the security groups let through (`firewall`). Nothing else
is routed, so nothing leaves. Followed connections need the IP layer: on bridges few
kernels can do it.

Everything here ends with the process that holds the namespace, the firewall too.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..processes.marked import MARKER
from . import netns
from .dhcp import DhcpServer
from .firewall import PORT_PREFIX, Policy, Port, ruleset

METADATA_ADDRESS = "169.254.169.254"
_BRIDGE = "br0"
#: A bridge without an address of its own takes the lowest of its ports': it changes as
#: machines come and go, and the others go on sending to the old one for up to 45 s.
_ROUTER_MAC = "02:00:0a:00:00:01"
#: of the 10.N.0.0/16: low numbers are in use in many places
_CANDIDATES = range(128, 250)

#: of the namespace, below /proc/sys/net/ipv4
_ROUTER = {
    "ip_forward": "1",
    f"conf/{_BRIDGE}/proxy_arp_pvlan": "1",
    f"neigh/{_BRIDGE}/proxy_delay": "0",
    # Nobody is to be told of a shorter way.
    "conf/all/send_redirects": "0",
    f"conf/{_BRIDGE}/send_redirects": "0",
}

T = TypeVar("T")


class VpcNetwork:
    """A 10.N.0.0/16 that this computer has no route to, and its bridge."""

    enforces = True

    def __init__(self, cloud_id: str) -> None:
        self._macs: dict[str, str] = {}
        self._numbers = itertools.count(1)
        #: held while the firewall changes
        self._changing = threading.Lock()
        self._ports: dict[str, Port] = {}
        self._policy = Policy()
        self._in_force = ""
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--", "sleep", "infinity"],
            # A keeper finds it by its marker when we are gone.
            env={"PATH": os.environ["PATH"], MARKER: cloud_id},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            until_in_namespace(self._holder)
            self.number, self._lock = self._join()
        except BaseException:
            self._release()
            raise
        try:
            self._ip("link", "set", "lo", "up")
            mac = ["address", _ROUTER_MAC]
            self._ip("link", "add", _BRIDGE, *mac, "type", "bridge")
            self._ip("address", "add", f"{self.router}/16", "dev", _BRIDGE)
            self._ip("address", "add", f"{METADATA_ADDRESS}/32", "dev", _BRIDGE)
            self._ip("link", "set", _BRIDGE, "up")
            self.inside(_route)
            self._enforce()
            self._attach("outside")
            self._dhcp = DhcpServer(
                self.inside, _BRIDGE, self.router, "255.255.0.0", self._macs.get
            )
        except BaseException:
            self._lock.close()
            self._release()
            raise

    @property
    def cidr(self) -> str:
        return f"10.{self.number}.0.0/16"

    @property
    def router(self) -> str:
        return f"10.{self.number}.0.1"

    @property
    def hub_address(self) -> str:
        """This computer, as machines see it: what listens here, they can reach."""
        return f"10.{self.number}.0.3"

    def subnet_cidr(self, index: int) -> str:
        return f"10.{self.number}.{16 * index}.0/20"

    def inside(self, make: Callable[[], T]) -> T:
        """Make something, a socket for example, in the VPC's namespace."""
        return netns.inside(self._holder.pid, make)

    def plug(self, pid: int, name: str, mac: str, address: str) -> None:
        """Give a process that has its own namespace an interface on the bridge."""
        port = self.admit(mac, address)
        peer = ["peer", "name", name, "address", mac, "netns", str(pid)]
        self._ip("link", "add", port, "type", "veth", *peer)
        self._attach(port)

    def open_tap(self, mac: str, address: str) -> int:
        """A port of the bridge for a program that makes packets itself, as a file.

        It is there as long as the file is open anywhere.
        """
        port = self.admit(mac, address)
        opened = self.inside(lambda: netns.open_tap(port))
        try:
            self._attach(port)
        except BaseException:
            os.close(opened)
            raise
        return opened

    def admit(self, mac: str, address: str) -> str:
        """Expect a machine; returns the name that its port on the bridge must have."""
        mac = mac.lower()
        port = f"{PORT_PREFIX}{next(self._numbers)}"
        with self._changing:
            # Whoever had this address before is gone, and so are its ports.
            for old in list(self._ports.values()):
                if address == old.address or mac == old.mac:
                    del self._ports[old.mac]
                    self._macs.pop(old.mac, None)
            self._macs[mac] = address
            self._ports[mac] = Port(port, mac, address)
            self._enforce()
        known = ["lladdr", mac, "dev", _BRIDGE, "nud", "permanent"]
        self._ip("neigh", "replace", address, *known)
        return port

    def enforce(self, policy: Policy) -> None:
        """Let this pass and nothing else, at once. Open connections stay open."""
        with self._changing:
            self._policy = policy
            self._enforce()

    def _enforce(self) -> None:
        text = ruleset(self._policy, self._ports.values(), self.hub_address)
        if text != self._in_force:
            run(*self._enter, "nft", "-f", "-", text=text)
            self._in_force = text

    def _attach(self, port: str) -> None:
        """Plug a port in, with a way to the router only."""
        self._ip("link", "set", port, "master", _BRIDGE)
        self._ip("link", "set", port, "type", "bridge_slave", "isolated", "on")
        self._ip("link", "set", port, "up")

    def close(self) -> None:
        self._dhcp.close()
        self._release()
        self._lock.close()

    def _release(self) -> None:
        self._holder.kill()
        self._holder.wait()

    def _join(self) -> tuple[int, socket.socket]:
        """Take a free network, and join it: an address for this computer in it."""
        start = os.getpid() % len(_CANDIDATES)
        order = [*_CANDIDATES[start:], *_CANDIDATES[:start]]
        taken = netns.routed()
        problem = "all are in use"
        for number in order:
            network = (10 << 24) + (number << 16)
            mine = 0xFFFF0000
            if any(network & mask & mine == net & mask & mine for net, mask in taken):
                continue
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                # An abstract name: for all users of the computer, no file left.
                lock.bind(f"\0ec2spawner-local-10.{number}")
                self._join_this(number)
                return number, lock
            except (OSError, CommandFailed) as error:
                problem = str(error)
                lock.close()
        raise RuntimeError(f"no free 10.N.0.0/16 on this computer: {problem}")

    def _join_this(self, number: int) -> None:
        ours = f"ec2local{number}"
        peer = ["peer", "name", "outside", "netns", str(self._holder.pid)]
        run("ip", "link", "add", ours, "type", "veth", *peer)
        try:
            run("ip", "address", "add", f"10.{number}.0.3/16", "dev", ours)
            run("ip", "link", "set", ours, "up")
        except CommandFailed:
            run("ip", "link", "delete", ours)
            raise

    @property
    def _enter(self) -> tuple[str, str]:
        return "nsenter", f"--net=/proc/{self._holder.pid}/ns/net"

    def _ip(self, *arguments: str) -> None:
        run(*self._enter, "ip", *arguments)


def _route() -> None:
    """Make the namespace that the caller is in a router."""
    for name, value in _ROUTER.items():
        Path("/proc/sys/net/ipv4", name).write_text(value)


class CommandFailed(Exception):
    """A command of the operating system did not do what it should."""


def run(*command: str, text: str = "") -> None:
    """Run a command of the system, with a text on its standard input.

    :raises CommandFailed: with what the command said
    """
    # An ordinary user's PATH lacks the folders that root's has.
    env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=env)
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise CommandFailed(f"{' '.join(command)}: {said}")


def until_in_namespace(process: subprocess.Popen[bytes], seconds: float = 10) -> None:
    """Wait until ``unshare --net`` has done its work."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            if netns.has_its_own(process.pid):
                return
        except OSError:
            pass
        time.sleep(0.002)
    raise CommandFailed("unshare: no network namespace was made")
