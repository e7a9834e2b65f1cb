"""What the Hub's database says of servers: reads only, on any connection."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from jupyterhub import orm
from sqlalchemy import Text, column, func, select, table

from ...core.saved_state import UnreadableState, from_dict, home_in, ids_in, readable
from ...core.state import Doomed, Launch, Phase, ServerState, StoppedMachine, Wish
from ...ec2.machines import Machine
from ...ec2.resources import Resource
from ...fleet.sweep_policy import Wanted
from .name import read_database_id

# The state as text: of the Hub's own type SQLAlchemy warns that it is not cached.
_SPAWNERS = table(
    orm.Spawner.__tablename__, column("user_id"), column("name"), column("state", Text)
)


@dataclass(frozen=True)
class Record:
    """One server of one user, with what was saved of its launch."""

    user: str
    server: str
    launch_id: str = ""
    instance_id: str = ""
    #: of the launch; None for a machine that no launch has now
    phase: Phase | None = None
    region: str = ""
    wish: Wish = Wish.SERVE
    #: since when its agent says nothing; 0 while it does
    silent_since: float = 0.0
    #: the profile that was chosen
    profile: str = ""


@dataclass(frozen=True)
class HomeUse:
    """A server that has a home. ``kind`` is whose it is: "user", "server" or ""."""

    user: str
    server: str
    kind: str = ""
    region: str = ""


@dataclass(frozen=True)
class Records:
    """One reading of the database."""

    #: by launch id, for launches that a server still wants
    launches: Mapping[str, Record] = field(default_factory=dict)
    #: by launch id, for launches that are to be ended until EC2 confirms it
    doomed: Mapping[str, Record] = field(default_factory=dict)
    #: (user, server) of every server that the database knows, running or not
    servers: tuple[tuple[str, str], ...] = ()
    #: by volume id, the servers whose home it is
    homes: Mapping[str, tuple[HomeUse, ...]] = field(default_factory=dict)
    #: seconds since the epoch: from when on the database can speak of a machine
    since: float = 0.0
    #: the name of the database; empty for none
    database: str = ""
    #: user -> the groups that they are in, sorted
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: user -> what stays theirs with another name
    user_keys: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def wanted(self) -> Wanted:
        """What a server owns, by whatever the database knows of it."""
        launches = {id: record.instance_id for id, record in self.launches.items()}
        return Wanted(launches, frozenset(self.homes), self.database)

    @cached_property
    def _by_machine(self) -> Mapping[str, Record]:
        return {r.instance_id: r for r in self.launches.values() if r.instance_id}

    def owner_of(self, machine: Machine) -> Record | None:
        """The launch that has a machine: by its id, and else by its launch's tag."""
        return self.of_machine(machine.id) or self.launches.get(machine.launch_id)

    def of_machine(self, instance_id: str) -> Record | None:
        """The launch that has a machine of this id."""
        return self._by_machine.get(instance_id)

    @cached_property
    def _doomed_by_machine(self) -> Mapping[str, Record]:
        return {r.instance_id: r for r in self.doomed.values() if r.instance_id}

    def doomed_of(self, thing: Machine | Resource) -> Record | None:
        """What is to be ended that it is, or belongs to."""
        by_id = self._doomed_by_machine.get(thing.id)
        return by_id or self.doomed.get(thing.launch_id)


def read_records(db: Any) -> Records:
    """Read what the database knows of servers.

    :param db: an SQLAlchemy session or connection
    """
    launches: dict[str, Record] = {}
    doomed: dict[str, Record] = {}
    servers: list[tuple[str, str]] = []
    homes: dict[str, tuple[HomeUse, ...]] = {}
    rows = select(orm.User.name, _SPAWNERS.c.name, _SPAWNERS.c.state).outerjoin(
        _SPAWNERS, _SPAWNERS.c.user_id == orm.User.id
    )
    for user, server, saved in db.execute(rows):
        who = (user, server or "")
        servers.append(who)
        raw = json.loads(saved) if saved else {}
        try:
            state = from_dict(raw)
        except UnreadableState:
            # Whatever is in it, none of it is nobody's.
            launches |= {id: Record(*who, id) for id in ids_in(raw)}
            state = ServerState()
        if home := state.home or home_in(raw):
            use = HomeUse(*who, home.kind, home.region)
            homes[home.id] = (*homes.get(home.id, ()), use)
        # A stopped machine is wanted as much as one that serves.
        if stopped := state.stopped:
            launches[stopped.launch_id] = replace(
                _record(who, stopped.launch_id, stopped), profile=state.profile
            )
        if (launch := state.launch) and launch.phase is not Phase.OVER:
            launches[launch.id] = replace(
                _record(who, launch.id, launch),
                phase=launch.phase,
                wish=launch.wish,
                silent_since=launch.silent_since,
                profile=state.profile,
            )
        for each in state.doomed:
            record = _record(who, each.launch_id, each)
            region = each.region or state.current.region
            doomed[each.launch_id] = replace(
                record, region=region, profile=state.profile
            )
    since = database_since(db)
    name = read_database_id(db)
    groups, keys = _read_groups(db), {name: k for k, name in read_users(db).items()}
    return Records(launches, doomed, tuple(servers), homes, since, name, groups, keys)


def read_users(db: Any) -> dict[str, str]:
    """User key -> name, of all users.

    An id alone is not enough: SQLite gives that of the user who was deleted last to the
    next one.
    """
    rows = select(orm.User.id, orm.User.created, orm.User.name)
    return {f"{id}:{created}": name for id, created, name in db.execute(rows)}


def _read_groups(db: Any) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    pairs = (
        select(orm.User.name, orm.Group.name)
        .select_from(orm.User)
        .join(orm.user_group_map, orm.user_group_map.c.user_id == orm.User.id)
        .join(orm.Group, orm.Group.id == orm.user_group_map.c.group_id)
        .order_by(orm.Group.name)
    )
    for user, group in db.execute(pairs):
        groups[user] = (*groups.get(user, ()), group)
    return groups


def _record(
    who: tuple[str, str], launch_id: str, of: Launch | StoppedMachine | Doomed
) -> Record:
    return Record(*who, launch_id, of.instance_id, region=of.region)


# -- of one row ------------------------------------------------------------------------


def has_launch(saved: Mapping[str, Any] | None) -> bool:
    """A launch was recorded, and has not been let go."""
    return readable(saved).launch is not None


def has_unfinished_ends(saved: Mapping[str, Any] | None) -> bool:
    """EC2 has not confirmed every end, or every stop, that was wanted."""
    state = readable(saved)
    stopped = state.stopped
    return bool(state.doomed or stopped and not stopped.certain)


def is_expired(saved: Mapping[str, Any] | None, now: float) -> bool:
    """Its machine has been stopped for longer than the settings allowed."""
    stopped = readable(saved).stopped
    return stopped is not None and 0 < stopped.until < now


def database_since(db: Any) -> float:
    """The oldest time that the database tells of; now if it tells of none.

    Not of users alone: the oldest of them may have been deleted.
    """
    times = [
        db.execute(select(func.min(column))).scalar()
        for column in (orm.User.created, orm.APIToken.created, orm.Spawner.started)
    ]
    known = [seconds_of(when) for when in times if when is not None]
    return min(known, default=time.time())


def seconds_of(when: datetime) -> float:
    """A time of the database, in seconds since the epoch."""
    # The Hub stores UTC without saying so (jupyterhub/orm.py, utcnow).
    return when.replace(tzinfo=timezone.utc).timestamp()
