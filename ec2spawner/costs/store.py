"""The ledger's tables, in the Hub's database or another. Calls block: use a thread.

Whoever makes the engine closes it: ``hub/database/own.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    inspect,
    or_,
    select,
    text,
)
from sqlalchemy.schema import CreateColumn

from .runs import MONTH_HOURS, Key, Kind, Run, Who
from .spent import NOTHING, Spent, of_kind

_METADATA = MetaData()
_RUNS = Table(
    "ec2spawner_runs",
    _METADATA,
    Column("hub_id", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("began", BigInteger, primary_key=True, autoincrement=False),
    Column("ended", BigInteger, index=True),
    Column("exact", Boolean, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("type", String(64), nullable=False),
    Column("market", String(16), nullable=False),
    Column("region", String(32), nullable=False),
    Column("zone", String(32), nullable=False),
    Column("size", Integer, nullable=False),
    # An hour, or a GiB and month; NULL is unknown.
    Column("usd", Float),
    Column("source", String(64), nullable=False),
    Column("user_name", String(255), nullable=False),
    Column("server_name", String(255), nullable=False),
    Column("profile", String(255), nullable=False),
    # A list as JSON, sorted.
    Column("group_names", Text, nullable=False),
    Column("machine", String(64), nullable=False),
    # Which user of the Hub, whatever the name.
    Column("user_key", String(64), nullable=False, server_default=""),
)
#: until when all that goes on in a region was seen to
_SEEN = Table(
    "ec2spawner_ledger",
    _METADATA,
    Column("hub_id", String(64), primary_key=True),
    Column("region", String(32), primary_key=True),
    Column("seen", BigInteger, nullable=False),
)
# SQLite's limit for the variables of a statement is 999 in old versions.
_IDS = 400


@dataclass(frozen=True)
class Loaded:
    """What the database has of a hub.

    :ivar runs: those that go on, or have ended since a moment
    :ivar older: what all others have cost, by user and groups
    """

    runs: tuple[Run, ...] = ()
    older: Mapping[Who, Spent] = field(default_factory=dict)
    #: region -> until when what goes on there was seen
    seen: Mapping[str, int] = field(default_factory=dict)


class Store:
    """The tables of one hub. Every method may raise ``SQLAlchemyError``."""

    def __init__(self, engine: Engine, hub_id: str) -> None:
        self._hub_id = hub_id
        self._engine = engine
        self._made = False

    def make(self) -> None:
        """Make the tables, where they are not there yet."""
        if not self._made:
            _METADATA.create_all(self._engine)
            self._add_columns()
            self._made = True

    def _add_columns(self) -> None:
        """What an older version has not made."""
        there = {each["name"] for each in inspect(self._engine).get_columns(_RUNS.name)}
        with self._engine.begin() as connection:
            for column in (each for each in _RUNS.columns if each.name not in there):
                words = CreateColumn(column).compile(dialect=self._engine.dialect)
                connection.execute(text(f"ALTER TABLE {_RUNS.name} ADD COLUMN {words}"))

    def load(self, since: float) -> Loaded:
        """
        :param since: seconds since the epoch. What has ended before is summed up
        """
        with self._engine.connect() as connection:
            if not inspect(connection).has_table(_RUNS.name):
                return Loaded()
            seen = connection.execute(
                select(_SEEN.c.region, _SEEN.c.seen).where(
                    _SEEN.c.hub_id == self._hub_id
                )
            )
            return Loaded(
                tuple(self._runs(connection, since)),
                self._older(connection, since),
                {region: moment for region, moment in seen},
            )

    def find(self, keys: Iterable[Key]) -> list[Run]:
        """Those of these runs that the database has."""
        wanted = set(keys)
        ids = sorted({key.id for key in wanted})
        found: list[Run] = []
        with self._engine.connect() as connection:
            for at in range(0, len(ids), _IDS):
                rows = select(_RUNS).where(
                    _RUNS.c.hub_id == self._hub_id, _RUNS.c.id.in_(ids[at : at + _IDS])
                )
                found += map(_run, connection.execute(rows).mappings())
        return [run for run in found if run.key in wanted]

    def save(self, runs: Sequence[Run], seen: Mapping[str, int]) -> None:
        """Write runs, whether the database has them or not: all or none.

        All in a few statements: a Hub that restarts among thousands of machines writes
        as many runs at once.
        """
        mine = {"hub_id": self._hub_id}
        with self._engine.begin() as connection:
            latest = {run.key: {**mine, **_values(run)} for run in runs}
            _put(connection, _RUNS, [*latest.values()], sorted({k.id for k in latest}))
            regions = [{**mine, "region": r, "seen": at} for r, at in seen.items()]
            _put(connection, _SEEN, regions, sorted(seen))

    def rename(self, names: Mapping[str, str]) -> bool:
        """Let runs follow their users, who may have other names now.

        :param names: user key -> name, of all users that there are
        :returns: whether there was anything to do
        """
        c = _RUNS.c
        mine = and_(c.hub_id == self._hub_id, c.user_key != "")
        with self._engine.begin() as connection:
            rows = select(c.user_key, c.user_name).where(mine).distinct()
            stale = [
                (key, names[key])
                for key, name in connection.execute(rows).all()
                if names.get(key, name) != name
            ]
            for key, name in stale:
                change = _RUNS.update().where(mine, c.user_key == key)
                connection.execute(change.values(user_name=name))
        return bool(stale)

    def _runs(self, connection: Connection, since: float) -> Iterable[Run]:
        rows = select(_RUNS).where(
            _RUNS.c.hub_id == self._hub_id,
            or_(_RUNS.c.ended.is_(None), _RUNS.c.ended >= since),
        )
        return [_run(row) for row in connection.execute(rows).mappings()]

    def _older(self, connection: Connection, since: float) -> dict[Who, Spent]:
        c = _RUNS.c
        length = c.ended - c.began
        billed = case((and_(c.kind == "machine", length < 60), 60), else_=length)
        stored = c.kind.in_([kind.value for kind in Kind if kind.stored])
        hourly = case((stored, c.usd * c.size / MONTH_HOURS), else_=c.usd)
        whose = (c.user_name, c.group_names, c.kind, c.type, c.usd.is_(None))
        rows = (
            select(*whose[:-1], func.sum(hourly * billed / 3600.0))
            .where(c.hub_id == self._hub_id, c.ended < since)
            .group_by(*whose)
        )
        older: dict[Who, Spent] = {}
        for user, groups, kind, what, usd in connection.execute(rows):
            who = Who(user, groups=tuple(json.loads(groups)))
            spent = of_kind(Kind(kind), usd, what)
            older[who] = older.get(who, NOTHING) + spent
        return older


def _put(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
) -> None:
    """Insert rows of one hub, or change those that are there.

    No database has the same words for both in one.

    :param names: all that the second column of the primary key has in these rows
    """
    if not rows:
        return
    keys = list(table.primary_key)
    there: set[tuple[Any, ...]] = set()
    for at in range(0, len(names), _IDS):
        some = and_(
            keys[0] == rows[0][keys[0].name], keys[1].in_(names[at : at + _IDS])
        )
        there.update(map(tuple, connection.execute(select(*keys).where(some))))
    old: list[Mapping[str, Any]] = []
    new: list[Mapping[str, Any]] = []
    for row in rows:
        known = tuple(row[key.name] for key in keys) in there
        (old if known else new).append(row)
    if new:
        connection.execute(table.insert(), new)
    if old:
        # What is named as a column becomes its value.
        match = and_(*(key == bindparam(f"old_{key.name}") for key in keys))
        was = [{f"old_{key.name}": row[key.name] for key in keys} for row in old]
        found = [{**row, **key} for row, key in zip(old, was)]
        connection.execute(table.update().where(match), found)


def _values(run: Run) -> dict[str, Any]:
    names = "id began ended exact seen type market region zone size usd source"
    return {
        **{name: getattr(run, name) for name in names.split()},
        "machine": run.machine,
        "kind": run.kind.value,
        "user_name": run.who.user,
        "server_name": run.who.server,
        "profile": run.who.profile,
        "group_names": json.dumps(sorted(run.who.groups)),
        "user_key": run.who.user_key,
    }


def _run(row: RowMapping) -> Run:
    return Run(
        id=row["id"],
        began=row["began"],
        kind=Kind(row["kind"]),
        type=row["type"],
        market=row["market"],
        region=row["region"],
        zone=row["zone"],
        size=row["size"],
        ended=row["ended"],
        exact=row["exact"],
        seen=row["seen"],
        usd=row["usd"],
        source=row["source"],
        who=Who(
            row["user_name"],
            row["server_name"],
            row["profile"],
            tuple(json.loads(row["group_names"])),
            row["user_key"],
        ),
        machine=row["machine"],
    )
