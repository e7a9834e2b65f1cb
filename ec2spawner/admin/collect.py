"""What EC2 has of a hub, in every region: listed first, before the database is read.

What the database holds and no listing has is asked for by its id afterwards: tags are
what others can take off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..ec2.clients import Account, Clients
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.inventory.listing import list_machines
from ..ec2.machines import Machine, machines_by_id
from ..ec2.resources import Resource, list_resources
from ..ec2.snapshots import Snapshot, archives_of
from ..hub.database.records import Record, Records
from .database import DatabaseError, read_database
from .hub_config import Hub
from .uses import KnownUses, read_uses


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
    #: what keeps servers on, by the word of a Hub that runs
    uses: KnownUses = KnownUses()


async def survey(hub: Hub, archives: bool = False) -> Survey:
    """Ask EC2, then the database. What fails is in the answer, nothing is raised.

    :param archives: ask also for the snapshots of homes that were given up
    """

    async def ask(account: Account) -> Region:
        return await _ask(account, hub.hub_id, archives)

    looked = [await ask(account) for account in hub.accounts]
    try:
        records = read_database(hub.db_url, hub.db_kwargs)
        others = {r.region for r in _holding(records)}
        others |= {use.region for uses in records.homes.values() for use in uses}
        missing = others - {account.region for account in hub.accounts} - {""}
        if missing:
            # Servers run in a region that the configuration does not name any more.
            looked += [await ask(hub.in_region(r)) for r in sorted(missing)]
            # Again: what it speaks of must not be older than the listing.
            records = read_database(hub.db_url, hub.db_kwargs)
    except DatabaseError as e:
        return _made(looked, None, str(e))
    looked = [await _with_untagged(region, records) for region in looked]
    return replace(_made(looked, records, ""), uses=read_uses(hub))


def _holding(records: Records) -> list[Record]:
    """What servers have, and what is still to be ended."""
    return [*records.launches.values(), *records.doomed.values()]


async def _with_untagged(region: Region, records: Records) -> Region:
    """With the machines that the database holds and the listing of tags lacks."""
    held = {r.instance_id for r in _holding(records) if r.region in ("", region.name)}
    # Of a state that cannot be read every text is taken for a launch's id.
    held |= {id for id in records.launches if id.startswith("i-")}
    ids = sorted(held - {""} - {machine.id for machine in region.machines})
    if not ids:
        return region
    clients = Clients(region.account)
    try:
        found = await machines_by_id(clients.reading, ids)
    except EC2Error as e:
        trouble = dict.fromkeys((*region.trouble, admin_hint(e)))
        return replace(region, trouble=tuple(trouble))
    finally:
        clients.close()
    return replace(region, machines=(*region.machines, *found.values()))


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
