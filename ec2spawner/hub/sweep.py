"""The nets of a Hub that runs: it renews leases, and ends what no server owns.

EC2 is listed first, the database is read second, then comes the verdict.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core.metrics import ORPHANS
from ..core.state import Doomed
from ..core.tags import LEASE_TAG, lease_text, to_renew
from ..ec2.again import OnlyNews, every
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.machines import Machine
from ..ec2.resources import (
    Resource,
    ResourceKind,
    create_tags,
    delete_resource,
    list_resources,
)
from ..ec2.snapshots import archives_of
from ..fleet.fleet import Fleet
from ..fleet.runtime import runtime
from ..fleet.sweep_policy import Sweeper, Wanted, apart, is_building, is_wanted
from ..homes.archive import Archivist
from .database.records import read_records
from .owners import stale_owners

_LISTING_SECONDS = 60.0


class FleetSweep:
    """Sweeps one fleet, pass by pass.

    :param grace: seconds for which nobody must want what is ended
    :param lease: seconds of a new lease
    """

    def __init__(self, fleet: Fleet, grace: float, lease: float) -> None:
        self.fleet = fleet
        self.log: logging.Logger = fleet.log
        self._lease = lease
        self._machines: Sweeper[Machine] = Sweeper(grace, lease)
        self._resources: dict[ResourceKind, Sweeper[Resource]] = {
            kind: Sweeper(grace, lease) for kind in ResourceKind
        }
        self._archivist = Archivist(fleet.hub_id, fleet.clients, fleet.homes, fleet.log)
        # Every pass would say it again, all night long.
        self._news = OnlyNews(self.log)
        #: what this pass has found that nobody wants
        self._orphans = 0

    async def once(self, db: Any) -> None:
        """One pass.

        :param db: the Hub's session
        """
        listing = await self.fleet.inventory.newer_than(
            time.monotonic(), _LISTING_SECONDS
        )
        if listing is None or not listing.complete:
            return  # an outage proves nothing
        resources = await self._list_resources()
        # Nothing is awaited from here to the verdicts: all speak of one moment.
        records = read_records(db)
        wanted = records.wanted
        ready = runtime().ready.launches
        wanted = replace(wanted, launches={**ready, **wanted.launches})
        self._orphans = 0
        self._end_machines(listing.machines.values(), wanted, records.since)
        doomed = self._judge_resources(resources, wanted, records.since)
        ORPHANS.labels(self.fleet.region).set(self._orphans)
        await self._delete(doomed)
        await self._archivist.once(resources)
        await self._hand_over(stale_owners(resources, records, self.fleet.hub_id))
        await self._tidy_up_moves()
        await self._renew(listing.machines, wanted)
        await self._book_archives()

    async def _tidy_up_moves(self) -> None:
        try:
            await self.fleet.moves.sweep()
        except EC2Error as e:
            text = "Cannot look for what homes that moved have left over: %s"
            self._news.say("moves", e.code, text, admin_hint(e))
        else:
            self._news.over("moves")

    async def _list_resources(self) -> list[Resource]:
        try:
            resources = await list_resources(
                self.fleet.clients.reading, self.fleet.hub_id
            )
        except EC2Error as e:
            self._news.say(
                "list",
                e.code,
                "Cannot look for volumes, network interfaces, addresses and snapshots "
                "that nothing uses: %s",
                admin_hint(e),
            )
            return []
        self._news.over("list")
        self.fleet.book_volumes(resources)
        return resources

    async def _book_archives(self) -> None:
        try:
            archives = await archives_of(self.fleet.clients.reading, self.fleet.hub_id)
        except EC2Error as e:
            text = "Homes that are kept as snapshots go on costing as known: %s"
            self._news.say("archives", e.code, text, admin_hint(e))
        else:
            self._news.over("archives")
            self.fleet.book_archives(archives)

    def _end_machines(
        self, machines: Iterable[Machine], wanted: Wanted, since: float
    ) -> None:
        # One that has lost our tag and that no server owns is not ours to end.
        known = [m for m in machines if m.hub_id == self.fleet.hub_id or m.id in wanted]
        now = time.time()
        known = [m for m in known if not is_building(m, now)]
        ours, others = apart(known, wanted, self._lease, now)
        self._say_another_hub(others)
        self._say_tags_changed(known, wanted)
        verdict = self._machines.judge(ours, wanted, since, time.monotonic())
        self._orphans += verdict.count
        for machine in verdict.end:
            self._news.say(
                machine.id,
                "ended",
                "Machine %s of launch %s has no server: it is ended",
                machine.id,
                machine.launch_id or "(unknown)",
            )
            self.fleet.terminate_later(Doomed(machine.launch_id, machine.id))
        self._say_braked("Machines", verdict.braked)

    def _judge_resources(
        self, resources: Iterable[Resource], wanted: Wanted, since: float
    ) -> list[Resource]:
        doomed: list[Resource] = []
        for kind, sweeper in self._resources.items():
            found = [resource for resource in resources if resource.kind is kind]
            ours, _ = apart(found, wanted, self._lease, time.time())
            verdict = sweeper.judge(ours, wanted, since, time.monotonic())
            doomed += verdict.end
            self._orphans += verdict.count
            self._say_braked(_PLURALS[kind], verdict.braked)
        return doomed

    def _say_another_hub(self, others: Sequence[Machine]) -> None:
        if not others:
            self._news.over("another hub")
            return
        self._news.say(
            "another hub",
            frozenset(machine.database for machine in others),
            "A Hub with another database has this Hub's hub_id, %s: a copied folder, "
            "or a staging copy? Give one of them another c.EC2Spawner.hub_id. If "
            "there is no other, this Hub's database was moved or replaced. These "
            "machines are spared until their leases end: %s",
            self.fleet.hub_id,
            ", ".join(machine.id for machine in others),
        )

    def _say_tags_changed(self, machines: Iterable[Machine], wanted: Wanted) -> None:
        changed = frozenset(
            m.id
            for m in machines
            if m.id in wanted
            and not m.gone
            and (m.hub_id != self.fleet.hub_id or m.launch_id not in wanted.launches)
        )
        if not changed:
            self._news.over("tags")
            return
        self._news.say(
            "tags",
            changed,
            "Somebody has changed or removed tags ec2spawner:hub or ec2spawner:launch. "
            "These machines have servers all the same, and are kept: %s",
            ", ".join(sorted(changed)),
        )

    def _say_braked(
        self, what: str, braked: Sequence[Machine] | Sequence[Resource]
    ) -> None:
        ids = ", ".join(each.id for each in braked)
        if not ids:
            self._news.over(what)
            return
        self._news.say(
            what,
            ids,
            "%s of this Hub have no server, but there are too many of them, or "
            "they are older than the database, to end them without a person's word. "
            "Was the database replaced? They cost money until somebody ends them: %s",
            what,
            ids,
        )

    async def _delete(self, doomed: Iterable[Resource]) -> None:
        for resource in doomed:
            try:
                await delete_resource(self.fleet.clients.killing, resource)
            except EC2Error as e:
                self._news.say(
                    resource.id,
                    e.code,
                    "The %s %s, which nothing uses, cannot be deleted: %s",
                    resource.kind.value,
                    resource.id,
                    admin_hint(e),
                )
            else:
                self._log_deletion(resource)

    def _log_deletion(self, resource: Resource) -> None:
        kind, id = resource.kind.value, resource.id
        if resource.discarded:
            self.log.info("The discarded %s %s is deleted", kind, id)
            return
        self.log.warning(
            "The %s %s of launch %s was left over and is deleted",
            kind,
            id,
            resource.launch_id or "(unknown)",
        )

    async def _hand_over(self, owners: Mapping[str, str]) -> None:
        """Tag the homes of users and servers that were renamed."""
        for home, owner in owners.items():
            try:
                await self.fleet.homes.hand_over(home, owner)
            except EC2Error as e:
                self._news.say(
                    home,
                    e.code,
                    "Home %s cannot get the tag of its owner's new name. It stays "
                    "theirs for as long as the database knows it: %s",
                    home,
                    admin_hint(e),
                )
            else:
                self.log.info("Home %s has the tag of its owner's new name", home)

    async def _renew(self, machines: Mapping[str, Machine], wanted: Wanted) -> None:
        """Renew the leases of the machines that have a server, all in one call.

        Of one without our tag that is not allowed, which would fail it for all.
        """
        now = time.time()
        leases = {
            machine.id: machine.lease_until
            for machine in machines.values()
            if (machine.id in wanted or machine.launch_id in wanted.launches)
            and machine.hub_id == self.fleet.hub_id
            and not machine.gone
            and is_wanted(machine, wanted)
        }
        if not (ids := to_renew(leases, self._lease, now)):
            return
        tag = {LEASE_TAG: lease_text(now + self._lease)}
        try:
            await create_tags(self.fleet.clients.reading, ids, tag)
        except EC2Error as e:
            self._news.say(
                "renew",
                e.code,
                "Cannot renew the leases of %i machines. No machine with a server is "
                "ended for that: %s",
                len(ids),
                admin_hint(e),
            )
        else:
            self._news.over("renew")
            self.log.debug("Renewed the leases of %i machines", len(ids))


_PLURALS = {
    ResourceKind.VOLUME: "Volumes",
    ResourceKind.INTERFACE: "Network interfaces",
    ResourceKind.ADDRESS: "Addresses",
    ResourceKind.SNAPSHOT: "Snapshots",
}


async def sweep_for_ever(
    db: Any, interval: float, grace: float, lease: float, log: Any
) -> None:
    """Sweep every fleet of this process, again and again."""
    sweeps: dict[Fleet, FleetSweep] = {}

    def failed(_: Exception) -> None:
        log.exception("The sweep failed and is tried again")

    async def sweep_all() -> None:
        for fleet in runtime().fleets:
            sweep = sweeps.setdefault(fleet, FleetSweep(fleet, grace, lease))
            try:
                await sweep.once(db)
            except Exception as e:
                failed(e)  # the other fleets have their turn

    await every(interval, sweep_all, failed)
