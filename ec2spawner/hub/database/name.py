"""The name of a Hub's database, by which two Hubs with one hub id notice each other.

It is a random one that lives in the database, in a table of its own: JupyterHub has
no place for what is nobody's, and leaves tables alone that it does not know. A copy of
the database has it, too, so what EC2 is shown is made of it and of where it lies. One
that is moved has another name after that, which costs nothing: what a database wants is
never ended, whatever name it carries.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

from sqlalchemy import Column, MetaData, String, Table, inspect, select, text

from ...core.ids import digest

_TABLE = Table("ec2spawner_database", MetaData(), Column("id", String(64)))


def read_database_id(db: Any) -> str:
    """The name of a database; empty when no Hub with this package has named it yet.

    :param db: an SQLAlchemy session or connection
    """
    connection = _connection(db)
    if not inspect(connection).has_table(_TABLE.name):
        return ""
    random = connection.execute(select(_TABLE.c.id)).scalar()
    return digest("ec2spawner database", random, _place(connection)) if random else ""


def name_database(db: Any) -> str:
    """The name of the Hub's database, which gets one if it has none.

    :param db: the Hub's session
    :raises SQLAlchemyError: when it cannot be written; nothing has changed then
    """
    try:
        if not read_database_id(db):
            connection = _connection(db)
            _TABLE.create(connection, checkfirst=True)
            connection.execute(_TABLE.insert().values(id=secrets.token_hex(16)))
            db.commit()
    except BaseException:
        db.rollback()
        raise
    return read_database_id(db)


def _connection(db: Any) -> Any:
    return db.connection() if hasattr(db, "connection") and hasattr(db, "bind") else db


def _place(connection: Any) -> str:
    """Where a database lies: another one for a copy."""
    url = connection.engine.url
    if url.get_backend_name() != "sqlite":
        return f"{url.host}:{url.port}/{url.database}"
    files = connection.execute(text("PRAGMA database_list")).all()
    path = next((file for _, name, file in files if name == "main" and file), "")
    return f"{path}:{os.stat(path).st_ino}" if path else ""
