"""From a machine that rests to one that boots, for one start of its server."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from ..claim.user_data import user_data
from ..core.ids import secret_hash
from ..core.state import Phase, Rest
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.machines import Machine
from ..launch.attempts import place_in_line
from ..launch.plan import LaunchPlan
from .context import Server

# EC2 may take minutes until a machine that is stopping has stopped (EC2 user guide,
# "Stop and start Amazon EC2 instances").
_ASLEEP_SECONDS = 240.0


class Waking:
    """One try to wake the machine of a server, in place of a launch."""

    def __init__(self, spawner: Server, tell: Callable[[str], None]) -> None:
        self._spawner = spawner
        self._tell = tell

    async def run(self, plan: LaunchPlan) -> Machine | None:
        """The machine, waking up; None when a fresh one must take its place.

        :param plan: of the launch that would be made instead
        """
        rest = self._spawner.state.resting
        if rest is None:
            return None
        if why := self._unfit(rest, plan):
            self._tell(f"{why}: you get a fresh machine")
            return None
        try:
            return await self._wake(rest, plan)
        except asyncio.TimeoutError:
            why = "EC2 has not stopped it yet"
        except EC2Error as e:
            self._spawner.log.warning(
                "Cannot wake %s of %s: %s",
                rest.instance_id,
                self._spawner._log_name,
                admin_hint(e),
            )
            why = e.meaning.user.rstrip(".")
        self._tell(
            f"Machine {rest.instance_id} cannot wake up ({why}): you get another"
        )
        return None

    def _unfit(self, rest: Rest, plan: LaunchPlan) -> str:
        """Why a machine at rest cannot be what is asked for; empty when it can."""
        if rest.region != self._spawner.region:
            return "Your machine is in another region"
        if plan.home_zone and rest.zone != plan.home_zone:
            return "Your home is in another zone now"
        if rest.fingerprint != plan.fingerprint:
            return "The image or the settings of your machine have changed"
        return ""

    async def _wake(self, rest: Rest, plan: LaunchPlan) -> Machine | None:
        self._tell(f"Waking your machine {rest.instance_id}")
        rests = self._spawner.fleet.rests
        machine = await rests.asleep(rest.instance_id, _ASLEEP_SECONDS)
        if machine is None:
            self._tell(f"Machine {rest.instance_id} is gone: you get a fresh one")
            return None
        types = [candidate.instance_type for candidate in plan.candidates]
        size = machine.instance_type if machine.instance_type in types else types[0]
        if machine.hibernated and size != machine.instance_type:
            self._tell("A machine that hibernates keeps its size: you get a fresh one")
            return None
        rates = self._spawner.fleet.clients.rates
        if place := place_in_line(rates, "ModifyInstanceAttribute"):
            self._tell(place)
        data = self._write_ahead(rest, size)
        await rests.wake(machine, data, size)
        return machine

    def _write_ahead(self, rest: Rest, instance_type: str) -> bytes:
        """Save that the machine is being woken; the user-data for its claim.

        Each boot claims anew, with a nonce of its own.
        """
        spawner, state = self._spawner, self._spawner.state
        nonce = secrets.token_urlsafe(32)
        state.launch_id = rest.launch_id
        state.instance_id = rest.instance_id
        state.private_ip = rest.private_ip
        state.zone = rest.zone
        state.instance_type = instance_type
        state.fingerprint = rest.fingerprint
        state.ready_at = rest.ready_at
        state.woken = rest.server
        state.launched_at = time.time()
        state.nonce_hash = secret_hash(nonce)
        state.phase = Phase.BOOTING
        spawner.save_state()
        return user_data(
            rest.launch_id, nonce, spawner.hub_api_url, spawner.claim_timeout
        )
