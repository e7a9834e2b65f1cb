"""The command ``ec2spawner ls``."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from traitlets import Bool

from ..core.tags import lease_text
from ..costs.ledger import Ledger
from .app import AdminApp
from .collect import Survey, survey
from .explain import HEAD, leftovers, rows
from .homes import HEAD as HOMES_HEAD
from .homes import home_rows
from .hub_config import Hub
from .ledger import read_ledger
from .table import table


class LsApp(AdminApp):
    """List every machine of a hub: whose it is, since when, at what cost, and why.

    With --homes, list the homes instead, and the snapshots that are kept of homes.
    It reads the Hub's configuration and database and asks EC2, and changes nothing.
    It works with the Hub running or down, and without its database.
    """

    name = "ec2spawner ls"
    description = __doc__ or ""
    examples = """
ec2spawner ls
ec2spawner ls -f /etc/jupyterhub/jupyterhub_config.py --hub-folder /srv/jupyterhub
ec2spawner ls --homes
ec2spawner ls --json
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    homes = Bool(
        False, help="List homes: whose they are, where, and what becomes of them"
    ).tag(config=True)
    flags = {
        "json": ({"LsApp": {"json": True}}, json.help),
        "homes": ({"LsApp": {"homes": True}}, homes.help),
    }

    def start(self) -> None:
        hub = self.hub()
        seen = asyncio.run(survey(hub, archives=self.homes))
        for each in seen.trouble:
            print(f"{self.name}: {each}", file=sys.stderr)
        if seen.records is None:
            print(
                f"{self.name}: the Hub's database cannot be read, so owners are what "
                f"tags claim: {seen.database_trouble}",
                file=sys.stderr,
            )
        ledger, why = read_ledger(hub, seen, time.time())
        if why and seen.records is not None:
            print(f"{self.name}: the ledger cannot be read: {why}", file=sys.stderr)
        if self.json:
            print(_as_json(hub, seen, ledger, self.homes))
        else:
            print(
                _homes_as_text(hub, seen) if self.homes else _as_text(hub, seen, ledger)
            )
        self.exit(1 if seen.trouble else 0)


def _as_text(hub: Hub, seen: Survey, ledger: Ledger) -> str:
    now = time.time()
    lines = [row.cells(now) for row in rows(hub, seen, ledger)]
    text = table(HEAD, lines) if lines else f"Hub {hub.hub_id} has no machine."
    if left := leftovers(hub, seen):
        head = ("LEFT OVER", "KIND", "ZONE", "WHY")
        text += "\n\n" + table(head, left)
    return text


def _homes_as_text(hub: Hub, seen: Survey) -> str:
    lines = [row.cells() for row in home_rows(hub, seen)]
    return table(HOMES_HEAD, lines) if lines else f"Hub {hub.hub_id} has no home."


def _as_json(hub: Hub, seen: Survey, ledger: Ledger, homes: bool) -> str:
    found: dict[str, Any] = {
        "hub_id": hub.hub_id,
        "at": lease_text(time.time()),
        "database": seen.records is not None,
        "trouble": list(seen.trouble),
    }
    if homes:
        found["homes"] = [row.to_dict() for row in home_rows(hub, seen)]
    else:
        found["machines"] = [row.to_dict() for row in rows(hub, seen, ledger)]
        found["left_over"] = [
            dict(zip(("id", "kind", "zone", "why"), cells))
            for cells in leftovers(hub, seen)
        ]
    return json.dumps(found, indent=2)
