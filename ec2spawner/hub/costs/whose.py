"""Whose a run is: what the Hub's database says while it knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...core.ids import owner_id, owner_of, server_id
from ...core.tags import (
    BUILD_TAG,
    HOME_TAG,
    IMAGE_TAG,
    LAUNCH_TAG,
    OWNER_TAG,
    READY_TAG,
    SERVER_TAG,
    read_given,
)
from ...costs.runs import READY, Who, builder_of
from ..database.records import Records, read_records


class Whose:
    """One reading of the Hub's database: who has which launch, machine and home."""

    def __init__(self, hub_id: str, records: Records) -> None:
        self._records = records
        self._by_tag: dict[str, Who] = {}
        for user, server in records.servers:
            self._by_tag[owner_id(hub_id, user)] = Who(user)
            self._by_tag[server_id(hub_id, user, server)] = Who(user, server)
            for kind in ("user", "server"):
                own = Who(user, server if kind == "server" else "")
                self._by_tag[owner_of(hub_id, user, server, kind)] = own

    def of(self, id: str, tags: Mapping[str, str]) -> Who:
        """Whose a machine or a volume is, by all that the database and tags say."""
        who, records = self._found(id, tags), self._records
        key = records.user_keys.get(who.user, "")
        return replace(who, groups=records.groups.get(who.user, ()), user_key=key)

    def _found(self, id: str, tags: Mapping[str, str]) -> Who:
        records = self._records
        if uses := records.homes.get(id):
            one = len({use.server for use in uses}) == 1 and uses[0].kind == "server"
            return Who(uses[0].user, uses[0].server if one else "")
        launch = tags.get(LAUNCH_TAG, "")
        record = records.of_machine(id) or records.launches.get(launch)
        if record := record or records.doomed.get(launch):
            return Who(record.user, record.server, record.profile)
        if READY_TAG in tags and not read_given(tags[READY_TAG]):
            return READY
        for tag in (SERVER_TAG, HOME_TAG, OWNER_TAG):
            if found := self._by_tag.get(tags.get(tag, "")):
                builds = BUILD_TAG in tags
                return (
                    builder_of(found.user, tags.get(IMAGE_TAG, "?"))
                    if builds
                    else found
                )
        return Who()


def read_whose(db: Any, hub_id: str) -> Whose:
    """
    :param db: an SQLAlchemy session or connection of the Hub's database
    """
    return Whose(hub_id, read_records(db))
