"""Whether a server is over: what the shared inventory says of its machine."""

from __future__ import annotations

import asyncio
import time

from ..core.events import EndedByItself, Gone, Wanted
from ..core.state import Launch, Phase, Wish
from ..ec2.errors import EC2Error
from ..ec2.machines import Machine
from . import notices
from .context import ServerContext
from .start import Start
from .stop import Stop

# How long a restarted Hub looks for a machine that it may have asked for in its
# last moments, before it lets go. What shows up later is ended all the same.
_SETTLE_SECONDS = 15.0
_FIRST_LISTING_SECONDS = 5.0
# The turn of a machine's own agent comes first: it can end its server in order.
_AGENT_SECONDS = 300.0


class Poll:
    """Answers ``Spawner.poll``, at no call to EC2."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._settling: asyncio.Task[bool] | None = None
        #: the home, while EC2 shows that it is no longer on the server's machine
        self.home_off = ""
        self._had_home = ""
        self._denied_id = ""

    async def once(self, start: Start, stop: Stop) -> int | None:
        """None while anything of ours exists or may exist, else an exit code.

        :param start: the last one; a restarted Hub goes on with it
        """
        context = self._context
        if context.unreadable is not None:
            return None
        if not context.state.may_have_machine:
            return 0
        if stop.runs:
            return None
        launch = context.launch
        if launch.wish is not Wish.SERVE:
            # Until it is tried, somebody is about to: a start that has just failed is
            # stopped by the Hub only if this says that there is something to stop.
            return self._over("it shall not serve any more") if stop.tried else None
        inventory = context.fleet.inventory
        inventory.start()
        context.fleet.status_checks.start()
        if inventory.listing is None and not inventory.failing:
            await inventory.newer_than(float("-inf"), _FIRST_LISTING_SECONDS)
        if not launch.instance_id:
            return await self._settle(start)
        inventory.expect(launch.instance_id, launch.zone)
        if inventory.is_lost(launch.instance_id):
            return await self._denied(launch, stop)
        machine = await self._machine(launch)
        if machine is None or self._context.launch != launch:
            return None  # nobody knows, or another word was faster
        if machine.over:
            return self._ended(launch, machine, stop)
        if launch.phase is Phase.REQUESTED:  # it was being woken, and is awake
            start.found(machine)
        self._look_at_home(machine)
        if launch.phase is Phase.READY:
            if self._has_run_for_too_long(launch):
                return self._outlived(launch, stop)
            if not inventory.failing:
                start.session.note_silence()
        return None

    async def _machine(self, launch: Launch) -> Machine | None:
        """The machine, as EC2 tells of it; None when it does not.

        Listings answer. Only of one that none of them has shown, as when the Hub was
        down while it lost its tags, and of one that seems over, EC2 is asked by its id.
        """
        inventory = self._context.fleet.inventory
        machine = inventory.get(launch.instance_id)
        if machine is not None:
            return await inventory.surely(machine) if machine.over else machine
        if inventory.listing is None or inventory.failing:
            return None
        try:
            return await inventory.ask(launch.instance_id)
        except EC2Error:
            return None

    def _look_at_home(self, machine: Machine) -> None:
        """Take note of a home that somebody takes off a machine that runs.

        Only once it has been seen there: EC2 may be slow to show it.
        """
        context, before = self._context, self.home_off
        home_id = context.state.home_id
        if home_id and home_id in machine.volumes.values():
            self._had_home, self.home_off = machine.id, ""
            return
        self.home_off = home_id if self._had_home == machine.id else ""
        if self.home_off and not before:
            context.log.error(
                "Home %s of %s is no longer on machine %s, where its server runs: "
                "somebody has detached it. What the user saves may be lost",
                home_id,
                context.label,
                machine.id,
            )

    def _why_ended(self, machine: Machine) -> str:
        return notices.ended(machine, time.time(), self._context.hub.server_name)

    def _has_run_for_too_long(self, launch: Launch) -> bool:
        """Its agent should have ended it by now, and its root may have ended that."""
        limit = launch.max_lifetime
        return 0 < limit < time.time() - launch.claimed_at - _AGENT_SECONDS

    def _outlived(self, launch: Launch, stop: Stop) -> int:
        name, limit = self._context.hub.server_name, launch.max_lifetime
        text = notices.outlived(launch.instance_id, limit, time.time(), name)
        self._context.applied(EndedByItself(text))
        stop.leave_to_background()
        return self._over("it has run for longer than its max_lifetime")

    def _ended(self, launch: Launch, machine: Machine, stop: Stop) -> int:
        if launch.phase is Phase.REQUESTED:
            # It was to be woken, and EC2 was not asked for that, or refused.
            self._context.applied(Wanted(Wish.KEEP))
        else:
            self._context.applied(EndedByItself(self._why_ended(machine)))
        if machine.gone:
            self._context.applied(Gone())
        stop.leave_to_background()
        return self._over(f"it is {machine.state}: {machine.why}")

    async def _denied(self, launch: Launch, stop: Stop) -> int | None:
        """EC2 does not know the machine: its server does, if it is there."""
        serves = launch.phase is Phase.READY and await self._context.hub.answers()
        if not serves or await self._has_lost_its_address(launch):
            return self._lost(launch, stop) if self._context.launch == launch else None
        if self._denied_id != launch.instance_id:
            self._denied_id = launch.instance_id
            self._context.log.error(
                "EC2 says that it has no machine %s, and its server answers: that of "
                "%s is kept for as long as it does",
                launch.instance_id,
                self._context.label,
            )
        return None

    async def _has_lost_its_address(self, launch: Launch) -> bool:
        """What answers there is another machine: another hub's user may have the same
        name, and so the same path. Not asked where no subnets are set, as the same
        address may be another's in another network."""
        context, subnets = self._context, self._context.settings.subnets
        if not subnets:
            return False
        try:
            there = await context.fleet.machines_at(launch.private_ip, subnets)
        except EC2Error:
            return False
        return any(
            machine.state in ("pending", "running") and id != launch.instance_id
            for id, machine in there.items()
        )

    def _lost(self, launch: Launch, stop: Stop) -> int:
        text = notices.lost(
            launch.instance_id, time.time(), self._context.hub.server_name
        )
        self._context.applied(EndedByItself(text), Wanted(Wish.END))
        stop.leave_to_background()
        return self._over("EC2 has lost it")

    def _over(self, why: str) -> int:
        """An exit code. The Hub will not stop() it: clear_state() sees to the rest."""
        self._context.log.warning(
            "The machine of %s, %s, is over: %s",
            self._context.label,
            self._context.launch.instance_id or "not yet named",
            why,
        )
        return 1

    async def _settle(self, start: Start) -> int | None:
        """Find out whether a Hub that was killed had got a machine."""
        if self._settling is None or self._settling.done():
            self._settling = asyncio.ensure_future(self._look_for_machine(start))
        nothing_seen = await asyncio.shield(self._settling)
        if not self._context.state.may_have_machine or not nothing_seen:
            return None
        return self._over("EC2 never made it")

    async def _look_for_machine(self, start: Start) -> bool:
        """:returns: whether EC2 answers, and has none of this launch"""
        began, launch = time.monotonic(), self._context.launch
        fleet = self._context.fleet
        machine = await fleet.find(launch.id, _SETTLE_SECONDS, launch.client_token)
        if machine is None:
            # Listings may lack it, or somebody may have taken its tags.
            try:
                machine = await fleet.made_for(launch.client_token)
            except EC2Error:
                return False
        if machine is not None:
            start.found(machine)
            return False
        listing = fleet.inventory.listing
        return listing is not None and listing.complete and listing.began > began
