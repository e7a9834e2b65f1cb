"""The orders of the second machine: whom to try, and the program that does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

from ....claim.user_data import agent_files

#: of the first machine, its server's port; of the Hub's computer, that of the Hub
FIRST, HUB = "first", "hub"


def orders(tries: Mapping[str, tuple[str, int]]) -> bytes:
    """
    :param tries: by what it is called: an address and a port
    """
    source = files(__package__).joinpath("neighbour.py").read_text()
    # The agent's work begins with this file (claim/agent/start.py), which has the
    # agent's others beside it.
    work = {
        "work/__init__.py": "",
        "work/main.py": source.replace("....claim.agent.", ".."),
    }
    agent = {n: text for n, text in agent_files().items() if "/" not in n}
    given = {"command": [], "env": dict(tries), "goes_on": False}
    return json.dumps({**given, "agent": {**agent, **work}}).encode()
