"""The way of one launch through its candidates, until EC2 gives a machine."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from .ec2.clients import Clients
from .ec2.errors import EC2Error, Kind, admin_hint
from .ec2.inventory import Inventory
from .ec2.machines import Machine, run_machine
from .ec2.rates import Rates
from .failures import spawn_error
from .identity import client_token
from .launch import Candidate, LaunchPlan

_WHY_NEXT = {
    Kind.CAPACITY: "No capacity there just now",
    Kind.QUOTA: "The account's limit is reached there",
}
_WORTH_TELLING_SECONDS = 2.0
_REPEATS_WHEN_AMBIGUOUS = 3
_THROTTLE_SECONDS = (1.0, 2.0, 4.0, 8.0)


class Launcher:
    """What the launches of one fleet share."""

    def __init__(
        self, clients: Clients, inventory: Inventory, log: logging.Logger
    ) -> None:
        self.clients = clients
        self.inventory = inventory
        self.log = log

    def walk(
        self,
        plan: LaunchPlan,
        before_attempt: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> Walk:
        """A launch that has not begun.

        :param before_attempt: is given the client token of each attempt and
            must have saved it when it returns
        :param tell: is given a sentence for the user whenever the walk goes on
        """
        return Walk(self, plan, before_attempt, tell)


class Walk:
    """One launch on its way. Made by :meth:`Launcher.walk`."""

    def __init__(
        self,
        launcher: Launcher,
        plan: LaunchPlan,
        before_attempt: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self._launcher = launcher
        self._plan = plan
        self._before_attempt = before_attempt
        self._tell = tell
        self._log = launcher.log

    async def next(self) -> Machine:
        """Go on until EC2 gives a machine.

        :raises EC2SpawnError: when no candidate is left, or none can help
        """
        last: EC2Error | None = None
        plan = self._plan
        for attempt, candidate in enumerate(plan.candidates):
            if last is not None:
                place = f"{attempt + 1} of {len(plan.candidates)}"
                self._tell(f"{_WHY_NEXT[last.kind]}, trying another zone ({place})")
            token = client_token(plan.launch_id, attempt)
            self._before_attempt(token)
            if place := place_in_line(self._launcher.clients.rates, "RunInstances"):
                self._tell(place)
            try:
                return await self._attempt(candidate, token)
            except EC2Error as e:
                self._log.warning(
                    "Launch %s, %s: %s", plan.launch_id, candidate, admin_hint(e)
                )
                last = e
                if e.kind not in _WHY_NEXT:
                    break
        assert last is not None, "a plan has at least one candidate"
        raise spawn_error(last) from last

    async def _attempt(self, candidate: Candidate, token: str) -> Machine:
        """One RunInstances, repeated identically while its answer is in doubt."""
        for repeat in range(_REPEATS_WHEN_AMBIGUOUS):
            try:
                return await self._run_when_admitted(candidate, token)
            except EC2Error as e:
                if e.kind is not Kind.AMBIGUOUS:
                    raise
                doubt = e
                if not self._launcher.clients.retries.allow():
                    break
                self._log.warning(
                    "Launch %s: the answer is in doubt, repeating the identical "
                    "call (%i of %i): %s",
                    self._plan.launch_id,
                    repeat + 1,
                    _REPEATS_WHEN_AMBIGUOUS,
                    e,
                )
                await asyncio.sleep(0.2 * 2**repeat)
        inventory = self._launcher.inventory
        found = await find(inventory, self._plan.launch_id, inventory.fast * 4 + 2)
        if found is None:
            raise doubt
        return found

    async def _run_when_admitted(self, candidate: Candidate, token: str) -> Machine:
        launcher = self._launcher
        for seconds in (*_THROTTLE_SECONDS, None):
            try:
                return await run_machine(
                    launcher.clients.launching, candidate.request, token
                )
            except EC2Error as e:
                if e.kind is not Kind.THROTTLED or seconds is None:
                    raise
                await asyncio.sleep(seconds * random.uniform(0.5, 1.5))
        raise AssertionError("the loop above returns or raises")


def place_in_line(rates: Rates, action: str) -> str:
    """How long a user waits for AWS's limits; empty when it is not worth telling."""
    wait = rates.wait(action)
    if wait <= _WORTH_TELLING_SECONDS:
        return ""
    return f"{rates.ahead(action)} launches are ahead of yours, about {wait:.0f} s"


async def find(inventory: Inventory, launch_id: str, timeout: float) -> Machine | None:
    """The machine of a launch, by its tag; None if no listing in time has it."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        await inventory.next(left)
        if machine := inventory.of_launch(launch_id):
            return machine
    return None
