"""What the Hub tells of its configuration when it starts, without starting it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from jupyterhub import orm
from sqlalchemy import create_engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ....hub.checks.problems import problems
from ....hub.checks.warnings import warnings
from ...database import DatabaseError, reading
from ...hub_config import Hub, hub_url


def told(hub: Hub) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is wrong, and what is seldom meant: the Hub's own words."""
    app = hub.app
    hub_url(hub)  # the application knows its own from now on
    found = tuple(problems(hub.settings, app))
    if found:
        return found, ()
    with _database(hub) as db:
        app.db = db
        try:
            app.authenticator  # it is made now
        except Exception as e:
            # Anybody's program, with settings of its own.
            name = app.authenticator_class.__name__
            return (f"{name} cannot be used: {type(e).__name__}: {e}.",), ()
        return (), tuple(warnings(hub.settings, app))


@contextmanager
def _database(hub: Hub) -> Iterator[Any]:
    """The Hub's database to read, or one with nobody in it."""
    with ExitStack() as stack:
        try:
            read: Any = stack.enter_context(reading(hub.db_url, hub.db_kwargs))
            # SQLite opens whatever is there, and reads it when it is asked.
            read.execute(select(orm.Group.name).limit(1))
        except (DatabaseError, SQLAlchemyError):
            read = create_engine("sqlite://")
            stack.callback(read.dispose)
            orm.Base.metadata.create_all(read)
        yield stack.enter_context(Session(read))
