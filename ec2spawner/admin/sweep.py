"""The command ``ec2spawner sweep``: for when the Hub is down, and for cron."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from ..core.tags import lease_text
from ..ec2.clients import Account, Clients, Lane
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.machines import Machine, terminate_machines
from ..ec2.resources import Resource, ResourceKind, delete_resource
from ..fleet.sweep_policy import Verdict, judge_leases
from .collect import Survey, survey
from .explain import why
from .hub_config import Hub
from .lock import AlreadyLocked, only_one
from .options import SweepOptions
from .table import Table, show


class Status(IntEnum):
    """Exit codes, for cron and monitoring."""

    DONE = 0
    FAILED = 1
    # 2 is a command line or a configuration that cannot be used
    NEEDS_A_PERSON = 3
    BUSY = 4


#: what becomes of a thing
Fate = Literal["ended", "would end", "not ended", "not yet", "for a person"]
HEAD = ("FATE", "ID", "KIND", "REGION", "WHY")


@dataclass(frozen=True)
class Found:
    """What a look has decided about one machine or resource."""

    account: Account
    thing: Machine | Resource
    why: str

    def __str__(self) -> str:
        return f"{self.kind} {self.thing.id} in {self.account.region} ({self.why})"

    @property
    def kind(self) -> str:
        """``machine``, ``volume``, ..."""
        thing = self.thing
        return "machine" if isinstance(thing, Machine) else thing.kind.value

    def cells(self, fate: Fate) -> tuple[str, ...]:
        """As text, in the order of :data:`HEAD`."""
        return fate, self.thing.id, self.kind, self.account.region, self.why

    def to_dict(self, fate: Fate) -> dict[str, str]:
        """As programs read it."""
        return dict(zip(("fate", "id", "kind", "region", "why"), self.cells(fate)))


@dataclass(frozen=True)
class Decision:
    """What a look has decided about all of them."""

    end: tuple[Found, ...] = ()
    braked: tuple[Found, ...] = ()
    waiting: tuple[Found, ...] = ()


def decide(hub: Hub, seen: Survey, now: float, force: bool) -> Decision:
    """The verdicts on all regions. Pure.

    :param now: seconds since the epoch. AWS has just compared it with its own
        clock: it refuses requests of a computer that is minutes off
    """
    end: list[Found] = []
    braked: list[Found] = []
    waiting: list[Found] = []

    def take(account: Account, verdict: Verdict[Machine] | Verdict[Resource]) -> None:
        for found, things in (
            (end, verdict.end),
            (braked, verdict.braked),
            (waiting, verdict.waiting),
        ):
            for each in things:
                reason = why(each, seen.records, hub.lease)
                found.append(Found(account, each, reason))

    wanted = None if seen.records is None else seen.records.wanted
    since = 0.0 if seen.records is None else seen.records.since
    for region in seen.regions:
        verdict = judge_leases(region.machines, wanted, since, hub.lease, now, force)
        take(region.account, verdict)
        for kind in ResourceKind:
            resources = [
                resource for resource in region.resources if resource.kind is kind
            ]
            take(
                region.account,
                judge_leases(resources, wanted, since, hub.lease, now, force),
            )
    return Decision(tuple(end), tuple(braked), tuple(waiting))


class SweepApp(SweepOptions):
    """``ec2spawner sweep``, which does what its options say."""

    def start(self) -> None:
        hub = self.hub()
        try:
            with only_one(hub.config_file):
                status = asyncio.run(self._sweep(hub))
        except AlreadyLocked:
            self._complain("another sweep of this hub is at work")
            status = Status.BUSY
        self.exit(int(status))

    async def _sweep(self, hub: Hub) -> Status:
        seen, decision = await self._look(hub)
        if seen.records is None and not self.expired:
            self._complain(
                "the Hub's database cannot be read, so nothing is ended: "
                f"{seen.database_trouble}. With --expired the leases alone decide"
            )
            return Status.FAILED
        if decision.end and not self.dry_run:
            await asyncio.sleep(self.look_again)
            before = {each.thing.id for each in decision.end}
            seen, decision = await self._look(hub)
            if seen.records is None and not self.expired:
                self._complain(f"the database is gone: {seen.database_trouble}")
                return Status.FAILED
            decision = Decision(
                tuple(e for e in decision.end if e.thing.id in before),
                decision.braked,
                decision.waiting,
            )
        failed = bool(seen.trouble)
        for each in seen.trouble:
            self._complain(each)
        fates: list[tuple[Found, Fate]]
        if self.dry_run:
            fates = [(found, "would end") for found in decision.end]
        else:
            fates = await self._end(decision.end)
            failed |= any(fate == "not ended" for _, fate in fates)
        fates += [(found, "not yet") for found in decision.waiting]
        fates += [(found, "for a person") for found in decision.braked]
        self._tell(hub, fates, seen.trouble)
        if failed:
            return Status.FAILED
        return Status.NEEDS_A_PERSON if decision.braked else Status.DONE

    def _tell(
        self,
        hub: Hub,
        fates: Sequence[tuple[Found, Fate]],
        trouble: Sequence[str],
    ) -> None:
        if self.json:
            told = {
                "hub_id": hub.hub_id,
                "at": lease_text(time.time()),
                "dry_run": self.dry_run,
                "trouble": list(trouble),
                "things": [found.to_dict(fate) for found, fate in fates],
            }
            print(json.dumps(told, indent=2))
        elif fates:
            show(Table(HEAD, [found.cells(fate) for found, fate in fates]))
        elif not trouble and (self.dry_run or sys.stdout.isatty()):
            # Not for cron, which mails whatever it is told.
            show(f"Nothing of hub {hub.hub_id} is to be ended.")

    async def _look(self, hub: Hub) -> tuple[Survey, Decision]:
        seen = await survey(hub)
        return seen, decide(hub, seen, time.time(), self.force)

    async def _end(self, doomed: Sequence[Found]) -> list[tuple[Found, Fate]]:
        """End them, and say so at once where that was not possible."""
        fates: list[tuple[Found, Fate]] = []
        for account in dict.fromkeys(found.account for found in doomed):
            clients = Clients(account)
            for found in doomed:
                if found.account != account:
                    continue
                trouble = await _end(clients.killing, found.thing)
                fates.append((found, "not ended" if trouble else "ended"))
                if trouble:
                    self._complain(f"cannot end {found}: {trouble}")
            clients.close()
        return fates

    def _complain(self, text: str) -> None:
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)


async def _end(lane: Lane, thing: Machine | Resource) -> str:
    """End it; why it was not possible, or nothing."""
    try:
        if isinstance(thing, Machine):
            await terminate_machines(lane, [thing.id])
        else:
            await delete_resource(lane, thing)
    except EC2Error as e:
        return admin_hint(e)
    return ""
