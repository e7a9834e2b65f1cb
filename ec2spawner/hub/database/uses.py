"""Whether servers are used, as a Hub that runs knows it: for commands that ask later.

One row for each hub, in a table of our own, written now and then: verdicts themselves
are made in memory, and nobody decides anything by this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import (
    Column,
    ColumnElement,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    Text,
    delete,
    inspect,
    select,
)

_TABLE = Table(
    "ec2spawner_uses",
    MetaData(),
    Column("hub_id", String(64), primary_key=True),
    Column("at", Float, nullable=False),
    #: instance id -> a note, in JSON
    Column("notes", Text, nullable=False),
)


@dataclass(frozen=True)
class UseNote:
    """What a Hub makes of one server's use. Moments are seconds since the epoch.

    :ivar why: what keeps it on, or why it is about to stop
    :ivar at: when it stops if all stays as it is; 0 when it does not
    :ivar idle_since: since when it is not used; 0 while it is
    :ivar warned: its user is told so
    :ivar sees_people: its machine sees them
    """

    why: str
    at: float = 0.0
    idle_since: float = 0.0
    warned: bool = False
    sees_people: bool = True


class Uses:
    """The row of one hub. Calls block, and may raise ``SQLAlchemyError``."""

    def __init__(self, engine: Engine, hub_id: str) -> None:
        self._engine = engine
        self._hub_id = hub_id
        self._is_made = False

    def write(self, notes: Mapping[str, UseNote], at: float) -> None:
        """Put these in the place of all others.

        :param notes: by the id of the machine
        """
        text = json.dumps({id: asdict(note) for id, note in notes.items()})
        if not self._is_made:
            _TABLE.create(self._engine, checkfirst=True)
            self._is_made = True
        with self._engine.begin() as connection:
            connection.execute(delete(_TABLE).where(self._mine))
            row = {"hub_id": self._hub_id, "at": at, "notes": text}
            connection.execute(_TABLE.insert().values(**row))

    def read(self) -> tuple[dict[str, UseNote], float]:
        """What was written last, and when; nothing and 0 before.

        :raises ValueError: for what this version cannot read
        :raises TypeError: the same
        """
        with self._engine.connect() as connection:
            if not inspect(connection).has_table(_TABLE.name):
                return {}, 0.0
            row = connection.execute(select(_TABLE).where(self._mine)).first()
        if row is None:
            return {}, 0.0
        notes = {id: UseNote(**note) for id, note in json.loads(row.notes).items()}
        return notes, float(row.at)

    @property
    def _mine(self) -> ColumnElement[bool]:
        return _TABLE.c.hub_id == self._hub_id
