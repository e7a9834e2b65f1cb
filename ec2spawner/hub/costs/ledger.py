"""Keeps the ledger: asks whose its runs are, and writes what has changed.

It writes few rows, and only on a change. What cannot be written is counted in memory,
told once, and written when it can be: no server and no start depends on it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from ...costs.ledger import Ledger
from ...costs.runs import Kind, Run, Who, bounds, month_of
from ...costs.store import Store
from ...ec2.again import OnlyNews
from ..database.own import OwnDatabase
from ..database.records import read_users
from .whose import Whose, read_whose

T = TypeVar("T")

# Changes that come together are written together.
_TOGETHER_SECONDS = 1.0
# That runs go on is written no more often than this: so much may a run lack whose end
# nobody has seen, and EC2 does not tell.
_SEEN_SECONDS = 300.0
_AGAIN_SECONDS = 30.0
# For so long a user with a new name may be without their costs.
_NAMES_SECONDS = 60.0


class Keeper:
    """The ledger of a Hub that runs.

    :param database: where the ledger is written
    :param db: the Hub's session, which is only read, to know whose runs are
    """

    def __init__(
        self,
        ledger: Ledger,
        database: OwnDatabase,
        db: Any,
        hub_id: str,
        log: logging.Logger,
    ) -> None:
        self._ledger = ledger
        self._run = database.run
        self._store = Store(database.engine, hub_id)
        self._db = db
        self._hub_id = hub_id
        self._log = log
        self._news_of = OnlyNews(log, logging.WARNING)
        self._news = asyncio.Event()
        #: since when what has ended is in memory; 0 until the database was read
        self._since = 0.0
        self._seen_at = 0.0
        #: user key -> name, as runs have it
        self._names: Mapping[str, str] = {}
        ledger.on_news = self._news.set

    async def keep(self) -> None:
        """Do it for as long as the Hub runs."""
        while True:
            self._news.clear()
            try:
                await self.once()
            except Exception as e:
                self._failed(e)
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            self._news_of.over("database")
            try:
                await asyncio.wait_for(self._news.wait(), _NAMES_SECONDS)
            except asyncio.TimeoutError:
                pass
            await asyncio.sleep(_TOGETHER_SECONDS)

    async def once(self) -> None:
        """One pass.

        :raises SQLAlchemyError: when the ledger cannot be read or written
        """
        self._name()
        await self._follow_renames()
        await self._load()
        fresh = sorted(self._ledger.fresh)
        if fresh:
            found = await self._run(partial(self._store.find, fresh))
            self._ledger.confirm(fresh, found, int(self._since))
        runs, now = self._ledger.unsaved(), time.time()
        if not runs and now - self._seen_at < _SEEN_SECONDS:
            return
        seen = dict(self._ledger.seen)
        await self._run(partial(self._store.save, runs, seen))
        self._ledger.saved(runs)
        self._seen_at = now

    async def _load(self) -> None:
        """Read the database at the start, and when another month begins."""
        since, _ = bounds(month_of(time.time()))
        if since == self._since:
            return
        await self._run(self._store.make)
        loaded = await self._run(partial(self._store.load, since))
        self._ledger.restore(loaded.runs, loaded.older, loaded.seen)
        self._since = since

    def _name(self) -> None:
        unnamed = self._ledger.unnamed()
        if not unnamed:
            return
        whose = self._read(lambda db: read_whose(db, self._hub_id))
        for run in unnamed:
            self._ledger.name(run.key, who_of(run, self._ledger, whose))

    async def _follow_renames(self) -> None:
        """The Hub tells nobody that a user has another name."""
        names = self._read(read_users)
        if names == self._names:
            return
        await self._run(self._store.make)
        self._ledger.rename(names)
        if await self._run(partial(self._store.rename, names)):
            self._since = 0.0  # sums of older runs are by name, too
        self._names = names

    def _read(self, what: Callable[[Any], T]) -> T:
        try:
            return what(self._db)
        except SQLAlchemyError:
            self._db.rollback()  # it is the whole Hub's
            raise

    def _failed(self, error: Exception) -> None:
        if isinstance(error, SQLAlchemyError):
            why = str(error).splitlines()[0]
            self._news_of.say(
                "database",
                why,
                "The ledger cannot be written, so costs are counted in memory until "
                "it can: %s. No server and no start depends on it",
                why,
            )
        else:
            self._news_of.say(
                "mistake", str(error), "The ledger has a mistake", trace=True
            )


def who_of(run: Run, ledger: Ledger, whose: Whose) -> Who:
    """Whose a run is; of a disk, else whose its machine is; of an archive, its home."""
    id, tags = run.id.partition(":")[0], ledger.tags.get(run.id.partition(":")[0], {})
    who = whose.of(id, tags)
    if not who.user and run.kind is Kind.DISK and run.machine:
        who = whose.of(run.machine, {})
    if not who.user and run.kind is Kind.ARCHIVE:
        who = ledger.who_had(run.machine)  # its user may be gone
    return who
