"""What becomes of a machine when its server is not to run: its end, or a stop."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from ..core.events import Gone, StoppedAsWished, Wanted
from ..core.kept_events import (
    DoomedGone,
    StopConfirmed,
    StoppedMachineGone,
    StoppedMachineUnwanted,
)
from ..core.state import Act, Doomed, Launch, Phase, ServerState, StoppedMachine, Wish
from ..ec2.machines import Machine
from ..fleet.power import StopOutcome
from .context import ServerContext


class StartUnderWay(Protocol):
    """The start that may still have a request at EC2."""

    async def wait_answered(self, timeout: float) -> None:
        """Return once EC2 has answered a request that has been sent."""

    def found(self, machine: Machine) -> None:
        """EC2 has named the machine."""


class Stop:
    """Brings about what the wish says, for as long as that takes."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._running = 0
        self._tried = ""
        self._in_background: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        """It is trying to end or stop the machine of the present launch."""
        return bool(self._running)

    @property
    def tried(self) -> bool:
        """It has tried that for as long as somebody is to wait for it.

        The Hub is to let go of the launch; what is left goes on in the background.
        """
        return not self.runs and self._tried == self._context.launch.start_id

    def leave_to_background(self) -> None:
        """Nobody is to wait for it: it goes on when the launch is let go."""
        self._tried = self._context.launch.start_id

    async def run(self, start: StartUnderWay) -> None:
        """Act on the wish; return once EC2 confirms what becomes of the machine.

        What is not confirmed in time goes on in the background, when the launch is
        let go.

        :param start: the one that may still be on its way
        """
        timeout = float(self._context.settings.stop_timeout)
        deadline = time.monotonic() + timeout
        self._running += 1
        try:
            await start.wait_answered(timeout)
            while await self._act_once(start, max(deadline - time.monotonic(), 1.0)):
                pass
        finally:
            self._running -= 1
            self._tried = self._context.launch.start_id
        self._log_outcome()

    async def _act_once(self, start: StartUnderWay, left: float) -> bool:
        """:returns: whether there is another thing to do"""
        context, launch = self._context, self._context.launch
        if launch.act is Act.FIND:
            machine = await context.fleet.find(launch.id, left, launch.client_token)
            if machine is not None:
                start.found(machine)
            return context.launch.act is not Act.FIND
        if launch.act is Act.TERMINATE:
            if await context.fleet.terminate(launch.instance_id, left):
                context.applied(Gone())
            return False
        if launch.act is Act.STOP:
            return await self._stop_once(launch, left)
        return False

    async def _stop_once(self, launch: Launch, left: float) -> bool:
        context = self._context
        outcome = await context.fleet.power.stop_until_confirmed(
            launch.instance_id, left, launch.on_stop == "hibernate"
        )
        if outcome is StopOutcome.STOPPING:
            context.applied(StoppedAsWished(time.time()))
        elif outcome is StopOutcome.GONE:
            context.applied(Gone())
        elif outcome is StopOutcome.CANNOT:
            self._warn_cannot_stop(launch.instance_id)
            return context.applied(Wanted(Wish.END))
        return False

    def _warn_cannot_stop(self, instance_id: str) -> None:
        self._context.log.warning(
            "Machine %s of %s cannot be stopped, so it is terminated",
            instance_id,
            self._context.label,
        )

    def _log_outcome(self) -> None:
        log, launch = self._context.log, self._context.launch
        whose, machine = self._context.label, launch.instance_id or "not yet named"
        if launch.act is Act.LET_GO:
            log.info("%s is not started: EC2 was asked for nothing", whose)
        elif launch.act is not Act.NOTHING:
            log.error(
                "EC2 has not confirmed the end of the machine of %s, %s; it is tried "
                "again in the background",
                whose,
                machine,
            )
        elif launch.wish is Wish.KEEP and launch.worth_keeping:
            log.info("The machine of %s, %s, is stopping", whose, machine)
        else:
            log.info("The machine of %s, %s, is ending", whose, machine)

    # -- in the background -------------------------------------------------------

    def go_on(self) -> None:
        """See in the background to what is still to be terminated or stopped."""
        context, state = self._context, self._context.state
        for doomed in state.doomed:
            context.runtime.registry.doom(doomed)
            fleet = context.fleet_in(doomed.region)
            fleet.terminate_later(doomed, self._is_gone)
        stopped = state.stopped
        if stopped and not stopped.certain and not _may_be_woken(state):
            if self._in_background is None or self._in_background.done():
                self._in_background = asyncio.ensure_future(self._go_on_with(stopped))

    async def settled(self) -> None:
        """Return when nothing tries to stop a machine that is about to be woken."""
        if self._in_background is not None:
            timeout = self._context.settings.stop_timeout
            await asyncio.wait({self._in_background}, timeout=timeout)
            self._in_background.cancel()
            self._in_background = None

    def _is_gone(self, doomed: Doomed) -> None:
        self._context.runtime.registry.forget(doomed)
        self._context.apply(DoomedGone(doomed))

    async def _go_on_with(self, stopped: StoppedMachine) -> None:
        context, outcome = self._context, StopOutcome.UNKNOWN
        power = context.fleet_in(stopped.region).power
        while outcome is StopOutcome.UNKNOWN:
            outcome = await power.stop_until_confirmed(
                stopped.instance_id, context.settings.stop_timeout, stopped.hibernates
            )
        if outcome is StopOutcome.STOPPING:
            context.applied(StopConfirmed(stopped))
        elif outcome is StopOutcome.GONE:
            context.applied(StoppedMachineGone(stopped))
        else:
            self._warn_cannot_stop(stopped.instance_id)
            context.applied(StoppedMachineUnwanted(stopped))

    def expire(self, stopped: StoppedMachine) -> None:
        """It has been stopped for as long as the settings allow."""
        if self._context.applied(StoppedMachineUnwanted(stopped)):
            self._context.log.info(
                "Machine %s of %s has been stopped long enough and is terminated",
                stopped.instance_id,
                self._context.label,
            )


def _may_be_woken(state: ServerState) -> bool:
    """The present start has it, or has not decided yet to launch another machine."""
    launch, stopped = state.launch, state.stopped
    if launch is None or stopped is None:
        return False
    undecided = launch.phase is Phase.PLANNED
    return undecided or launch.instance_id == stopped.instance_id
