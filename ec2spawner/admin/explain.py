"""Why each machine exists and what will happen to it. Pure: listing + records."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from ..core.ids import owner_id, server_id
from ..core.state import Phase, Wish
from ..core.tags import HUB_TAG, IMAGE_TAG, LAUNCH_TAG, lease_text
from ..costs.ledger import Ledger
from ..costs.spent import Spent
from ..ec2.machines import Machine
from ..ec2.resources import Resource
from ..fleet.sweep_policy import is_anothers, is_building, is_wanted, lease_end
from ..hub.database.records import Record, Records
from .collect import Survey
from .hub_config import Hub
from .table import duration

UNKNOWN = "?"

_WITH_A_SERVER = {
    Phase.PLANNED: "its server is starting",
    Phase.REQUESTED: "its server is starting",
    Phase.BOOTING: "its server is starting",
    Phase.CLAIMED: "its server is starting",
    Phase.READY: "its server is ready",
}


@dataclass(frozen=True)
class Row:
    """A line of ``ec2spawner ls`` about a machine. Times are seconds since the epoch.

    ``owner`` is None when nobody knows; ``owner_tag`` is what a tag claims then.
    """

    id: str
    region: str
    zone: str
    type: str
    state: str
    owner: str | None
    owner_tag: str
    server: str | None
    launched_at: float
    lease_until: float
    wanted: bool | None
    why: str
    #: when a machine was last heard that is silent; 0 for one that is not
    last_heard: float = 0.0
    #: what its present run has cost so far; None when that is not known at all
    spent: Spent | None = None

    def cells(self, now: float) -> list[str]:
        """As text, in the order of :data:`HEAD`."""
        left = self.lease_until - now
        lease = f"{duration(left)} left" if left > 0 else f"over for {duration(-left)}"
        owner = self.owner
        if owner is None:
            owner = self.owner_tag + UNKNOWN
        return [
            self.id,
            self.state,
            owner,
            self.server or ("-" if self.server is not None else UNKNOWN),
            duration(now - self.launched_at),
            UNKNOWN if self.spent is None else str(self.spent),
            lease if self.lease_until else "none",
            self.zone or self.region,
            self.type,
            self.why,
        ]

    def to_dict(self) -> dict[str, Any]:
        row = asdict(self)
        del row["spent"]
        return {
            **row,
            "cost_usd": round(self.spent.usd, 4) if self.spent else None,
            "cost_unknown": sorted(self.spent.unknown) if self.spent else [],
            "launched_at": lease_text(self.launched_at),
            "lease_until": lease_text(self.lease_until) if self.lease_until else None,
            "last_heard": lease_text(self.last_heard) if self.last_heard else None,
        }


HEAD = tuple("MACHINE STATE OWNER SERVER AGE COST LEASE ZONE TYPE WHY".split())


def rows(hub: Hub, seen: Survey, ledger: Ledger | None = None) -> list[Row]:
    """A row for each machine that exists, by owner.

    :param ledger: who knows what they have cost
    """
    now = time.time()
    records = seen.records
    names = _names_of_servers(hub, records)
    found = []
    for region in seen.regions:
        for machine in region.machines:
            if machine.state == "terminated":
                continue
            record = _record(machine, records)
            owner = (
                (record.user, record.server)
                if record
                else names.get(machine.server_id or machine.owner_id, (None, None))
            )
            found.append(
                Row(
                    machine.id,
                    region.name,
                    machine.zone,
                    machine.instance_type,
                    machine.state,
                    owner[0],
                    next(filter(None, map(machine.tags.get, hub.user_tags)), "") or "",
                    owner[1],
                    machine.launched_at,
                    lease_end(machine, hub.lease),
                    _wanted(machine, records, now),
                    why(machine, records, hub.lease)
                    + _tags_gone(hub, machine, record)
                    + _use(machine, seen, now),
                    record.silent_since if record else 0.0,
                    ledger.of_machine(machine.id, now) if ledger else None,
                )
            )
    return sorted(found, key=lambda r: (r.owner or "", r.server or "", r.id))


def _wanted(machine: Machine, records: Records | None, now: float) -> bool | None:
    if is_building(machine, now) or _is_ready(machine, records):
        return True
    return is_wanted(machine, records.wanted) if records else None


def _is_ready(machine: Machine | Resource, records: Records | None) -> bool:
    """It waits for whoever comes first. No database knows of it."""
    if not isinstance(machine, Machine) or not machine.ready_kind:
        return False
    return not (records and (records.owner_of(machine) or records.doomed_of(machine)))


def _names_of_servers(
    hub: Hub, records: Records | None
) -> dict[str, tuple[str | None, str | None]]:
    """Id of a server, or of an owner -> (user, server): the ids are a hash, and can be
    made again."""
    servers = records.servers if records else ()
    # A builder is of a user, and no server's.
    found: dict[str, tuple[str | None, str | None]] = {
        owner_id(hub.hub_id, user): (user, None) for user, _ in servers
    }
    return found | {
        server_id(hub.hub_id, user, server): (user, server) for user, server in servers
    }


def _record(machine: Machine, records: Records | None) -> Record | None:
    if records is None:
        return None
    return records.owner_of(machine) or records.doomed_of(machine)


def _use(machine: Machine, seen: Survey, now: float) -> str:
    use = "" if machine.over else seen.uses.of(machine.id, now)
    return f"; {use}" if use else ""


def _tags_gone(hub: Hub, machine: Machine, record: Record | None) -> str:
    """Which of our tags somebody has changed or taken off; empty for none."""
    if record is None or machine.gone:
        return ""
    gone = [HUB_TAG] if machine.hub_id != hub.hub_id else []
    gone += [LAUNCH_TAG] if machine.launch_id != record.launch_id else []
    return f"; somebody has changed or removed its {', '.join(gone)}" if gone else ""


def why(machine: Machine | Resource, records: Records | None, lease: float) -> str:
    """Why it exists, or what will happen to it."""
    if isinstance(machine, Machine) and machine.gone:
        return "it is ending"
    if machine.kept:
        return "a person keeps it (tag ec2spawner:keep)"
    if isinstance(machine, Resource) and machine.discarded:
        return "discarded: deleted by the Hub's sweep once nothing uses it"
    if isinstance(machine, Resource) and machine.archived:
        return "given up: the Hub's sweep makes a snapshot and then deletes it"
    until = lease_end(machine, lease)
    if isinstance(machine, Machine) and machine.build:
        name = machine.tags.get(IMAGE_TAG, UNKNOWN)
        return f"builds image {name}; swept after {lease_text(until)}"
    then = f"after {lease_text(until)}" if until else "by a person only"
    if _is_ready(machine, records):
        return f"ready, nobody's; swept {then}"
    if records is None:
        return f"unknown: the database cannot be read; swept {then} with --expired"
    if is_wanted(machine, records.wanted):
        if not isinstance(machine, Machine):
            return "its launch has a server"
        record = records.owner_of(machine)
        if record is None:
            return "the database holds it, in a state that cannot be read"
        if isinstance(machine, Machine) and machine.over:
            return f"it is {machine.state}, and its server will want it again"
        return _with_a_server(record)
    if is_anothers(machine, records.wanted, lease, 0.0):
        return (
            "another Hub has this hub_id, or the database was moved or replaced: "
            f"spared until {lease_text(until)}"
        )
    if records.doomed_of(machine):
        return "to be ended: the Hub tries it until EC2 confirms it"
    if machine.launched_at and machine.launched_at < records.since:
        return "no server; older than the database, so a person must decide"
    return f"no server: ended by the Hub's sweep, or without a Hub {then}"


def _with_a_server(record: Record) -> str:
    if record.phase is None:
        return "it is being stopped, and its server will want it again"
    if record.wish is not Wish.SERVE:
        return "its server is being stopped"
    if record.silent_since:
        heard = lease_text(record.silent_since)
        return f"its server is ready, but its agent was last heard at {heard}"
    return _WITH_A_SERVER.get(record.phase, record.phase.value)


def leftovers(hub: Hub, seen: Survey) -> list[list[str]]:
    """Cells about volumes, interfaces and addresses that nothing uses."""

    def _is_left(resource: Resource) -> bool:
        return resource.discarded or resource.archived or not resource.home

    return [
        [
            resource.id,
            resource.kind.value,
            resource.zone or region.name,
            _why_resource(hub, seen, resource),
        ]
        for region in seen.regions
        for resource in region.resources
        if not resource.used_by and not resource.gone and _is_left(resource)
    ]


def _why_resource(hub: Hub, seen: Survey, resource: Resource) -> str:
    if (
        seen.records
        and not resource.kept
        and resource.launch_id in seen.records.launches
    ):
        return "its launch has a server"
    if seen.records is None and not (
        resource.kept or resource.discarded or resource.archived
    ):
        return "unknown: the database cannot be read; it stays"
    return why(resource, seen.records, hub.lease)
