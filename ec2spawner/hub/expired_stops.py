"""Machines that have rested for longer than the settings allow."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from jupyterhub import orm

from ..server.context import Server


async def end_old_rests(app: Any, spawner: Server) -> None:
    """Terminate them, again and again while the Hub runs.

    :param app: the JupyterHub application
    :param spawner: an instance without a user, to read the settings from
    """
    while True:
        await asyncio.sleep(spawner.sweep_interval)
        try:
            for row in _rows_that_are_due(app.db):
                app.users[row.user].get_spawner(row.name).end_rest()
        except Exception:
            spawner.log.exception("Old machines at rest are looked for again later")


def _rows_that_are_due(db: Any) -> list[Any]:
    now = time.time()
    return [
        row
        for row in db.query(orm.Spawner)
        if row.user is not None
        and 0 < ((row.state or {}).get("resting") or {}).get("until", 0) < now
    ]
