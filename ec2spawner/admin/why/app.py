"""The command ``ec2spawner why``."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence

from ...core.state import Phase
from ...ec2.clients import Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.machines import Machine, console_output
from ...hub.database.servers import ServerRow, read_servers
from ..collect import Region, Survey, survey
from ..database import DatabaseError, reading
from ..hub_config import Hub
from ..ledger import read_ledger
from ..options import WhyOptions
from ..table import show
from .page import Line, Server, ids_of, lines

_CONSOLE_LINES = 20


class WhyApp(WhyOptions):
    """``ec2spawner why``, which does what its options say."""

    def start(self) -> None:
        if not self.extra_args:
            self.fail("whose server? Give a user's name, and a named server's", 2)
        user, wanted = self.extra_args[0], self.extra_args[1:2]
        hub = self.hub(words=2)
        seen = asyncio.run(survey(hub))
        try:
            with reading(hub.db_url, hub.db_kwargs) as connection:
                found = read_servers(connection, user)
        except DatabaseError as e:
            self.fail(f"the Hub's database cannot be read: {e}")
        servers = self._wanted(user, found, wanted)
        for each in seen.trouble:
            print(f"{self.name}: {each}", file=sys.stderr)
        ledger, trouble = read_ledger(hub, seen, time.time())
        if trouble:
            print(f"{self.name}: the ledger cannot be read: {trouble}", file=sys.stderr)
        now = time.time()
        pages = {
            server.label: [
                *lines(server, hub, seen, ledger, now),
                *self._consoles(server, hub, seen),
            ]
            for server in servers
        }
        if self.json:
            print(_as_json(pages))
        else:
            show(*(_as_text(*page) for page in pages.items()))
        self.exit(1 if seen.trouble else 0)

    def _wanted(
        self, user: str, found: Sequence[ServerRow] | None, wanted: Sequence[str]
    ) -> list[Server]:
        """The servers that are asked about; ends the process if there are none."""
        if found is None:
            self.fail(f"the hub has no user {user!r}", 2)
        rows = [row for row in found if not wanted or row.name == wanted[0]]
        if not rows:
            names = ", ".join(repr(row.name) for row in found if row.name)
            has = f"named servers: {names}" if names else "no named server"
            what = f"server {wanted[0]!r}" if wanted else "server"
            self.fail(f"{user} has no {what}, and {has}", 2)
        return [Server(user, row) for row in rows]

    def _consoles(self, server: Server, hub: Hub, seen: Survey) -> list[Line]:
        state = server.row.state
        if state is None or (state.current.phase is Phase.READY and not self.console):
            return []
        ids = ids_of(state)
        return [
            ("CONSOLE", asyncio.run(_console(region, machine)))
            for region in seen.regions
            for machine in region.machines
            # Of a stopped one there is nothing new to learn.
            if machine.id in ids and (self.console or not machine.over)
        ]


async def _console(region: Region, machine: Machine) -> str:
    clients = Clients(region.account)
    try:
        output = await console_output(clients.reading, machine.id)
    except EC2Error as e:
        return f"of {machine.id} cannot be read: {admin_hint(e)}"
    finally:
        clients.close()
    tail = output.splitlines()[-_CONSOLE_LINES:]
    if not tail:
        return f"of {machine.id} is empty so far"
    return "\n".join([f"of {machine.id} ends with:", *tail])


def _as_text(label: str, page: list[Line]) -> str:
    return "\n".join([label, *(_shown(*line) for line in page)])


def _shown(head: str, text: str) -> str:
    first, *rest = text.splitlines()
    return "\n".join([f"  {head:<12}{first}", *(f"    {each}" for each in rest)])


def _as_json(pages: dict[str, list[Line]]) -> str:
    found = [
        {
            "server": label,
            "known": [{"about": head.lower(), "text": text} for head, text in page],
        }
        for label, page in pages.items()
    ]
    return json.dumps(found, indent=2)
