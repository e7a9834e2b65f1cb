"""What becomes of machine and homes when a server, or its user, is deleted.

The Hub calls ``delete_forever`` for one server after the other and then deletes their
rows, whatever came of it. So what was decided about a home must be in EC2, as a tag.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable

from jupyterhub import orm
from sqlalchemy import inspect

from ..core.errors import EC2SpawnError, Reason
from ..core.ids import owner_id, server_id
from ..core.kept_events import HomeKnown
from ..core.saved_state import home_in
from ..ec2.again import OnlyNews
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.volumes import Volume
from ..fleet.fleet import Fleet
from ..fleet.unsaved import NotSaved
from ..homes.lineage import last_of
from .context import ServerContext

# The Hub's caller waits for that long; after that it goes on in the background.
_PATIENCE = 20.0
_WAITS = (1.0, 2.0, 5.0, 15.0, 60.0)
# For as long the Hub may take to delete the rows, before it has failed to.
_ROWS_SECONDS = 600.0


def refuse_deleted(context: ServerContext) -> None:
    """JupyterHub deletes the row as soon as we let it, whoever has started meanwhile.

    :raises EC2SpawnError: while the server is being deleted
    """
    if _id_of(context) in context.runtime.deletions:
        raise EC2SpawnError(
            "This server is being deleted. Please wait a moment, then start it again.",
            reason=Reason.CANCELLED,
        )


def _id_of(context: ServerContext) -> str:
    hub = context.hub
    return server_id(context.hub_id, hub.user_name, hub.server_name)


class Deletion:
    """The end of one server for good. The Hub says goodbye to each but once."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        hub = context.hub
        # Read now: the rows are gone when EC2 answers late.
        self._db = hub.db
        self._whose = context.label
        self._policy: str = context.settings.home_on_delete
        # The Hub deletes the default server with its user, and never else
        # (apihandlers/users.py, "Cannot delete the default server").
        self._with_user = not hub.server_name and not self._others_run()
        self._rows = list(hub.user_row.orm_spawners.values())
        self._contexts = [context]
        if self._with_user:
            self._contexts += [other.context for other in hub.all_siblings()]
        else:
            self._rows = [hub.row]
        self._mine = _id_of(context)
        owner = owner_id(context.hub_id, hub.user_name)
        self._owners = {self._mine, *([owner] * self._with_user)}
        self._ids = _homes_of_rows(self._rows)
        self._kin = self._owners | ({context.state.server_id} - {""})

    def _others_run(self) -> bool:
        """Another server of the user runs: the Hub will not delete the user now."""
        others = self._context.hub.siblings().values()
        return any(other.active for other in others)

    async def run(self) -> None:
        """End the stopped machine, see to the home. What EC2 keeps us from goes on."""
        deletions = self._context.runtime.deletions
        deletions.add(self._mine)
        try:
            await asyncio.gather(self._end_stopped(), self._see_to_homes())
        finally:
            deletions.discard(self._mine)

    async def _end_stopped(self) -> None:
        context = self._context
        if stopped := context.state.stopped:
            fleet = context.fleet_in(stopped.region)
            await fleet.terminate(stopped.instance_id, context.settings.stop_timeout)

    async def _see_to_homes(self) -> None:
        if self._policy == "keep":
            return
        context, home = self._context, self._context.state.home
        ours = context.runtime.fleets.of_hub(context.hub_id)
        if home and home.region:
            ours.append(context.fleet_in(home.region))
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
        news, waits = OnlyNews(fleet.log), iter(_WAITS)
        end = time.monotonic() + _PATIENCE
        own: list[orm.Spawner] = self._rows
        while True:
            try:
                return await self._give_up_once(fleet, own)
            except (EC2Error, NotSaved) as e:
                news.say(
                    "home",
                    e.code if isinstance(e, EC2Error) else e.log_message,
                    "The home of %s, which was deleted, cannot be given up yet, "
                    "and stays if this Hub ends before it can: %s",
                    self._whose,
                    admin_hint(e) if isinstance(e, EC2Error) else e.log_message,
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
        :raises NotSaved: when the database does not take that there is no home: it
            would hardly take the end of the rows, which would name it for ever
        """
        homes = fleet.homes
        volumes = await homes.all_of(self._owners, self._ids)
        kept = _homes_of_rows(
            row for row in self._db.query(orm.Spawner) if row not in list(own)
        )
        doomed = [v for v in volumes if not kept & _family(v) and self._goes(v)]
        if not doomed:
            return
        self._forget({id for v in doomed for id in _family(v)})
        gone = {v.id for v in doomed}
        archived = last_of(doomed) if self._policy == "snapshot" else set()
        discarded = sorted(gone - archived)
        if archived:
            await homes.archive(sorted(archived))
        if discarded:
            await homes.discard(discarded)
        fleet.log.info(
            "%s is deleted, and so is the home %s (home_on_delete is %r)",
            self._whose,
            ", ".join(sorted(gone)),
            self._policy,
        )

    def _forget(self, ids: Collection[str]) -> None:
        """Should the Hub fail to delete the rows, their next start makes a new home.

        Or it finds this one by its tag, when this Hub ends before EC2 is asked.

        :raises NotSaved: when the database refuses it
        """
        for context in self._contexts:
            if context.state.home_id in ids:
                context.apply(HomeKnown(None))

    def _goes(self, volume: Volume) -> bool:
        """It is the home of what is deleted: a user's outlives their named servers."""
        return self._with_user or volume.owner in self._kin


def _family(volume: Volume) -> set[str]:
    return {volume.id, volume.heir, *volume.moved_from} - {""}


def _homes_of_rows(rows: Iterable[orm.Spawner]) -> set[str]:
    homes = (home_in(row.state) for row in rows)
    return {home.id for home in homes if home is not None}
