"""From a machine that is stopped to one that boots, for one start of its server."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from ..claim.user_data import user_data
from ..core.errors import EC2SpawnError, Reason
from ..core.event import NotNow
from ..core.events import Waking
from ..core.ids import secret_hash
from ..core.state import StoppedMachine
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.machines import Machine
from ..launch.attempts import place_in_line
from ..launch.plan import LaunchPlan
from .context import ServerContext

# EC2 may take minutes until a machine that is stopping has stopped (EC2 user guide,
# "Stop and start Amazon EC2 instances").
_STOPPED_SECONDS = 240.0


class Resume:
    """One try to wake the machine of a server, in place of a launch."""

    def __init__(self, context: ServerContext, tell: Callable[[str], None]) -> None:
        self._context = context
        self._tell = tell

    async def run(self, plan: LaunchPlan) -> Machine | None:
        """The machine, waking up; None when a fresh one must take its place.

        :param plan: of the launch that would be made instead
        :raises EC2SpawnError: when somebody has stopped this start meanwhile
        """
        stopped = self._context.state.stopped
        if stopped is None:
            return None
        if why := self._unfit(stopped, plan):
            self._tell(f"{why}: you get a fresh machine")
            return None
        try:
            return await self._wake(stopped, plan)
        except asyncio.TimeoutError:
            why = "EC2 has not stopped it yet"
        except EC2Error as e:
            self._context.log.warning(
                "Cannot wake %s of %s: %s",
                stopped.instance_id,
                self._context.label,
                admin_hint(e),
            )
            why = e.meaning.user.rstrip(".")
        self._tell(
            f"Machine {stopped.instance_id} cannot wake up ({why}): you get another"
        )
        return None

    def _unfit(self, stopped: StoppedMachine, plan: LaunchPlan) -> str:
        """Why a stopped machine cannot be what is asked for; empty when it can."""
        if stopped.region != self._context.settings.region:
            return "Your machine is in another region"
        if plan.home_zone and stopped.zone != plan.home_zone:
            return "Your home is in another zone now"
        if stopped.fingerprint != plan.fingerprint:
            return "The image or the settings of your machine have changed"
        return ""

    async def _wake(self, stopped: StoppedMachine, plan: LaunchPlan) -> Machine | None:
        self._tell(f"Waking your machine {stopped.instance_id}")
        fleet = self._context.fleet
        machine = await fleet.power.wait_stopped(stopped.instance_id, _STOPPED_SECONDS)
        if machine is None:
            self._tell(f"Machine {stopped.instance_id} is gone: you get a fresh one")
            return None
        types = [candidate.instance_type for candidate in plan.candidates]
        size = machine.instance_type if machine.instance_type in types else types[0]
        if machine.hibernated and size != machine.instance_type:
            self._tell("A machine that hibernates keeps its size: you get a fresh one")
            return None
        if place := place_in_line(fleet.clients.throttle, "ModifyInstanceAttribute"):
            self._tell(place)
        data = self._write_ahead(stopped, plan.launch_id, size)
        await fleet.power.start(machine, data, size)
        return machine

    def _write_ahead(
        self, stopped: StoppedMachine, start_id: str, instance_type: str
    ) -> bytes:
        """Save that the machine is being woken; the user-data for its claim.

        Each boot claims anew, with a nonce of its own.
        """
        context, nonce = self._context, secrets.token_urlsafe(32)
        try:
            context.apply(
                Waking(start_id, instance_type, secret_hash(nonce), time.time())
            )
        except NotNow as e:
            raise EC2SpawnError(
                "The start was cancelled.", reason=Reason.CANCELLED
            ) from e
        return user_data(
            stopped.launch_id,
            nonce,
            context.hub.api_url,
            context.settings.claim_timeout,
        )
