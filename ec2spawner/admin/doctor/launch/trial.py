"""Launches machines, waits for what they find, and ends them, whatever happens."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import replace

from ....ec2.clients import Clients
from ....hub.checks.variants import Variant
from ....hub.internal_ssl import given_to_machines
from ...hub_config import Hub
from ..look.facts import Facts, Unknown
from ..look.wants import Wants
from ..rows.check import Check, not_known
from .desk import Desk
from .machine import Plan, TrialMachine, end_all
from .neighbour import REACH_SECONDS, reaches
from .orders import FIRST, HUB, orders
from .words import Apart, Seen, judge

# The second machine tries two ports, and may have to tell it twice.
_TELL_SECONDS = 6 * REACH_SECONDS


async def launch(hub: Hub, wants: Wants, facts: Facts) -> list[Check]:
    """Launch the smallest machine that the hub offers, twice: how far did it come?"""
    variant = _smallest(wants, facts)
    tls: ssl.SSLContext | None = None
    ca = ""
    if wants.hub_url.startswith("https:"):
        if not hub.app.internal_ssl:
            why = "machines are told an https address, which only the Hub can serve"
            return [_no(why)]
        try:
            given = given_to_machines(hub.app)
        except OSError as e:
            return [_no(f"the Hub's certificates cannot be read: {e}")]
        if given is None:
            why = (
                "the Hub has no certificates (c.JupyterHub.internal_ssl) yet: it makes "
                "them when it first starts"
            )
            return [_no(why)]
        tls, ca = given
    plan = Plan(wants, facts.regions[variant.region], variant, ca)
    port = wants.hub_ports[-1]
    try:
        desk = Desk(port, tls)
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
            seen = await Trial(clients, plan, desk).run()
    finally:
        clients.close()
    if not seen.what:
        return [_no("no launch can be planned")]
    return list(judge(wants, plan.region, variant, seen))


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
    """Two launches. ``run`` it once: when it returns, nothing of it is left."""

    def __init__(self, clients: Clients, plan: Plan, desk: Desk) -> None:
        self._clients = clients
        self._plan = plan
        self._desk = desk
        self._machines: list[TrialMachine] = []

    async def run(self) -> Seen:
        """Launch, wait, and end."""
        try:
            seen = await self._first()
        finally:
            # Also when somebody presses Ctrl-C: then it is cancelled here.
            left = await asyncio.shield(end_all(self._machines))
        return replace(seen, left=left)

    def _expect(self, given: bytes = b"") -> TrialMachine:
        made = TrialMachine(self._clients, self._plan, given)
        self._machines.append(made)
        self._desk.expected[made.launch_id] = made.expected
        return made

    async def _first(self) -> Seen:
        """The machine of a user: does it come to the Hub, and the Hub to it?"""
        began, first = time.monotonic(), self._expect()
        await first.launch()
        seen = Seen(first.what, trouble=first.trouble)
        if first.machine is None:
            return seen
        machine = await first.until_claimed(first.machine)
        seen = replace(seen, machine=machine, seconds=time.monotonic() - began)
        if first.expected.claimed is None:
            return replace(seen, console=await first.console())
        port, address = self._plan.wants.port, machine.private_ip
        reached = await asyncio.to_thread(reaches, address, port)
        seen = replace(seen, claimed=first.expected.claimed, reached=reached)
        if not reached:
            return seen  # that a second reaches it no more would say nothing
        return replace(seen, apart=await self._second(address))

    async def _second(self, address: str) -> Apart:
        """The machine of another user: does it come to the first?"""
        wants = self._plan.wants
        tries = {FIRST: (address, wants.port), HUB: (wants.hub_host, wants.hub_port)}
        second = self._expect(orders(tries))
        await second.launch()
        if second.machine is None:
            return Apart(why=f"the second could not be launched: {second.trouble}")
        machine = await second.until_claimed(second.machine)
        if second.expected.claimed:
            await second.until_told(_TELL_SECONDS)
        found = second.expected.reaches
        if found is None:
            return Apart(machine.id, why=f"{machine.id} has not told whom it reaches")
        return Apart(machine.id, found.get(FIRST), found.get(HUB))
