"""The command ``ec2spawner teardown``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from traitlets import Bool, Unicode

from ...ec2.clients import Clients
from ...hub.costs.prices import read_price_list
from ..app import AdminApp
from ..hub_config import Hub
from ..lock import AlreadyLocked, only_one
from ..sweep import Status
from ..table import table
from .delete import by_region, delete
from .look import look, why_alive
from .owned import HEAD, Owned, Region, cost_words, owned

_UNSURE = 2


class TeardownApp(AdminApp):
    """List all that a hub has in AWS, with what it costs, and delete it.

    Machines, their disks, interfaces and addresses, and images with their snapshots, in
    all regions. Homes and their snapshots stay unless --homes is given. It asks for the
    hub's id first. It can be interrupted and run again. The Hub must be stopped.
    """

    name = "ec2spawner teardown"
    description = __doc__ or ""
    examples = """
ec2spawner teardown --dry-run
ec2spawner teardown --homes
ec2spawner teardown --yes-delete lab-hub
"""
    dry_run = Bool(False, help="List it, and delete nothing").tag(config=True)
    homes = Bool(
        False, help="Delete homes, too, and their snapshots. There is no way back"
    ).tag(config=True)
    yes_delete = Unicode(help="The hub's id, for scripts: delete without asking").tag(
        config=True
    )
    force = Bool(False, help="Delete although a Hub with this id seems to run").tag(
        config=True
    )
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    aliases: dict[Any, Any] = {
        **AdminApp.aliases,
        "yes-delete": "TeardownApp.yes_delete",
    }
    flags = {
        "dry-run": ({"TeardownApp": {"dry_run": True}}, dry_run.help),
        "homes": ({"TeardownApp": {"homes": True}}, homes.help),
        "force": ({"TeardownApp": {"force": True}}, force.help),
        "json": ({"TeardownApp": {"json": True}}, json.help),
    }

    def start(self) -> None:
        hub = self.hub()
        if self.yes_delete and self.yes_delete != hub.hub_id:
            self.fail(
                f"--yes-delete is {self.yes_delete!r}, and this hub is "
                f"{hub.hub_id!r}: nothing is deleted",
                _UNSURE,
            )
        try:
            with only_one(hub.config_file):
                status = self._tear_down(hub)
        except AlreadyLocked:
            self._complain("another sweep or teardown of this hub is at work")
            status = Status.BUSY
        self.exit(int(status))

    def _tear_down(self, hub: Hub) -> Status:
        seen = asyncio.run(look(hub))
        regions = seen.regions
        found = owned(regions, read_price_list(hub.settings), self.homes)
        doomed = [each for each in found if not each.stays]
        failed = [f"{r.name}: {each}" for r in regions for each in r.trouble]
        for each in failed:
            self._complain(each)
        if not self.json:
            print(as_text(hub, regions, found))
        if doomed and not self.dry_run:
            if (alive := why_alive(hub, seen.others)) and not self.force:
                self._complain(
                    f"{alive}: nothing is deleted. Stop the Hub first, or give --force"
                )
                return Status.NEEDS_A_PERSON
            self._confirm(hub, doomed)
            try:
                failed += asyncio.run(self._delete(hub, doomed))
            except KeyboardInterrupt:
                self.fail("interrupted: run it again for what is left")
        if self.json:
            print(as_json(hub, found, failed, self.dry_run))
        elif not (self.dry_run or failed) and doomed:
            print(_FAREWELL)
        return Status.FAILED if failed else Status.DONE

    def _confirm(self, hub: Hub, doomed: Sequence[Owned]) -> None:
        """Ends the process unless somebody means it."""
        if self.yes_delete:
            return
        if self.json or not sys.stdin.isatty():
            self.fail(
                f"nothing is deleted: give --yes-delete {hub.hub_id} to mean it",
                _UNSURE,
            )
        what = f"{len(doomed)} thing{'' if len(doomed) == 1 else 's'}"
        try:
            typed = input(f"Type the hub's id, {hub.hub_id}, to delete {what}: ")
        except (EOFError, KeyboardInterrupt):
            typed = ""
        if typed.strip() != hub.hub_id:
            self.fail("nothing is deleted", _UNSURE)

    async def _delete(self, hub: Hub, doomed: Sequence[Owned]) -> list[str]:
        failed = []
        for region, things in by_region(doomed):
            clients = Clients(hub.in_region(region))
            try:
                failed += await delete(clients, things, self._tell)
            finally:
                clients.close()
        for each in failed:
            self._complain(each)
        return failed

    def _tell(self, text: str) -> None:
        print(text, file=sys.stderr if self.json else sys.stdout, flush=True)

    def _complain(self, text: str) -> None:
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)


_FAREWELL = """
The hub has nothing more that costs, but for what stays. The Hub's own computer, its
database, its role, and the network are yours: see 'Turn it off' in the tutorial."""


def as_text(hub: Hub, regions: Sequence[Region], found: Sequence[Owned]) -> str:
    """A table of it all, and what it costs."""
    if not found:
        where = ", ".join(region.name for region in regions if not region.trouble)
        nobody = f"What hub {hub.hub_id} has, AWS does not tell."
        return f"Hub {hub.hub_id} has nothing in {where}." if where else nobody
    stays = [each for each in found if each.stays]
    goes = [each for each in found if not each.stays]
    lines = [table(HEAD, [each.cells() for each in found]), ""]
    lines.append(f"To be deleted: {len(goes)}, {cost_words(goes)}.")
    if stays:
        lines.append(f"Stays: {len(stays)}, {cost_words(stays)}.")
    return "\n".join(lines)


def as_json(
    hub: Hub, found: Sequence[Owned], failed: Sequence[str], dry_run: bool
) -> str:
    """For programs."""
    told = {
        "hub_id": hub.hub_id,
        "dry_run": dry_run,
        "trouble": list(failed),
        "things": [each.to_dict() for each in found],
    }
    return json.dumps(told, indent=2)
