"""All machines of one hub in one region: launches, inventory, ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass

from ..core.state import Doomed
from ..costs.ledger import Ledger
from ..ec2.again import Looks, slower
from ..ec2.batcher import Batcher
from ..ec2.clients import Account, Clients
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.images import Images
from ..ec2.instance_types import Catalog
from ..ec2.inventory import CONSISTENCY_SECONDS, Inventory
from ..ec2.inventory.listing import Lister
from ..ec2.machines import (
    Machine,
    console_output,
    machine_of_token,
    machines_at,
    machines_by_id,
    terminate_machines,
)
from ..ec2.resources import Resource
from ..ec2.snapshots import Snapshot
from ..ec2.status_checks import StatusChecks, impaired_machines
from ..homes.attach import Attaching
from ..homes.move import Moves
from ..homes.store import Homes
from ..launch.attempts import Attempts, Launcher, Reporter, find
from ..launch.plan import LaunchPlan
from .power import Power

_TERMINATION_SECONDS = (2.0, 5.0, 15.0, 60.0)
_CONSOLE_TAIL = 4000


@dataclass(frozen=True)
class FleetKey:
    """Servers with equal keys share one fleet."""

    hub_id: str
    account: Account


class Fleet:
    """Launches, lists and ends the machines of one hub. Knows nothing of the Hub."""

    def __init__(
        self,
        key: FleetKey,
        fast: float,
        slow: float,
        log: logging.Logger,
        ledger: Ledger | None = None,
    ) -> None:
        self.hub_id = key.hub_id
        self.region = key.account.region
        self._ledger = ledger
        self.log = log
        self.clients = Clients(key.account)
        self.images = Images(self.clients.reading, key.hub_id)
        self.catalog = Catalog(self.clients.reading, log)
        self.inventory = Inventory(
            Lister(self.clients.reading, key.hub_id),
            lambda ids: machines_by_id(self.clients.reading, ids),
            fast,
            slow,
            log,
            self._book,
        )
        self.status_checks = StatusChecks(
            lambda: impaired_machines(self.clients.reading), log
        )
        self.homes = Homes(key.hub_id, self.clients, log)
        self.attaching = Attaching(
            self.clients, self.inventory, self.homes, log, self.terminate
        )
        self.moves = Moves(key.hub_id, self.clients, self.homes, log)
        self.power = Power(self.clients, self.inventory, log)
        self.launcher = Launcher(self.clients, self.inventory, log)
        self._terminations = Batcher(
            "terminate", lambda ids: terminate_machines(self.clients.killing, ids)
        )
        # Work that must outlive the start or stop that began it.
        self._detached: set[asyncio.Task[None]] = set()
        self._doomed: dict[Doomed, asyncio.Task[None]] = {}
        #: who is to be told of its end; a dict, for they are told in this order
        self._told: dict[Doomed, dict[Callable[[Doomed], None], None]] = {}

    def _book(self, machines: Iterable[Machine], complete: bool) -> None:
        """What EC2 shows costs. Whatever is wrong with that, machines go on."""
        if self._ledger is not None:
            with self._no_matter_what():
                self._ledger.see(self.region, machines, time.time(), complete)

    async def volumes_on(
        self, instance_id: str, devices: Collection[str], seconds: float
    ) -> dict[str, str] | None:
        """The ids of volumes that EC2 makes with a machine, by EC2's names of their
        devices. Only a listing says them; None when none does in time."""
        end = time.monotonic() + seconds
        while True:
            machine = self.inventory.get(instance_id)
            known = machine.volumes if machine is not None else {}
            if all(known.get(device) for device in devices):
                return {device: known[device] for device in devices}
            if time.monotonic() > end:
                return None
            await self.inventory.next(max(end - time.monotonic(), 1))

    def book_volumes(self, resources: Iterable[Resource]) -> None:
        """What is stored costs, too.

        :param resources: all of the hub that there are in this region
        """
        if self._ledger is not None:
            with self._no_matter_what():
                self._ledger.see_volumes(self.region, resources, time.time())

    def book_archives(self, archives: Iterable[Snapshot]) -> None:
        """Homes that were given up cost as long as they are kept.

        :param archives: all of the hub that there are in this region
        """
        if self._ledger is not None:
            with self._no_matter_what():
                self._ledger.see_archives(self.region, archives, time.time())

    @contextmanager
    def _no_matter_what(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self.log.exception("The ledger has a mistake: costs may be wrong")

    def attempts(self, plan: LaunchPlan, reporter: Reporter) -> Attempts:
        """A launch that has not begun."""
        return self.launcher.attempts(plan, reporter)

    async def find(
        self, launch_id: str, timeout: float, client_token: str = ""
    ) -> Machine | None:
        """The machine of a launch, by its tag; None if no listing in time has it.

        :param client_token: only a machine that this attempt of the launch made
        """
        return await find(self.inventory, launch_id, timeout, client_token)

    async def terminate(self, instance_id: str, timeout: float) -> bool:
        """End a machine; True once EC2 has confirmed that it is ending.

        ``InvalidInstanceID.NotFound`` is no confirmation: the machine may still
        be running (EC2 developer guide, "Eventual consistency"). It is believed
        when no listing of a minute shows the machine either.
        """
        self.inventory.expect(instance_id)
        with self.inventory.hurry():
            async for _ in Looks(slower, within=timeout):
                try:
                    state = await self._terminations.ask(instance_id)
                    if state in ("shutting-down", "terminated"):
                        return True
                except EC2Error as e:
                    self.log.warning("Machine %s: %s", instance_id, admin_hint(e))
                machine = self.inventory.get(instance_id)
                if machine is not None and machine.gone:
                    return True
                if self.inventory.is_lost(instance_id, though_many=True):
                    return True
        return False

    def terminate_later(
        self, doomed: Doomed, then: Callable[[Doomed], None] | None = None
    ) -> None:
        """End a machine in the background, for as long as that takes.

        :param then: is called with it once EC2 has confirmed that nothing is left, and
            so is what others have asked for meanwhile: the Hub may have made a new
            spawner of the same server
        """
        told = self._told.setdefault(doomed, {})
        if then is not None:
            told[then] = None
        if doomed not in self._doomed:
            self._doomed[doomed] = asyncio.ensure_future(self._until_gone(doomed))

    async def _until_gone(self, doomed: Doomed) -> None:
        waits = iter(_TERMINATION_SECONDS)
        # Long enough for terminate() to find a machine absent for long enough.
        timeout = CONSISTENCY_SECONDS + 4 * self.inventory.slow
        try:
            while not await self._end_launch(doomed, timeout):
                await asyncio.sleep(next(waits, _TERMINATION_SECONDS[-1]))
        finally:
            # Before anybody is told: who asks later is told of another look.
            del self._doomed[doomed]
        self.log.info("Launch %s has ended, nothing of it is left", doomed.launch_id)
        for then in self._told.pop(doomed):
            then(doomed)

    async def _end_launch(self, doomed: Doomed, timeout: float) -> bool:
        if doomed.instance_id:
            return await self.terminate(doomed.instance_id, timeout)
        began = time.monotonic()
        machine = await self.find(doomed.launch_id, timeout, doomed.client_token)
        if machine is None:
            try:
                machine = await self.made_for(doomed.client_token)
            except EC2Error:
                return False  # an outage proves nothing
        if machine is None:
            # Only listings that worked say that there is none, and only late enough.
            listing = self.inventory.listing
            if listing is None or not listing.complete:
                return False
            return listing.began - began > CONSISTENCY_SECONDS
        if not await self.terminate(machine.id, timeout):
            return False
        # Two attempts of one launch may both have made one.
        await self.inventory.next(timeout)
        other = self.inventory.of_launch(doomed.launch_id, doomed.client_token)
        return other is None or other.gone

    async def made_for(self, client_token: str) -> Machine | None:
        """What EC2 has made for a client token, whatever tags it has.

        :raises EC2Error: when EC2 does not answer
        """
        if not client_token:
            return None
        return await machine_of_token(self.clients.reading, client_token)

    async def machines_at(
        self, address: str, subnets: Sequence[str]
    ) -> Mapping[str, Machine]:
        """Those at a private address in these subnets, whatever hub's they are.

        :raises EC2Error: when EC2 does not answer
        """
        return await machines_at(self.clients.reading, address, subnets)

    def detach(self, work: Awaitable[None]) -> None:
        """Let work go on when whoever began it is cancelled."""
        task = asyncio.ensure_future(_run(work))
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)

    async def console_tail(self, instance_id: str) -> str:
        """The end of the machine's console, or a note that there is none."""
        try:
            output = await console_output(self.clients.reading, instance_id)
        except EC2Error as e:
            return f"(no console output: {e})"
        return output[-_CONSOLE_TAIL:] or "(the console is empty so far)"

    def close(self) -> None:
        """Stop all background work and threads. Machines stay as they are."""
        self.inventory.close()
        self.status_checks.close()
        self._terminations.close()
        self.power.close()
        for task in (*self._detached, *self._doomed.values()):
            task.cancel()
        self.clients.close()


async def _run(work: Awaitable[None]) -> None:
    await work
