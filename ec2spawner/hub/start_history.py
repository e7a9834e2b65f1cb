"""How long starts took, in a table of the Hub's database: small, and of no secrets."""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, delete, select
from sqlalchemy.exc import SQLAlchemyError

from ..launch.history import MOST_STARTS, Started, StartHistory, StartKind

_TABLE = Table(
    "ec2spawner_starts",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("region", String(64), nullable=False),
    Column("image", String(512), nullable=False),
    Column("instance_type", String(64), nullable=False),
    Column("woken", String(16), nullable=False),
    #: seconds of each stage, a list in JSON
    Column("stages", String(255), nullable=False),
)
_KIND = ("region", "image", "instance_type", "woken")


def read_starts(db: Any) -> list[Started]:
    """What is written down, oldest first."""
    rows = db.execute(select(_TABLE).order_by(_TABLE.c.id)).all()
    return [
        (
            StartKind(*(getattr(row, name) for name in _KIND)),
            tuple(json.loads(row.stages)),
        )
        for row in rows
    ]


def write_start(db: Any, kind: StartKind, stages: tuple[float, ...]) -> None:
    """Write one down; of its kind only the latest stay."""
    texts = {name: getattr(kind, name) for name in _KIND}
    seconds = json.dumps([round(each, 2) for each in stages])
    db.execute(_TABLE.insert().values(at=time.time(), stages=seconds, **texts))
    alike = [_TABLE.c[name] == text for name, text in texts.items()]
    latest = (
        select(_TABLE.c.id)
        .where(*alike)
        .order_by(_TABLE.c.id.desc())
        .limit(MOST_STARTS)
    )
    ids = [row.id for row in db.execute(latest)]
    db.execute(delete(_TABLE).where(*alike, _TABLE.c.id < min(ids)))
    db.commit()


def keep_history(history: StartHistory, db: Any, log: Any) -> None:
    """Read what is known of earlier starts, and write down each new one.

    Without the table, or with a database that takes no changes, pages know less and
    starts go on.

    :param db: the Hub's session
    """

    def keep(kind: StartKind, stages: tuple[float, ...]) -> None:
        try:
            write_start(db, kind, stages)
        except SQLAlchemyError as e:
            db.rollback()
            log.debug("How long this start took is not written down: %s", e)

    try:
        _TABLE.create(db.connection(), checkfirst=True)
        db.commit()
        history.load(read_starts(db))
    except (SQLAlchemyError, ValueError, TypeError) as e:
        db.rollback()
        log.warning("How long earlier starts took is not known: %s", e)
        return
    history.keep = keep
