"""Free ports on this computer."""

from __future__ import annotations

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
_FIRST, _LAST = 10_000, 65_535
#: the ports that Linux gives to outgoing connections, and what is usual
_FOR_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL = "32768 60999"


def free_ports(count: int) -> list[int]:
    """Ports that are free now, each a different one.

    None that an outgoing connection could have taken when a server comes to use it.
    """
    ports = candidates(_range_for_connections())
    random.shuffle(ports)
    free = (port for port in ports if why_not_free(port, "") is None)
    return [next(free) for _ in range(count)]


def candidates(for_connections: str) -> list[int]:
    """The ports for servers; all, where every one may be a connection's."""
    low, high = map(int, for_connections.split())
    all_ports = range(_FIRST, _LAST + 1)
    others = [port for port in all_ports if not low <= port <= high]
    return others or list(all_ports)


def _range_for_connections() -> str:
    try:
        return _FOR_CONNECTIONS.read_text()
    except OSError:
        return _USUAL


def why_not_free(port: int, address: str = LOOPBACK) -> str | None:
    """Why no server could listen on this port now; None if one could."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((address, port))
        except OSError as e:
            return (e.strerror or str(e)).lower()
        return None
