"""What EC2 has of a hub, in every region: listed first, before the database is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..ec2.clients import Account, Clients
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.machines import Machine, list_machines
from ..ec2.resources import Resource, list_resources
from ..ec2.snapshots import Snapshot, archives_of
from ..hub.database.records import Records
from .database import DatabaseError, read_database
from .hub_config import Hub


@dataclass(frozen=True)
class Region:
    """What one region has, or why it could not be asked."""

    account: Account
    machines: tuple[Machine, ...] = ()
    resources: tuple[Resource, ...] = ()
    trouble: tuple[str, ...] = ()
    #: snapshots of homes that were given up; only if asked for
    archives: tuple[Snapshot, ...] = ()

    @property
    def name(self) -> str:
        return self.account.region


@dataclass(frozen=True)
class Survey:
    """One look at a hub's machines and at what the database says of them."""

    regions: tuple[Region, ...]
    #: None when the database could not be read
    records: Records | None
    database_trouble: str = ""
    trouble: tuple[str, ...] = field(default=())


async def survey(hub: Hub, archives: bool = False) -> Survey:
    """Ask EC2, then the database. What fails is in the answer, nothing is raised.

    :param archives: ask also for the snapshots of homes that were given up
    """

    async def ask(account: Account) -> Region:
        return await _ask(account, hub.hub_id, archives)

    looked = [await ask(account) for account in hub.accounts]
    try:
        records = read_database(hub.db_url, hub.db_kwargs)
    except DatabaseError as e:
        return _made(looked, None, str(e))
    others = {r.region for r in (*records.launches.values(), *records.doomed.values())}
    others |= {use.region for uses in records.homes.values() for use in uses}
    missing = others - {account.region for account in hub.accounts} - {""}
    if missing:
        # Servers run in a region that the configuration does not name any more.
        looked += [await ask(hub.in_region(r)) for r in sorted(missing)]
        try:
            # Again: what it speaks of must not be older than the listing.
            records = read_database(hub.db_url, hub.db_kwargs)
        except DatabaseError as e:
            return _made(looked, None, str(e))
    return _made(looked, records, "")


def _made(looked: Sequence[Region], records: Records | None, why: str) -> Survey:
    trouble = tuple(f"{r.name}: {each}" for r in looked for each in r.trouble)
    return Survey(tuple(looked), records, why, trouble)


async def _ask(account: Account, hub_id: str, archives: bool) -> Region:
    clients = Clients(account)
    trouble: list[str] = []
    machines: tuple[Machine, ...] = ()
    resources: tuple[Resource, ...] = ()
    kept: tuple[Snapshot, ...] = ()
    try:
        machines = tuple((await list_machines(clients.reading, hub_id)).values())
        resources = tuple(await list_resources(clients.reading, hub_id))
        if archives:
            kept = tuple(await archives_of(clients.reading, hub_id))
    except EC2Error as e:
        trouble.append(admin_hint(e))
    finally:
        clients.close()
    return Region(account, machines, resources, tuple(trouble), kept)
