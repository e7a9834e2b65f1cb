"""The command ``ec2spawner ls``."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from ...core.tags import lease_text
from ...costs.ledger import Ledger
from ..collect import Survey, survey
from ..explain import HEAD, leftovers, rows
from ..hub_config import Hub
from ..ledger import read_ledger
from ..options import LsOptions
from ..table import Table, show
from .homes import HEAD as HOMES_HEAD
from .homes import home_rows

_LEFT_HEAD = ("LEFT OVER", "KIND", "ZONE", "WHY")


class LsApp(LsOptions):
    """``ec2spawner ls``, which does what its options say."""

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
            show(*(_homes(hub, seen) if self.homes else _machines(hub, seen, ledger)))
        self.exit(1 if seen.trouble else 0)


def _machines(hub: Hub, seen: Survey, ledger: Ledger) -> Iterator[str | Table]:
    now = time.time()
    lines = [row.cells(now) for row in rows(hub, seen, ledger)]
    yield Table(HEAD, lines) if lines else f"Hub {hub.hub_id} has no machine."
    if left := leftovers(hub, seen):
        yield Table(_LEFT_HEAD, left)


def _homes(hub: Hub, seen: Survey) -> Iterator[str | Table]:
    lines = [row.cells() for row in home_rows(hub, seen)]
    yield Table(HOMES_HEAD, lines) if lines else f"Hub {hub.hub_id} has no home."


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
