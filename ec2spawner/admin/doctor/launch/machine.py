"""One machine of a trial: launched, waited for, and ended."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ....core.ids import client_token
from ....ec2.again import Looks, repeat_in_doubt
from ....ec2.clients import Clients
from ....ec2.errors import EC2Error, admin_hint
from ....ec2.errors.kinds import Kind
from ....ec2.machines import (
    Machine,
    console_output,
    machine_of_token,
    machines_by_id,
    run_machine,
    terminate_machines,
)
from ....hub.checks.variants import Variant
from ....launch.plan import SPOT, Candidate, LaunchIdentity
from ..look.facts import RegionFacts
from ..look.trials import candidates_of, nobody
from ..look.wants import Wants
from .desk import Expected

# After that the Hub's sweep ends it, should this process be killed.
_LEASE_SECONDS = 3600.0
_LOOK_SECONDS = 1.0
_END_SECONDS = 120.0
# EC2 may hide what it has made for a while ("Eventual consistency").
_HIDDEN_SECONDS = 30.0
_NEXT = (Kind.CAPACITY, Kind.UNFIT, Kind.QUOTA)
_CONSOLE = 300


@dataclass(frozen=True)
class Plan:
    """What a launch is to be.

    :ivar hub_ca: PEM of who has signed the Hub's certificate; empty without one
    """

    wants: Wants
    region: RegionFacts
    variant: Variant
    hub_ca: str = ""

    @property
    def timeout(self) -> float:
        """Seconds that a machine has to claim."""
        return float(self.variant.settings.claim_timeout)

    def candidates(self, who: LaunchIdentity, nonce: str) -> Sequence[Candidate]:
        """One of those that cost what they say first; none if it cannot be planned."""
        found = candidates_of(
            self.wants,
            self.region,
            self.variant,
            who,
            nonce,
            self.timeout,
            self.hub_ca,
        )
        return sorted(found, key=lambda each: each.market == SPOT)


class TrialMachine:
    """One launch. Whoever launches it ends it, whatever happens.

    :ivar expected: what the desk is to know of it
    :ivar what: it is, as an admin knows it
    :ivar trouble: why there is none
    """

    def __init__(self, clients: Clients, plan: Plan, orders: bytes = b"") -> None:
        self._clients = clients
        self._plan = plan
        self._who = nobody(plan.wants, time.time() + _LEASE_SECONDS)
        self.expected = Expected(secrets.token_urlsafe(24), orders)
        self.candidates = plan.candidates(self._who, self.expected.nonce)
        self.what = self.candidates[0].machine if self.candidates else ""
        self.trouble = ""
        self.machine: Machine | None = None
        self._tokens: list[str] = []
        #: a call whose answer is lost may have made one
        self._doubt = False

    @property
    def launch_id(self) -> str:
        return self._who.launch_id

    async def launch(self) -> None:
        """Ask EC2 for it; ``machine`` or ``trouble`` is known then."""
        for candidate in self.candidates:
            self.what = candidate.machine
            try:
                self.machine = await self._launched(candidate)
                return
            except EC2Error as e:
                self._doubt |= e.kind is Kind.AMBIGUOUS
                self.trouble = admin_hint(e)
                if e.kind not in _NEXT:
                    return

    async def _launched(self, candidate: Candidate) -> Machine:
        token = client_token(self._who.launch_id, len(self._tokens))
        self._tokens.append(token)
        return await repeat_in_doubt(
            lambda _: run_machine(self._clients.launching, candidate.request, token),
            lambda e: e.kind in (Kind.AMBIGUOUS, Kind.THROTTLED),
            pause=1.0,
        )

    async def until_claimed(self, machine: Machine) -> Machine:
        """As it is when it has claimed, or ended, or its time is over."""
        async for _ in Looks(_LOOK_SECONDS, within=self._plan.timeout):
            if self.expected.claimed:
                return machine
            try:
                found = await machines_by_id(self._clients.reading, [machine.id])
            except EC2Error:
                continue  # it is asked again
            machine = found.get(machine.id, machine)
            if machine.gone:
                return machine
        return machine

    async def until_told(self, within: float) -> None:
        """Until it has told whom it reaches, or its time is over."""
        async for _ in Looks(_LOOK_SECONDS / 4, within=within):
            if self.expected.reaches is not None:
                return

    async def console(self) -> str:
        """The end of it; empty when EC2 shows none."""
        if self.machine is None:
            return ""
        try:
            output = await console_output(self._clients.reading, self.machine.id)
        except EC2Error:
            return ""
        return " ".join(output.split())[-_CONSOLE:]

    async def end(self) -> str:
        """End all that was launched; the id of what is left, or nothing.

        Also what EC2 has launched without that its answer came.
        """
        left = self.machine.id if self.machine else ""
        async for waited in Looks(_LOOK_SECONDS, within=_END_SECONDS):
            try:
                ids = {self.machine.id} if self.machine else set()
                for token in self._tokens if not ids else ():
                    found = await machine_of_token(self._clients.reading, token)
                    ids |= {found.id} if found and not found.gone else set()
                if self._doubt and not ids and waited < _HIDDEN_SECONDS:
                    continue
                for id in ids:
                    left = id
                    await terminate_machines(self._clients.killing, [id])
                return ""
            except EC2Error:
                continue
        return left


async def end_all(machines: Sequence[TrialMachine]) -> str:
    """End them at the same time: the ids of what is left."""
    left = await asyncio.gather(*(each.end() for each in machines))
    return " ".join(filter(None, left))
