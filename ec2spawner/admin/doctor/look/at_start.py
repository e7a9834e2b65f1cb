"""What the Hub tells of its configuration when it starts, without starting it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyterhub import orm
from sqlalchemy import create_engine
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
    try:
        with reading(hub.db_url, hub.db_kwargs) as connection:
            with Session(connection) as session:
                yield session
    except DatabaseError:
        engine = create_engine("sqlite://")
        orm.Base.metadata.create_all(engine)
        with Session(engine) as session:
            yield session
        engine.dispose()
