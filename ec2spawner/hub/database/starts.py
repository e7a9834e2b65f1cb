"""How long starts took, in a table of our own: small, and of no secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from functools import partial
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from ...launch.history import MOST_STARTS, Started, StartHistory, StartKind
from .own import OwnDatabase

_TABLE = Table(
    "ec2spawner_start_times",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("hub_id", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("region", String(64), nullable=False),
    Column("image", String(512), nullable=False),
    Column("instance_type", String(64), nullable=False),
    Column("woken", String(16), nullable=False),
    #: seconds of each stage, a list in JSON
    Column("stages", String(255), nullable=False),
)
_KIND = ("region", "image", "instance_type", "woken")


class Starts:
    """The table, of one hub. Calls block, and may raise ``SQLAlchemyError``."""

    def __init__(self, engine: Engine, hub_id: str) -> None:
        self._engine = engine
        self._hub_id = hub_id

    def read(self) -> list[Started]:
        """What is written down, oldest first. Makes the table where there is none.

        :raises ValueError: for what this version cannot read
        """
        _TABLE.create(self._engine, checkfirst=True)
        mine = select(_TABLE).where(_TABLE.c.hub_id == self._hub_id)
        with self._engine.connect() as connection:
            rows = connection.execute(mine.order_by(_TABLE.c.id)).all()
        return [
            (
                StartKind(*(getattr(row, name) for name in _KIND)),
                tuple(json.loads(row.stages)),
            )
            for row in rows
        ]

    def write(self, kind: StartKind, stages: tuple[float, ...]) -> None:
        """Write one down; of its kind only the latest stay."""
        texts = {name: getattr(kind, name) for name in _KIND}
        texts["hub_id"] = self._hub_id
        seconds = json.dumps([round(each, 2) for each in stages])
        alike = [_TABLE.c[name] == text for name, text in texts.items()]
        latest = (
            select(_TABLE.c.id)
            .where(*alike)
            .order_by(_TABLE.c.id.desc())
            .limit(MOST_STARTS)
        )
        with self._engine.begin() as connection:
            row = {"at": time.time(), "stages": seconds, **texts}
            connection.execute(_TABLE.insert().values(**row))
            ids = [row.id for row in connection.execute(latest)]
            old = _TABLE.c.id < min(ids)
            connection.execute(delete(_TABLE).where(*alike, old))


async def keep_history(
    history: StartHistory, database: OwnDatabase, hub_id: str, log: logging.Logger
) -> None:
    """Read what is known of earlier starts, and from now on write down each new one.

    With a database that cannot be had, or takes no changes, pages know less and starts
    go on.
    """
    starts = Starts(database.engine, hub_id)
    # The event loop itself keeps no task alive.
    writing: set[asyncio.Task[None]] = set()

    async def write(kind: StartKind, stages: tuple[float, ...]) -> None:
        try:
            await database.run(partial(starts.write, kind, stages))
        except SQLAlchemyError as e:
            log.debug("How long this start took is not written down: %s", e)

    def keep(*start: Any) -> None:
        task = asyncio.ensure_future(write(*start))
        writing.add(task)
        task.add_done_callback(writing.discard)

    history.keep = keep
    try:
        history.load(await database.run(starts.read))
    except (SQLAlchemyError, ValueError, TypeError) as e:
        log.warning("How long earlier starts took is not known: %s", e)
