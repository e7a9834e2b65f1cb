"""The Hub's database, read and never changed, whether the Hub runs or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from ..hub.database.records import Records, read_records


class DatabaseError(Exception):
    """The Hub's database cannot be read. The text says why."""


def read_database(url: str, options: Mapping[str, Any]) -> Records:
    """What the database knows of servers.

    :param url: ``c.JupyterHub.db_url``
    :param options: ``c.JupyterHub.db_kwargs``
    :raises DatabaseError: when there is none, or it does not answer
    """
    with reading(url, options) as connection:
        return read_records(connection)


@contextmanager
def reading(url: str, options: Mapping[str, Any]) -> Iterator[Connection]:
    """A connection to read with.

    JupyterHub's own way to open it would make a database where there is none, and
    an empty one speaks for no machine.

    :raises DatabaseError: when there is none, or it does not answer
    """
    try:
        engine = create_engine(never_new(url), **options)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, TypeError) as e:
        shown = make_url(url).render_as_string(hide_password=True)
        # The first line is the driver's; SQLAlchemy's own follow.
        why = str(e).splitlines()[0]
        if isinstance(e, ImportError):
            why += ". The database's driver is missing: run this command where the "
            why += "Hub runs, or install the driver here"
        raise DatabaseError(f"{shown}: {why}") from e


def never_new(url: str) -> str:
    """The same database, which is not made where there is none.

    :raises DatabaseError: when there is none
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return url
    if not parsed.database or parsed.database == ":memory:":
        raise DatabaseError(f"{url} is in the memory of the Hub")
    path = Path(parsed.database).absolute()
    if not path.is_file():
        raise DatabaseError(f"there is no {path}")
    # Not mode=ro: after a crash SQLite must roll back before anybody can read.
    return f"sqlite:///file:{quote(str(path))}?mode=rw&uri=true"
