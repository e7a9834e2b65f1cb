"""The servers of one user, as the Hub's database has them: reads only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jupyterhub import orm
from sqlalchemy import Text, column, select, table

from ...core.saved_state import UnreadableState, from_dict
from ...core.state import ServerState
from .records import seconds_of

# The state as text, as in ``records``.
_SPAWNERS = table(
    orm.Spawner.__tablename__,
    *(column(name) for name in ("user_id", "name", "server_id")),
    column("state", Text),
    column("started", orm.Spawner.started.type),
    column("last_activity", orm.Spawner.last_activity.type),
)


@dataclass(frozen=True)
class ServerRow:
    """A server. Times are seconds since the epoch; 0 for never.

    :ivar serves: JupyterHub takes it for running
    :ivar state: None when it cannot be read
    """

    name: str
    serves: bool = False
    started: float = 0.0
    #: of its user on it, as JupyterHub was told
    last_activity: float = 0.0
    state: ServerState | None = field(default_factory=ServerState)


def read_servers(db: Any, user: str) -> tuple[ServerRow, ...] | None:
    """All servers of a user, by name; None for a user that there is not.

    :param db: an SQLAlchemy session or connection
    """
    ids = select(orm.User.id).where(orm.User.name == user)
    user_id = db.execute(ids).scalar()
    if user_id is None:
        return None
    rows = select(_SPAWNERS).where(_SPAWNERS.c.user_id == user_id)
    found = [_row(row) for row in db.execute(rows).mappings()]
    return tuple(sorted(found, key=lambda row: row.name))


def _row(row: Mapping[str, Any]) -> ServerRow:
    try:
        state = from_dict(json.loads(row["state"]) if row["state"] else {})
    except UnreadableState:
        state = None
    return ServerRow(
        row["name"] or "",
        row["server_id"] is not None,
        _when(row["started"]),
        _when(row["last_activity"]),
        state,
    )


def _when(when: datetime | None) -> float:
    return seconds_of(when) if when else 0.0
