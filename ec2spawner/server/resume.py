"""From a machine that is stopped to one that boots, for one start of its server."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from ..core.errors import EC2SpawnError, Reason
from ..core.event import NotNow
from ..core.events import Waking
from ..core.ids import secret_hash
from ..core.state import StoppedMachine, Wish
from ..ec2.clients import NotSent
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.errors.kinds import Kind
from ..ec2.machines import BY_ITSELF, HIBERNATED, STOPPED, Machine
from ..launch.attempts import place_in_line
from ..launch.failures import EndedEarly, cancelled, cannot_wake
from ..launch.plan import LaunchPlan
from ..launch.user_data import user_data_of
from .context import ServerContext

# EC2 may take minutes until a machine that is stopping has stopped (EC2 user guide,
# "Stop and start Amazon EC2 instances").
_STOPPED_SECONDS = 240.0
# For how long trouble that passes is waited for, if the start has so much time.
_TROUBLE_SECONDS = 240.0
# How often in one start a machine is woken again that an old stop has stopped.
_MOST_LATE_STOPS = 2
# How often a machine is woken in vain, one time after the other.
_MOST_FAILED_WAKES = 2
# Another machine may do better. What else EC2 may say is nothing against this one.
_REPLACED = frozenset({Kind.CAPACITY, Kind.QUOTA, Kind.UNFIT})


class Resume:
    """One try to wake the machine of a server, in place of a launch."""

    def __init__(self, context: ServerContext, tell: Callable[[str], None]) -> None:
        self._context = context
        self._tell = tell
        self._troubles: set[str] = set()
        #: EC2 may have started it without saying so
        self._may_be_awake = False
        self._late_stops = 0
        #: what was in the memory of the machine goes on
        self._from_memory = False

    async def run(self, plan: LaunchPlan) -> Machine | None:
        """The machine as it was before it was woken; None when a fresh one must take
        its place.

        :param plan: of the launch that would be made instead
        :raises EC2SpawnError: when it cannot be woken just now, which is no reason to
            give it up; or when somebody has stopped this start meanwhile
        """
        stopped = self._context.state.stopped
        if stopped is None:
            return None
        if why := self._unfit(stopped, plan):
            self._tell(f"{why}: you get a fresh machine")
            return None
        try:
            return await self._wake(stopped, plan)
        except NotSent:
            raise cancelled() from None
        except asyncio.TimeoutError as e:
            raise _still_stopping(stopped.instance_id) from e
        except EC2Error as e:
            # Of two machines that are awake one would be one too many.
            if e.kind not in _REPLACED or self._may_be_awake:
                raise cannot_wake(stopped.instance_id, e) from e
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

    def stopped_late(self, machine: Machine) -> bool:
        """Whether what has stopped it only now began before it was woken; not too
        often.

        A stop of ours that reaches EC2 late, or the machine's own end: a machine that
        hibernates while it shuts down goes on with that as soon as it is woken.
        """
        if machine.gone or self._late_stops >= _MOST_LATE_STOPS:
            return False
        if machine.reason_code == BY_ITSELF:
            return self._from_memory and not self._late_stops
        by_a_call = machine.reason_code in (STOPPED, HIBERNATED)
        return by_a_call and self._context.fleet.power.may_stop_late(machine.id)

    async def again(self, machine: Machine, start_id: str) -> Machine:
        """Wake the machine of this start once more: it boots and claims as before.

        :returns: the machine as it was before that
        :raises EC2SpawnError: when it cannot be woken just now
        """
        self._late_stops += 1
        self._tell("Your machine was still about to stop: waking it again")
        power = self._context.fleet.power
        try:
            stopped = await power.wait_stopped(machine.id, _STOPPED_SECONDS)
            if stopped is None:
                raise EndedEarly(machine)
            await power.start(
                stopped,
                None,
                stopped.instance_type,
                lambda: self._is_wanted(start_id),
                self._troubled,
                _TROUBLE_SECONDS,
            )
        except NotSent:
            raise cancelled() from None
        except asyncio.TimeoutError as e:
            raise _still_stopping(machine.id) from e
        except EC2Error as e:
            raise cannot_wake(machine.id, e) from e
        return stopped

    def _unfit(self, stopped: StoppedMachine, plan: LaunchPlan) -> str:
        """Why a stopped machine cannot be what is asked for; empty when it can."""
        if stopped.region != self._context.settings.region:
            return "Your machine is in another region"
        if plan.home_zone and stopped.zone != plan.home_zone:
            return "Your home is in another zone now"
        if stopped.fingerprint != plan.fingerprint:
            return "The image or the settings of your machine have changed"
        if stopped.failed_wakes >= _MOST_FAILED_WAKES:
            return "Your machine could not start your server at the last tries"
        return ""

    async def _wake(self, stopped: StoppedMachine, plan: LaunchPlan) -> Machine | None:
        self._tell(f"Waking your machine {stopped.instance_id}")
        fleet = self._context.fleet
        machine = await fleet.power.wait_stopped(stopped.instance_id, _STOPPED_SECONDS)
        if machine is None:
            self._tell(f"Machine {stopped.instance_id} is gone: you get a fresh one")
            return None
        self._from_memory = machine.hibernated
        types = [candidate.instance_type for candidate in plan.candidates]
        size = machine.instance_type if machine.instance_type in types else types[0]
        if machine.hibernated and size != machine.instance_type:
            self._tell("A machine that hibernates keeps its size: you get a fresh one")
            return None
        if place := place_in_line(fleet.clients.throttle, "ModifyInstanceAttribute"):
            self._tell(place)
        data = self._write_ahead(stopped, plan.launch_id, size)
        await fleet.power.start(
            machine,
            data,
            size,
            lambda: self._is_wanted(plan.launch_id),
            self._troubled,
            _TROUBLE_SECONDS,
        )
        return machine

    def _is_wanted(self, start_id: str) -> bool:
        launch = self._context.launch
        return launch.start_id == start_id and launch.wish is Wish.SERVE

    def _troubled(self, error: EC2Error) -> None:
        """Say once of each kind of trouble that it is waited for."""
        asked_to_start = error.action == "StartInstances"
        self._may_be_awake |= asked_to_start and error.kind is Kind.AMBIGUOUS
        what = error.meaning.user.partition(".")[0]
        if what not in self._troubles:
            self._troubles.add(what)
            self._tell(f"{what}: asking again")

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
            raise cancelled() from e
        settings, hub = context.settings, context.hub
        launch_id, hub_ca = stopped.launch_id, context.runtime.hub_ca
        return user_data_of(settings, hub.cmd, hub.api_url, launch_id, nonce, hub_ca)


def _still_stopping(instance_id: str) -> EC2SpawnError:
    return EC2SpawnError(
        f"AWS has not said yet that your machine {instance_id} is "
        "stopped, so it cannot be woken. It is kept, with all that is on it. "
        "Try again in a few minutes.",
        reason=Reason.CLOUD,
    )


def speaks_against_the_machine(error: BaseException | None) -> bool:
    """It was up, and what is on it may be what keeps its server from coming."""
    if isinstance(error, EndedEarly) and error.is_trouble_of_ec2:
        return False
    reasons = (Reason.BOOT.value, Reason.TIMEOUT.value)
    return isinstance(error, EC2SpawnError) and error.reason in reasons
