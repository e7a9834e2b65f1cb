"""Writes down now and then what keeps servers on, for commands that ask later."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from ...core.idleness import Step
from ...ec2.again import OnlyNews
from ...server.context import ServerContext
from ..database.own import OwnDatabase
from ..database.uses import UseNote, Uses

# As old as what a command tells may be; and it is written as often also when nothing
# has changed, so that whoever asks knows that a Hub was there.
_SECONDS = 60.0
_SAME_SECONDS = 300.0


class UseRecord:
    """What was written last is not written again, and what cannot be is told once."""

    def __init__(self, database: OwnDatabase, hub_id: str, log: logging.Logger) -> None:
        self._run = database.run
        self._uses = Uses(database.engine, hub_id)
        self._news = OnlyNews(log, logging.WARNING)
        self._notes: dict[str, UseNote] = {}
        self._at = 0.0

    async def keep(self, contexts: Iterable[ServerContext], now: float) -> None:
        """Write it, if it is time for that. Nothing depends on it."""
        waited = now - self._at
        if 0 <= waited < _SECONDS:
            return
        notes = {c.launch.instance_id: note_of(c) for c in contexts}
        if notes == self._notes and 0 <= waited < _SAME_SECONDS:
            return
        self._notes, self._at = notes, now
        try:
            await self._run(partial(self._uses.write, notes, now))
            self._news.over("uses")
        except SQLAlchemyError as e:
            why = str(e).splitlines()[0]
            text = "What keeps servers on cannot be written for ec2spawner why: %s"
            self._news.say("uses", why, text, why)


def note_of(context: ServerContext) -> UseNote:
    """Moments by the minute: they move a little with each word of a machine."""
    verdict, seen = context.use.verdict, context.use.seen
    return UseNote(
        why=verdict.why,
        at=_minute(verdict.at),
        idle_since=_minute(verdict.idle_since),
        warned=verdict.step is not Step.STAY,
        sees_people=seen is None or seen.sees_people,
    )


def _minute(moment: float) -> float:
    return round(moment / 60) * 60.0
