"""The command ``ec2spawner sweep``: for when the Hub is down, and for cron."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from traitlets import Bool, Float

from ..ec2.clients import Account, Clients, Lane
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.machines import Machine, terminate_machines
from ..ec2.resources import Resource, ResourceKind, delete_resource
from ..fleet.sweep_policy import Verdict, judge_leases
from .app import AdminApp
from .collect import Survey, survey
from .explain import why
from .hub_config import Hub
from .lock import AlreadyLocked, only_one


class Status(IntEnum):
    """Exit codes, for cron and monitoring."""

    DONE = 0
    FAILED = 1
    # 2 is a command line or a configuration that cannot be used
    NEEDS_A_PERSON = 3
    BUSY = 4


@dataclass(frozen=True)
class Found:
    """What a look has decided about one machine or resource."""

    account: Account
    thing: Machine | Resource
    why: str

    def __str__(self) -> str:
        kind = "machine" if isinstance(self.thing, Machine) else self.thing.kind.value
        return f"{kind} {self.thing.id} in {self.account.region} ({self.why})"


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


class SweepApp(AdminApp):
    """End the machines of a hub that no server owns and whose lease is over.

    Also delete the volumes, network interfaces and addresses that they left over.
    The Hub does so itself while it runs; this is for when it is down. It reads the
    Hub's configuration and database, and changes neither.
    """

    name = "ec2spawner sweep"
    description = __doc__ or ""
    examples = """
ec2spawner sweep --dry-run
ec2spawner sweep -f /etc/jupyterhub/jupyterhub_config.py --hub-folder /srv/jupyterhub
ec2spawner sweep --expired
"""
    dry_run = Bool(False, help="Say what would be done, and do nothing").tag(
        config=True
    )
    expired = Bool(
        False,
        help="When the Hub's database cannot be read, go by the leases alone. Only "
        "machines that run are ended then",
    ).tag(config=True)
    force = Bool(
        False,
        help="End also what is held back because it is many at once, or older than "
        "the database. Look at --dry-run --force first",
    ).tag(config=True)
    look_again = Float(
        10.0,
        min=0,
        help="Seconds after which to look again, before anything is ended",
    ).tag(config=True)

    aliases = {**AdminApp.aliases, "look-again": "SweepApp.look_again"}
    flags = {
        "dry-run": ({"SweepApp": {"dry_run": True}}, dry_run.help),
        "expired": ({"SweepApp": {"expired": True}}, expired.help),
        "force": ({"SweepApp": {"force": True}}, force.help),
    }

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
        if self.dry_run:
            for found in decision.end:
                print(f"Would end {found}")
        else:
            failed |= not await self._end(decision.end)
        for found in decision.waiting:
            print(f"Not yet: {found}")
        for found in decision.braked:
            print(f"For a person to decide: {found}")
        if failed:
            return Status.FAILED
        return Status.NEEDS_A_PERSON if decision.braked else Status.DONE

    async def _look(self, hub: Hub) -> tuple[Survey, Decision]:
        seen = await survey(hub)
        return seen, decide(hub, seen, time.time(), self.force)

    async def _end(self, doomed: Sequence[Found]) -> bool:
        """End them, and say so; False when that was not possible for all."""
        all_ended = True
        for account in dict.fromkeys(found.account for found in doomed):
            clients = Clients(account)
            for found in doomed:
                if found.account != account:
                    continue
                if trouble := await _end(clients.killing, found.thing):
                    all_ended = False
                    self._complain(f"cannot end {found}: {trouble}")
                else:
                    print(f"Ended {found}", flush=True)
            clients.close()
        return all_ended

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
