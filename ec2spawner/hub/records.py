"""What the Hub's database says of servers: reads only, on any connection."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from jupyterhub import orm
from sqlalchemy import Text, column, func, select, table

from ..core.state import Phase

# The state as text: of the Hub's own type SQLAlchemy warns that it is not cached.
_SPAWNERS = table(
    orm.Spawner.__tablename__, column("user_id"), column("name"), column("state", Text)
)


@dataclass(frozen=True)
class Record:
    """One server of one user, with what was saved of its launch."""

    user: str
    server: str
    launch_id: str = ""
    instance_id: str = ""
    phase: Phase = Phase.NONE
    region: str = ""


@dataclass(frozen=True)
class HomeUse:
    """A server that has a home. ``kind`` is whose it is: "user", "server" or ""."""

    user: str
    server: str
    kind: str = ""
    region: str = ""


@dataclass(frozen=True)
class Records:
    """One reading of the database."""

    #: by launch id, for launches that a server still wants
    launches: Mapping[str, Record] = field(default_factory=dict)
    #: by launch id, for launches that are to be ended until EC2 confirms it
    tombstones: Mapping[str, Record] = field(default_factory=dict)
    #: (user, server) of every server that the database knows, running or not
    servers: tuple[tuple[str, str], ...] = ()
    #: by volume id, the servers whose home it is
    homes: Mapping[str, tuple[HomeUse, ...]] = field(default_factory=dict)
    #: seconds since the epoch: from when on the database can speak of a machine
    since: float = 0.0

    @property
    def wanted(self) -> dict[str, str]:
        """Launch id -> instance id, or "" while EC2 has not named it."""
        return {id: record.instance_id for id, record in self.launches.items()}


def read_records(db: Any) -> Records:
    """Read what the database knows of servers.

    :param db: an SQLAlchemy session or connection
    """
    launches: dict[str, Record] = {}
    tombstones: dict[str, Record] = {}
    servers: list[tuple[str, str]] = []
    homes: dict[str, tuple[HomeUse, ...]] = {}
    rows = select(orm.User.name, _SPAWNERS.c.name, _SPAWNERS.c.state).outerjoin(
        _SPAWNERS, _SPAWNERS.c.user_id == orm.User.id
    )
    for user, server, saved in db.execute(rows):
        state = json.loads(saved) if saved else {}
        servers.append((user, server or ""))
        if home := state.get("home_id"):
            kind, region = state.get("home_kind", ""), state.get("home_region", "")
            use = HomeUse(user, server or "", kind, region)
            homes[home] = (*homes.get(home, ()), use)
        if launch_id := state.get("launch_id"):
            launches[launch_id] = _record(user, server, state)
        # A machine that rests is wanted as much as one that serves.
        rest = state.get("resting") or {}
        if launch_id := rest.get("launch_id"):
            launches.setdefault(launch_id, _record(user, server, rest))
        for grave in state.get("tombstones", []):
            tombstones[grave.get("launch_id", "")] = _record(
                user, server, {"region": state.get("region", ""), **grave}
            )
    since = database_since(db)
    return Records(launches, tombstones, tuple(servers), homes, since)


def _record(user: str, server: str | None, state: Mapping[str, Any]) -> Record:
    try:
        phase = Phase(state.get("phase", Phase.NONE.value))
    except ValueError:  # a newer version's
        phase = Phase.NONE
    return Record(
        user,
        server or "",
        state.get("launch_id", ""),
        state.get("instance_id", ""),
        phase,
        state.get("region", ""),
    )


def database_since(db: Any) -> float:
    """The oldest time that the database tells of; now if it tells of none.

    Not of users alone: the oldest of them may have been deleted.
    """
    times = [
        db.execute(select(func.min(column))).scalar()
        for column in (orm.User.created, orm.APIToken.created, orm.Spawner.started)
    ]
    known = [_seconds(when) for when in times if when is not None]
    return min(known, default=time.time())


def _seconds(when: datetime) -> float:
    # The Hub stores UTC without saying so (jupyterhub/orm.py, utcnow).
    return when.replace(tzinfo=timezone.utc).timestamp()
