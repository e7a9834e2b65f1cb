"""The command ``ec2spawner teardown``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence

from ...ec2.clients import Clients
from ...hub.costs.prices import read_price_list
from ..hub_config import Hub
from ..lock import AlreadyLocked, only_one
from ..options import TeardownOptions
from ..sweep import Status
from ..table import Table, show
from .delete import by_region, delete
from .look import look, why_alive
from .owned import HEAD, Owned, Region, cost_words, owned

_UNSURE = 2


class TeardownApp(TeardownOptions):
    """``ec2spawner teardown``, which does what its options say."""

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
            show(*blocks(hub, regions, found))
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


def blocks(
    hub: Hub, regions: Sequence[Region], found: Sequence[Owned]
) -> Iterator[str | Table]:
    """A table of it all, and what it costs."""
    if not found:
        where = ", ".join(region.name for region in regions if not region.trouble)
        nobody = f"What hub {hub.hub_id} has, AWS does not tell."
        yield f"Hub {hub.hub_id} has nothing in {where}." if where else nobody
        return
    stays = [each for each in found if each.stays]
    goes = [each for each in found if not each.stays]
    yield Table(HEAD, [each.cells() for each in found])
    lines = [f"To be deleted: {len(goes)}, {cost_words(goes)}."]
    if stays:
        lines.append(f"Stays: {len(stays)}, {cost_words(stays)}.")
    yield "\n".join(lines)


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
