"""Homes that were given up and are kept as snapshots: made by the sweep, bit by bit.

What is to be done is in tags, so that a Hub that is killed goes on where it was.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from ..core.tags import ARCHIVE_TAG, HOME_TAG, HUB_TAG, TAG_PREFIX
from ..ec2.again import OnlyNews
from ..ec2.clients import Clients
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.resources import Resource
from ..ec2.snapshots import archives_of, create_snapshot
from .store import Homes

# For so long EC2 may hide a snapshot whose answer was lost, and there would be two.
_CONSISTENCY_SECONDS = 60.0
# AWS writes and reserves these itself.
_RESERVED = ("aws:", TAG_PREFIX)


class Archivist:
    """Makes snapshots of the homes of one fleet that were given up, then discards them.

    A volume goes only when a snapshot of it is complete.
    """

    def __init__(
        self, hub_id: str, clients: Clients, homes: Homes, log: logging.Logger
    ) -> None:
        self._hub_id = hub_id
        self._clients = clients
        self._homes = homes
        self._log = log
        self._asked: dict[str, float] = {}
        self._news = OnlyNews(log)

    async def once(self, resources: Iterable[Resource]) -> None:
        """One step for each volume that waits for it."""
        waiting = [resource for resource in resources if resource.to_archive]
        # Not for ever: volumes come and go, and the Hub stays.
        ids = {resource.id for resource in waiting}
        self._asked = {id: at for id, at in self._asked.items() if id in ids}
        self._news.keep(ids)
        for resource in waiting:
            try:
                await self._step(resource)
            except EC2Error as e:
                self._say(resource.id, admin_hint(e))

    async def _step(self, resource: Resource) -> None:
        found = await archives_of(self._clients.reading, self._hub_id, resource.id)
        found = [archive for archive in found if not archive.discarded]
        made = {archive.state: archive.id for archive in found}
        if "completed" in made:
            # EC2 may have seen the request twice: one is enough.
            more = [a.id for a in found if a.id != made["completed"]]
            await self._homes.discard([*more, resource.id])
            self._log.info(
                "Home %s is kept as snapshot %s", resource.id, made["completed"]
            )
        elif "error" in made:
            self._say(
                resource.id, f"snapshot {made['error']} failed; delete it to try again"
            )
        elif not made and self._may_ask(resource.id):
            await self._make(resource)

    def _may_ask(self, volume_id: str) -> bool:
        now = time.monotonic()
        return now - self._asked.get(volume_id, float("-inf")) > _CONSISTENCY_SECONDS

    async def _make(self, resource: Resource) -> None:
        self._asked[resource.id] = time.monotonic()
        tags = {k: v for k, v in resource.tags.items() if not k.startswith(_RESERVED)}
        tags[HUB_TAG] = self._hub_id
        tags[HOME_TAG] = resource.tags.get(HOME_TAG, "")
        tags[ARCHIVE_TAG] = resource.id
        text = f"Home of a server that was deleted, on hub {self._hub_id}"
        # The lane that repeats nothing by itself.
        await create_snapshot(self._clients.launching, resource.id, text, tags)

    def _say(self, volume_id: str, why: str) -> None:
        self._news.say(
            volume_id,
            why,
            "No snapshot of home %s can be made, so the volume stays: %s",
            volume_id,
            why,
        )
