"""All machines of one hub in one region: launches, inventory, ends."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .ec2.clients import Account, Clients
from .ec2.errors import EC2Error, Kind, admin_hint, meaning_of
from .ec2.images import Images
from .ec2.inventory import Inventory
from .ec2.machines import (
    Machine,
    console_output,
    list_machines,
    run_machine,
    terminate_machine,
)
from .ec2.rates import TokenBucket
from .errors import EC2SpawnError, Reason
from .identity import client_token
from .launch import Candidate, LaunchPlan
from .state import Tombstone

# How long EC2 may fail to show what it has made. AWS states no bound; Karpenter
# and Jenkins wait less (EC2 developer guide, "Eventual consistency").
CONSISTENCY_SECONDS = 60.0

_WHY_NEXT = {
    Kind.CAPACITY: "No capacity there just now",
    Kind.QUOTA: "The account's limit is reached there",
}
# RunInstances takes 5 requests at once and 2 a second after that (EC2 developer
# guide, "Request throttling"). A little less: calls that leave here one after the
# other may arrive together.
_RUN_REQUESTS = (4.0, 1.9)
_WORTH_TELLING_SECONDS = 2.0
_REPEATS_WHEN_AMBIGUOUS = 3
_THROTTLE_SECONDS = (1.0, 2.0, 4.0, 8.0)
_BURIAL_SECONDS = (2.0, 5.0, 15.0, 60.0)
_CONSOLE_TAIL = 4000


@dataclass(frozen=True)
class FleetKey:
    """Servers with equal keys share one fleet."""

    hub_id: str
    account: Account


class Fleet:
    """Launches, lists and ends the machines of one hub. Knows nothing of the Hub."""

    def __init__(
        self, key: FleetKey, fast: float, slow: float, log: logging.Logger
    ) -> None:
        self.hub_id = key.hub_id
        self.log = log
        self.clients = Clients(key.account)
        self.images = Images(self.clients.reading)
        self._run_requests = TokenBucket(*_RUN_REQUESTS)
        self.inventory = Inventory(
            lambda: list_machines(self.clients.reading, key.hub_id), fast, slow, log
        )
        # Work that must outlive the start or stop that began it.
        self._detached: set[asyncio.Task[None]] = set()
        self._burials: dict[Tombstone, asyncio.Task[None]] = {}

    async def launch(
        self,
        plan: LaunchPlan,
        before_attempt: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> Machine:
        """Walk the candidates until EC2 gives a machine.

        :param before_attempt: is given the client token of each attempt and
            must have saved it when it returns
        :param tell: is given a sentence for the user whenever the walk goes on
        :raises EC2SpawnError: when no candidate is left, or none can help
        """
        last: EC2Error | None = None
        for attempt, candidate in enumerate(plan.candidates):
            if last is not None:
                place = f"{attempt + 1} of {len(plan.candidates)}"
                tell(f"{_WHY_NEXT[last.kind]}, trying another zone ({place})")
            token = client_token(plan.launch_id, attempt)
            before_attempt(token)
            if (wait := self._run_requests.wait) > _WORTH_TELLING_SECONDS:
                ahead = self._run_requests.ahead
                tell(f"{ahead} launches are ahead of yours, about {wait:.0f} s")
            try:
                return await self._attempt(plan.launch_id, candidate, token)
            except EC2Error as e:
                self.log.warning(
                    "Launch %s, %s: %s", plan.launch_id, candidate, admin_hint(e)
                )
                last = e
                if e.kind not in _WHY_NEXT:
                    break
        assert last is not None, "a plan has at least one candidate"
        raise spawn_error(last) from last

    async def _attempt(
        self, launch_id: str, candidate: Candidate, token: str
    ) -> Machine:
        """One RunInstances, repeated identically while its answer is in doubt."""
        for repeat in range(_REPEATS_WHEN_AMBIGUOUS):
            try:
                return await self._run_when_admitted(candidate, token)
            except EC2Error as e:
                if e.kind is not Kind.AMBIGUOUS:
                    raise
                doubt = e
                self.log.warning(
                    "Launch %s: the answer is in doubt, repeating the identical "
                    "call (%i of %i): %s",
                    launch_id,
                    repeat + 1,
                    _REPEATS_WHEN_AMBIGUOUS,
                    e,
                )
                await asyncio.sleep(0.2 * 2**repeat)
        if machine := await self.find(launch_id, self.inventory.fast * 4 + 2):
            return machine
        raise doubt

    async def _run_when_admitted(self, candidate: Candidate, token: str) -> Machine:
        for seconds in (*_THROTTLE_SECONDS, None):
            await self._run_requests.take()
            try:
                return await run_machine(
                    self.clients.launching, candidate.request, token
                )
            except EC2Error as e:
                if e.kind is not Kind.THROTTLED or seconds is None:
                    raise
                await asyncio.sleep(seconds * random.uniform(0.5, 1.5))
        raise AssertionError("the loop above returns or raises")

    async def find(self, launch_id: str, timeout: float) -> Machine | None:
        """The machine of a launch, by its tag; None if no listing in time has it."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            await self.inventory.next(left)
            if machine := self.inventory.of_launch(launch_id):
                return machine
        return None

    async def terminate(self, instance_id: str, timeout: float) -> bool:
        """End a machine; True once EC2 has confirmed that it is ending.

        ``InvalidInstanceID.NotFound`` is no confirmation: the machine may still
        be running (EC2 developer guide, "Eventual consistency"). It is believed
        when a listing does not show the machine either, after the time in which
        EC2 may hide what is new.
        """
        began = time.monotonic()
        with self.inventory.hurry():
            while True:
                try:
                    state = await terminate_machine(self.clients.killing, instance_id)
                    if state in ("shutting-down", "terminated"):
                        return True
                except EC2Error as e:
                    self.log.warning("Machine %s: %s", instance_id, admin_hint(e))
                machine = self.inventory.get(instance_id)
                waited = time.monotonic() - began
                if machine is not None and machine.gone:
                    return True
                if self._absent_since(began, instance_id) > CONSISTENCY_SECONDS:
                    return True
                if waited >= timeout:
                    return False
                await asyncio.sleep(min(1.0 + waited / 10, 5.0))

    def _absent_since(self, moment: float, instance_id: str) -> float:
        """Seconds after ``moment`` at which a listing still lacked the machine."""
        listing = self.inventory.listing
        if listing is None or instance_id in listing.machines:
            return 0.0
        return listing.began - moment

    def bury(self, grave: Tombstone, then: Callable[[], None] | None = None) -> None:
        """End a machine in the background, for as long as that takes.

        :param then: is called once EC2 has confirmed that nothing is left
        """
        if grave not in self._burials:
            task = asyncio.ensure_future(self._bury(grave, then))
            self._burials[grave] = task
            task.add_done_callback(lambda _: self._burials.pop(grave, None))

    async def _bury(self, grave: Tombstone, then: Callable[[], None] | None) -> None:
        waits = iter(_BURIAL_SECONDS)
        # Long enough for terminate() to find a machine absent for long enough.
        timeout = CONSISTENCY_SECONDS + 4 * self.inventory.slow
        while not await self._end_launch(grave, timeout):
            await asyncio.sleep(next(waits, _BURIAL_SECONDS[-1]))
        self.log.info("Launch %s has ended, nothing of it is left", grave.launch_id)
        if then is not None:
            then()

    async def _end_launch(self, grave: Tombstone, timeout: float) -> bool:
        instance_id = grave.instance_id
        if not instance_id:
            machine = await self.find(grave.launch_id, timeout)
            if machine is None:
                # Only a listing that worked says that there is none.
                listing = self.inventory.listing
                return listing is not None and listing.began > (
                    time.monotonic() - timeout
                )
            instance_id = machine.id
        return await self.terminate(instance_id, timeout)

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
        for task in (*self._detached, *self._burials.values()):
            task.cancel()
        self.clients.close()


