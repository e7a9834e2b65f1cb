"""What becomes of machine and homes when a server, or its user, is deleted.

The Hub calls ``delete_forever`` for one server after the other and then deletes their
rows, whatever came of it. So what was decided about a home must be in EC2, as a tag.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from jupyterhub import orm
from sqlalchemy import inspect

from ..core.ids import owner_id, server_id
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.volumes import Volume
from ..fleet.fleet import Fleet, fleets
from ..homes.lineage import last_of
from .context import Server

# The Hub's caller waits for that long; after that it goes on in the background.
_PATIENCE = 20.0
_WAITS = (1.0, 2.0, 5.0, 15.0, 60.0)
# For as long the Hub may take to delete the rows, before it has failed to.
_ROWS_SECONDS = 600.0


class Farewell:
    """The end of one server for good. The Hub says goodbye to each but once."""

    def __init__(self, spawner: Server) -> None:
        self._spawner = spawner
        # Read now: the rows are gone when EC2 answers late.
        self._db = spawner.db_session
        self._whose: str = spawner._log_name
        self._hub_id = spawner.hub_id
        self._policy: str = spawner.home_on_delete
        # The Hub deletes the default server with its user, and never else
        # (apihandlers/users.py, "Cannot delete the default server").
        self._with_user = not spawner.name and not self._others_run()
        self._rows = list(spawner.user.orm_spawners.values())
        if not self._with_user:
            self._rows = [spawner.orm_spawner]
        user = spawner.user.name
        mine = server_id(spawner.hub_id, user, spawner.name)
        self._owners = {mine, *([owner_id(spawner.hub_id, user)] * self._with_user)}
        self._ids = _homes_of_rows(self._rows)
        self._kin = self._owners | ({spawner.state.server_id} - {""})

    def _others_run(self) -> bool:
        """Another server of the user runs: the Hub will not delete the user now."""
        spawner = self._spawner
        return any(
            other.active
            for name, other in spawner.user.spawners.items()
            if name != spawner.name
        )

    async def run(self) -> None:
        """End what rests, and see to the home. What EC2 keeps us from goes on."""
        await asyncio.gather(self._end_rest(), self._see_to_homes())

    async def _end_rest(self) -> None:
        if rest := self._spawner.state.resting:
            fleet = self._spawner.fleet_in(rest.region)
            await fleet.terminate(rest.instance_id, self._spawner.stop_timeout)

    async def _see_to_homes(self) -> None:
        if self._policy == "keep":
            return
        state = self._spawner.state
        ours = [fleet for fleet in fleets() if fleet.hub_id == self._hub_id]
        if state.home_region:
            ours.append(self._spawner.fleet_in(state.home_region))
        works = {}
        for fleet in dict.fromkeys(ours):
            works[fleet] = asyncio.ensure_future(self._give_up_in(fleet))
            fleet.detach(works[fleet])
        if works:
            done, _ = await asyncio.wait(works.values(), timeout=_PATIENCE)
            for work in done:
                work.result()

    async def _give_up_in(self, fleet: Fleet) -> None:
        """Give up the homes in one region, for as long as that takes."""
        said, waits = "", iter(_WAITS)
        end = time.monotonic() + _PATIENCE
        own: list[orm.Spawner] = self._rows
        while True:
            try:
                return await self._give_up_once(fleet, own)
            except EC2Error as e:
                if said != e.code:
                    said = e.code
                    fleet.log.error(
                        "The home of %s, which was deleted, cannot be given up yet, "
                        "and stays if this Hub ends before it can: %s",
                        self._whose,
                        admin_hint(e),
                    )
            await asyncio.sleep(next(waits, _WAITS[-1]))
            if time.monotonic() < end:
                continue
            if not await self._rows_are_gone():
                fleet.log.error("%s was not deleted: its home stays", self._whose)
                return
            # From now on who has the home in the database is somebody else.
            own = []

    async def _rows_are_gone(self) -> bool:
        for _ in range(int(_ROWS_SECONDS)):
            if not any(inspect(row).persistent for row in self._rows):
                return True
            await asyncio.sleep(1)
        return False

    async def _give_up_once(self, fleet: Fleet, own: Iterable[orm.Spawner]) -> None:
        """
        :param own: the rows that are about to be deleted
        :raises EC2Error: when EC2 does not answer
        """
        homes = fleet.homes
        volumes = await homes.all_of(self._owners, self._ids)
        kept = _homes_of_rows(
            row for row in self._db.query(orm.Spawner) if row not in list(own)
        )
        doomed = [v for v in volumes if not kept & _family(v) and self._goes(v)]
        if not doomed:
            return
        gone = {v.id for v in doomed}
        archived = last_of(doomed) if self._policy == "snapshot" else set()
        rest = sorted(gone - archived)
        if archived:
            await homes.archive(sorted(archived))
        if rest:
            await homes.discard(rest)
        self._forget(gone)
        fleet.log.info(
            "%s is deleted, and so is the home %s (home_on_delete is %r)",
            self._whose,
            ", ".join(sorted(gone)),
            self._policy,
        )

    def _forget(self, ids: Iterable[str]) -> None:
        """Should the Hub fail to delete the server, its next start makes a new home."""
        spawner = self._spawner
        if spawner.state.home_id in ids and inspect(spawner.orm_spawner).persistent:
            spawner.state.home_id = spawner.state.home_region = ""
            spawner.save_state()

    def _goes(self, volume: Volume) -> bool:
        """It is the home of what is deleted: a user's outlives their named servers."""
        return self._with_user or volume.owner in self._kin


def _family(volume: Volume) -> set[str]:
    return {volume.id, volume.heir, *volume.moved_from} - {""}


def _homes_of_rows(rows: Iterable[orm.Spawner]) -> set[str]:
    return {id for row in rows if (id := (row.state or {}).get("home_id"))}
