"""Free ports on this computer."""

from __future__ import annotations

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports that are free now, each a different one."""
    with ExitStack() as held:
        # All are held until the last is known, or they would be the same.
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def why_not_free(port: int) -> str | None:
    """Why no server could listen on this port now; None if one could."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((LOOPBACK, port))
        except OSError as e:
            return (e.strerror or str(e)).lower()
        return None