async def _run(work: Awaitable[None]) -> None:
    await work


def spawn_error(error: EC2Error) -> EC2SpawnError:
    """What a user reads of a call to AWS that failed."""
    return EC2SpawnError(
        error.meaning.user, reason=error.meaning.reason, log_message=admin_hint(error)
    )


def ended_early(machine: Machine) -> EC2SpawnError:
    """What a user reads of a machine that ended before its server was ready."""
    meaning = meaning_of(machine.reason_code, status=500)
    told = f"Machine {machine.id} ended while it was starting: {machine.why}."
    if meaning.kind in (Kind.CAPACITY, Kind.QUOTA):
        return EC2SpawnError(
            f"{told} {meaning.user}", reason=meaning.reason, log_message=told
        )
    return EC2SpawnError(f"{told} Try again.", reason=Reason.BOOT, log_message=told)


_fleets: dict[FleetKey, Fleet] = {}


def fleet_for(key: FleetKey, fast: float, slow: float, log: logging.Logger) -> Fleet:
    """The one fleet of this key in this process.

    The intervals of the first caller hold: they are the hub's, not a server's.
    """
    if key not in _fleets:
        _fleets[key] = Fleet(key, fast, slow, log)
    return _fleets[key]


def fleets() -> tuple[Fleet, ...]:
    """Every fleet of this process."""
    return tuple(_fleets.values())
