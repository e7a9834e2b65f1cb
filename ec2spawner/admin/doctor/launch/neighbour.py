"""What the second machine does in place of a server: it tries whom it reaches.

It runs there, beside the agent that the machine has claimed with (``orders.py``).
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

from ....claim.agent.hub import Hub
from ....claim.agent.start import folders
from ....claim.agent.words import say

# Whoever is let through answers at once, and be it that nobody listens there.
REACH_SECONDS = 5.0
_TELL_SECONDS = 60.0


def reaches(address: str, port: int) -> bool:
    """Whether something answers there, and be it that nobody listens."""
    try:
        socket.create_connection((address, port), REACH_SECONDS).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def main() -> None:
    """Try what the orders say, and tell whom they came from."""
    with open(os.path.join(folders()[0], "orders")) as file:
        orders: dict[str, Any] = json.load(file)
    found = {what: reaches(*where) for what, where in orders["env"].items()}
    hub = Hub(orders["config"], orders["address"], "")
    body = {"nonce": orders["nonce"], "reaches": found}
    deadline = time.monotonic() + _TELL_SECONDS
    while time.monotonic() < deadline:
        try:
            if hub.post("neighbour", body, as_root=True).ours:
                return
        except OSError as e:
            say("telling whom this machine reaches: %r" % e)
        time.sleep(1)
