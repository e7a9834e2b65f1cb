"""Tables of our own, in the Hub's database or another: one engine, one thread.

Nothing that fails here touches the Hub's session, and nothing waits for it on the event
loop. JupyterHub leaves tables alone that it does not know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool, StaticPool

T = TypeVar("T")


def own_engine(url: str, options: Mapping[str, Any]) -> Engine:
    """An engine with connections of its own.

    :param url: as SQLAlchemy has it
    :param options: ``c.JupyterHub.db_kwargs``
    :raises ImportError: when the database's driver is not installed
    """
    given = dict(options)
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, **{"pool_pre_ping": True, **given})
    # A file is opened for each write, and belongs to no thread; what is in memory is
    # this process's own, and not the Hub's.
    given.setdefault("connect_args", {"check_same_thread": False})
    in_memory = not parsed.database or parsed.database == ":memory:"
    given["poolclass"] = StaticPool if in_memory else NullPool
    return create_engine(url, **given)


class OwnDatabase:
    """Where all that the Hub writes for us goes, one piece of work after the other."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._thread = ThreadPoolExecutor(1, "ec2spawner-database")

    async def run(self, work: Callable[[], T]) -> T:
        """Do what blocks in the one thread, and wait for it here.

        :raises: whatever the work raises, such as ``SQLAlchemyError``
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work)

    def close(self) -> None:
        """Finish what has begun."""
        self._thread.shutdown()
        self.engine.dispose()
