"""Whose each home is: the database knows, and the tags of homes follow it. Pure.

A home's tag is a hash of names, so that a Hub which has lost its database finds homes.
A user or server with another name has another hash. The Hub tells no spawner when a
user is renamed, nor when it renames servers at its start ("autorename").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..core.ids import kind_of_tag, owner_of
from ..core.tags import HOME_TAG, MOVED_FROM_TAG
from ..ec2.resources import Resource
from .database.records import HomeUse, Records


def stale_owners(
    resources: Iterable[Resource], records: Records, hub_id: str
) -> Mapping[str, str]:
    """Volume id -> the tag that it should have, where it has another.

    Of a home that has moved the database may know the old volume or the new one. A
    home that the database gives to two is left alone: nobody can say whose it is.
    """
    homes = [p for p in resources if p.home and not (p.discarded or p.archived)]
    kin: dict[str, set[str]] = {home.id: {home.id} for home in homes}
    for home in homes:
        for origin in home.tags.get(MOVED_FROM_TAG, "").split():
            kin[home.id].add(origin)
            kin.setdefault(origin, {origin}).add(home.id)
    stale = {}
    for resource in homes:
        if HOME_TAG not in resource.tags:
            continue  # a copy that is no home yet
        uses = [use for id in kin[resource.id] for use in records.homes.get(id, ())]
        tag = resource.tags.get(HOME_TAG, "")
        if any(kind_of_tag(hub_id, u.user, u.server, tag) for u in uses):
            continue
        wanted = {_owner(hub_id, use) for use in uses}
        if len(wanted) == 1 and "" not in wanted:
            stale[resource.id] = wanted.pop()
    return stale


def _owner(hub_id: str, use: HomeUse) -> str:
    return owner_of(hub_id, use.user, use.server, use.kind) if use.kind else ""
