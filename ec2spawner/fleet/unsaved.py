"""What the Hub's database has refused: written as soon as it takes changes again.

A database may be read-only, full or locked for a while. What must be saved before it is
acted on fails then (``NotSaved``); what has happened anyway waits here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ..core.errors import EC2SpawnError, Reason

# A database that is locked makes the whole Hub wait at each try.
_WAITS = (2.0, 5.0, 10.0, 30.0)


class NotSaved(EC2SpawnError):
    """The Hub's database has refused a change, and is as it was before it.

    :param why: the database's own words
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            "This hub cannot save anything just now, so no machine is started for you. "
            "Nothing is lost. Try again in a few minutes, and tell your hub's admin "
            "when it stays so.",
            reason=Reason.DATABASE,
            log_message=f"The Hub's database refuses a change: {why}",
        )


@contextmanager
def committing(db: Session) -> Iterator[None]:
    """Commit at the end what is changed inside.

    :raises NotSaved: when the database refuses it; nothing is changed then
    """
    if not db.is_active:
        db.rollback()  # somebody else's change has failed before
    try:
        yield
        db.commit()
    except SQLAlchemyError as e:
        # The session is the whole Hub's, and of no use to anybody before this.
        db.rollback()
        raise NotSaved(str(e).splitlines()[0]) from e


class Unsaved:
    """Changes that wait for the database; one of each key, the latest."""

    def __init__(self) -> None:
        self._writes: dict[Hashable, Callable[[], None]] = {}
        self._task: asyncio.Task[None] | None = None
        #: the Hub's process is about to end: nobody is to wait any more
        self.ending = False

    def __contains__(self, key: Hashable) -> bool:
        return key in self._writes

    @property
    def all_written(self) -> bool:
        """The database has taken all that it had refused."""
        return not self._writes

    def add(
        self, key: Hashable, write: Callable[[], None], log: logging.Logger
    ) -> None:
        """Write it as soon as that is possible.

        :param key: of what is written; the same again takes its place
        :param write: raises ``NotSaved`` while it is not
        """
        self._writes[key] = write
        if self._task is None or self._task.done():
            log.error(
                "The Hub's database cannot be written. Servers that run go on, and no "
                "machine is launched. What it has not taken is kept in memory and "
                "written when it takes changes again: is its disk full, or read-only?"
            )
            self._task = asyncio.ensure_future(self._until_all_are_written(log))

    async def written(self) -> None:
        """Return once it has taken all that it had refused, or the Hub ends."""
        while not self.ending and self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=1)

    async def _until_all_are_written(self, log: logging.Logger) -> None:
        waits = iter(_WAITS)
        while self._writes:
            await asyncio.sleep(next(waits, _WAITS[-1]))
            self._write_all(log)
        log.warning("The Hub's database takes changes again, and has all of them")

    def _write_all(self, log: logging.Logger) -> None:
        for key, write in list(self._writes.items()):
            try:
                write()
            except NotSaved:
                return  # it would refuse the others as well
            except Exception:
                log.exception("A change of the Hub's database is lost")
            # Not what was added meanwhile.
            if self._writes.get(key) is write:
                del self._writes[key]
