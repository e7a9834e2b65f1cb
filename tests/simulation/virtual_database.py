"""JupyterHub's database: a file, as ever, but what is worked out once is kept.

Every life of a Hub makes an engine of its own, and with it compiles the same
statements again. On a computer that loses its power nothing is tested here, so nothing
is forced to a disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jupyterhub import orm
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

OWN = (
    "ec2spawner_runs",
    "ec2spawner_ledger",
    "ec2spawner_start_times",
    "ec2spawner_uses",
)


def install(patch: pytest.MonkeyPatch) -> None:
    """Share among all Hubs of this process what is the same for all."""
    first: list[Engine] = []
    create = orm.create_engine

    def create_engine(url: str, **options: Any) -> Engine:
        engine: Engine = create(url, **options)
        if first:
            # The cache of compiled statements goes by the dialect.
            engine.dialect = first[0].dialect
            engine._compiled_cache = first[0]._compiled_cache
        else:
            # So that it knows the version of SQLite and what else it asks for once.
            engine.connect().close()
            first.append(engine)
        return engine

    patch.setattr(orm, "create_engine", create_engine)
    # What people make up is hashed 16,384 times; the one of the tests is none.
    patch.setattr(orm.APIToken, "rounds", 1)


#: SQLite itself refuses a write after one of these, in its own words: read-only, or
#: that the disk is full, when it needs one page more than it has
READ_ONLY, FULL = "PRAGMA query_only = 1", "PRAGMA max_page_count = 1"
_TAKES_ALL = "PRAGMA query_only = 0", "PRAGMA max_page_count = 1073741823"


def watch_commits(
    refusal: Callable[[bool], str | None],
    before: Callable[[], bool],
    after: Callable[[], None],
) -> None:
    """Tell of each commit that changes something. Once per process.

    :param refusal: what SQLite is to refuse a write with, empty for a write that is
        taken, None for one that is no Hub's; is told whether it begins a transaction
    :param before: is called before it; says whether ``after`` is to be called
    """
    writes: set[int] = set()
    written: list[bool] = []

    def ask(cursor: Any, refused: str | None) -> None:
        if refused is None:
            return
        for pragma in (refused,) if refused else _TAKES_ALL:
            cursor.execute(pragma)

    def wrote(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if any(table in statement for table in OWN):
            # They have transactions of their own, which are no step of the Hub's.
            ask(cursor, refusal(False))
        elif statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            ask(cursor, refusal(id(connection) not in writes))
            writes.add(id(connection))

    def commits(connection: Any) -> None:
        if id(connection) in writes:
            if before():
                written.append(True)
            writes.discard(id(connection))

    def committed(session: Any) -> None:
        while written:
            written.pop()
            after()

    def connected(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")

    event.listen(Engine, "connect", connected)
    event.listen(Engine, "before_cursor_execute", wrote)
    event.listen(Engine, "commit", commits)
    event.listen(Engine, "rollback", lambda c: writes.discard(id(c)))
    event.listen(Session, "after_commit", committed)
