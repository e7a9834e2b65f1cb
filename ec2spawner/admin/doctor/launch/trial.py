"""Launches one machine, waits for its claim, and ends it, whatever happens."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

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
from ....launch.plan import SPOT, Candidate, LaunchIdentity
from ...hub_config import Hub
from ..look.facts import Facts, Unknown
from ..look.trials import candidates_of, nobody
from ..look.wants import Variant, Wants
from ..rows.check import Check, not_known
from .desk import Desk
from .words import Seen, judge

# After that the Hub's sweep ends it, should this process be killed.
_LEASE_SECONDS = 3600.0
_LOOK_SECONDS = 1.0
_REACH_SECONDS = 5.0
_END_SECONDS = 120.0
# EC2 may hide what it has made for a while ("Eventual consistency").
_HIDDEN_SECONDS = 30.0
_NEXT = (Kind.CAPACITY, Kind.UNFIT, Kind.QUOTA)
_CONSOLE = 300


async def launch(hub: Hub, wants: Wants, facts: Facts) -> list[Check]:
    """Launch the smallest machine that the hub offers, and say how far it came."""
    variant = _smallest(wants, facts)
    region = facts.regions[variant.region]
    if wants.hub_url.startswith("https:"):
        return [_no("machines are told an https address, which only the Hub can serve")]
    who = nobody(wants, time.time() + _LEASE_SECONDS)
    nonce = secrets.token_urlsafe(24)
    timeout = variant.settings.claim_timeout
    plan = candidates_of(wants, region, variant, who, nonce, timeout)
    if not plan:
        return [_no("no launch can be planned")]
    port = wants.hub_ports[-1]
    try:
        desk = Desk(port, who.launch_id, nonce)
    except OSError as e:
        return [
            _no(
                f"nobody else can listen at port {port} ({e.strerror}): the "
                "Hub runs, so start a server instead"
            )
        ]
    clients = Clients(hub.in_region(variant.region))
    try:
        with desk:
            seen = await Trial(clients, wants, who, desk, timeout).run(plan)
    finally:
        clients.close()
    return list(judge(wants, variant, seen))


def _no(why: str) -> Check:
    return not_known("launch", "", Unknown(f"No machine was launched: {why}."))


def _smallest(wants: Wants, facts: Facts) -> Variant:
    """The variant with the fewest vCPUs, and the least memory, as far as is known."""

    def size(variant: Variant) -> tuple[float, float]:
        known = facts.regions[variant.region].types
        name = variant.settings.types[0]
        if isinstance(known, Unknown) or name not in known:
            return float("inf"), 0.0
        return known[name].cpus, known[name].memory

    return min((v for v in wants.variants if v.region in facts.regions), key=size)


class Trial:
    """One launch. ``run`` it once: when it returns, nothing of it is left."""

    def __init__(
        self,
        clients: Clients,
        wants: Wants,
        who: LaunchIdentity,
        desk: Desk,
        timeout: float,
    ) -> None:
        self._clients = clients
        self._wants = wants
        self._who = who
        self._desk = desk
        self._timeout = timeout
        self._tokens: list[str] = []
        self._machine: Machine | None = None
        #: a call whose answer is lost may have made one
        self._doubt = False

    async def run(self, plan: Sequence[Candidate]) -> Seen:
        """Launch, wait, and end."""
        seen = Seen(plan[0].machine)
        try:
            seen = await self._watched(plan)
        finally:
            # Also when somebody presses Ctrl-C: then it is cancelled here.
            left = await asyncio.shield(self._end())
        return replace(seen, left=left)

    async def _watched(self, plan: Sequence[Candidate]) -> Seen:
        began = time.monotonic()
        seen = Seen(plan[0].machine)
        # One of those that cost what they say.
        for candidate in sorted(plan, key=lambda each: each.market == SPOT):
            seen = Seen(candidate.machine)
            try:
                self._machine = await self._launched(candidate)
                break
            except EC2Error as e:
                self._doubt |= e.kind is Kind.AMBIGUOUS
                seen = replace(seen, trouble=admin_hint(e))
                if e.kind not in _NEXT:
                    return seen
        if self._machine is None:
            return seen
        machine = await self._wait(self._machine)
        seen = replace(seen, machine=machine, seconds=time.monotonic() - began)
        if self._desk.claimed is None:
            return replace(seen, console=await self._console(machine.id))
        reached = await _reaches(machine.private_ip, self._wants.port)
        return replace(seen, claimed=self._desk.claimed, reached=reached)

    async def _launched(self, candidate: Candidate) -> Machine:
        token = client_token(self._who.launch_id, len(self._tokens))
        self._tokens.append(token)
        return await repeat_in_doubt(
            lambda _: run_machine(self._clients.launching, candidate.request, token),
            lambda e: e.kind in (Kind.AMBIGUOUS, Kind.THROTTLED),
            pause=1.0,
        )

    async def _wait(self, machine: Machine) -> Machine:
        """Until it has claimed, or ended, or its time is over: as it is then."""
        async for _ in Looks(_LOOK_SECONDS, within=self._timeout):
            if self._desk.claimed:
                return machine
            try:
                found = await machines_by_id(self._clients.reading, [machine.id])
            except EC2Error:
                continue  # it is asked again
            machine = found.get(machine.id, machine)
            if machine.gone:
                return machine
        return machine

    async def _console(self, instance_id: str) -> str:
        try:
            output = await console_output(self._clients.reading, instance_id)
        except EC2Error:
            return ""
        return " ".join(output.split())[-_CONSOLE:]

    async def _end(self) -> str:
        """End all that was launched; the id of what is left, or nothing.

        Also what EC2 has launched without that its answer came.
        """
        left = self._machine.id if self._machine else ""
        async for waited in Looks(_LOOK_SECONDS, within=_END_SECONDS):
            try:
                ids = {self._machine.id} if self._machine else set()
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


async def _reaches(address: str, port: int) -> bool:
    """Whether something answers there, and be it that nobody listens."""
    try:
        connection = asyncio.open_connection(address, port)
        _, writer = await asyncio.wait_for(connection, _REACH_SECONDS)
    except ConnectionRefusedError:
        return True
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True
