"""The ways of a start to a machine that is there already: one that is stopped for its
server is woken, or one that is ready for anybody is taken."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from ..core.errors import EC2SpawnError, Reason
from ..core.event import NotNow
from ..core.events import Waking
from ..core.ids import owner_id, secret_hash
from ..core.ready_events import Given, TakenBack
from ..core.state import StoppedMachine, Wish
from ..ec2.clients import NotSent
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.errors.kinds import Kind
from ..ec2.inventory import CONSISTENCY_SECONDS
from ..ec2.machines import BY_ITSELF, HIBERNATED, STOPPED, Machine
from ..launch.attempts import place_in_line
from ..launch.failures import EndedEarly, cancelled, cannot_wake
from ..launch.plan import Candidate, LaunchIdentity, LaunchPlan, tags_for
from ..launch.progress import Progress
from ..launch.user_data import told_at_launch, user_data_of
from ..ready.giving import late_tags, tag_as_given
from ..ready.kind import kinds_of
from ..ready.member import Member
from .context import ServerContext
from .home import Home
from .session import Session

# EC2 may take minutes until a machine that is stopping has stopped (EC2 user guide,
# "Stop and start Amazon EC2 instances").
_STOPPED_SECONDS = 240.0
# For how long trouble that passes is waited for, if the start has so much time.
_TROUBLE_SECONDS = 240.0
# How often in one start a machine is woken again that an old stop has stopped.
_MOST_LATE_STOPS = 2
# How often a machine is woken in vain, one time after the other.
_MOST_FAILED_WAKES = 2
# A machine that is ready waits for its orders, and has them at once. One that does not
# come for so long has died since it was heard of.
_TAKING_SECONDS = 20.0
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

    def how(self, woken: Machine | None) -> str:
        """From what the server started, as it is remembered."""
        return ("hibernate" if woken.hibernated else "stop") if woken else ""

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


def still_shown_stopped(
    machine: Machine, before: Machine | None, woken_at: float
) -> bool:
    """A machine that has been woken may be listed as stopped for a while.

    One that EC2 has taken back has another reason, or another LaunchTime.

    :param before: as it was before it was woken; None when none was
    :param woken_at: seconds since the epoch
    """
    if before is None or machine.gone:
        return False
    shown, then = ((each.reason_code, each.launched_at) for each in (machine, before))
    return shown == then and time.time() - woken_at < CONSISTENCY_SECONDS


class Ready:
    """A machine for one start that was ready before anybody asked, if there is one."""

    def __init__(
        self, context: ServerContext, session: Session, home: Home, progress: Progress
    ) -> None:
        self._context = context
        self._session = session
        self._home = home
        self._progress = progress
        #: the launch that has made it; empty without one
        self._launch_id = ""

    @property
    def how(self) -> str:
        """``"ready"`` for a start that has one."""
        return "ready" if self._launch_id else ""

    def take(self, plan: LaunchPlan) -> bool:
        """Give it to the server: in the database first, then to the machine, which has
        asked for its orders already. Nothing is awaited.

        :param plan: of the launch that would be made instead
        :returns: whether there was one
        :raises EC2SpawnError: when somebody has stopped this start meanwhile
        :raises NotSaved: when the database refuses it
        """
        context = self._context
        settings, hub, pool = context.settings, context.hub, context.runtime.ready
        hub_ca = context.runtime.hub_ca
        told = told_at_launch(settings, hub.cmd, hub.api_url, hub_ca)
        kinds = kinds_of(plan, told)
        member = pool.take(settings.region, kinds, plan.home_zone)
        if member is None:
            return False
        candidate = kinds[member.kind]
        on_stop = context.launch.on_stop
        if settings.on_stop == "hibernate":
            on_stop = "hibernate" if candidate.hibernates else "stop"
        try:
            context.apply(_given(plan, member, candidate, on_stop))
        except Exception as e:
            pool.put_back(member)
            if isinstance(e, NotNow):
                raise cancelled() from e
            raise
        owner = owner_id(context.hub_id, hub.user_name)
        pool.gave(member, owner)
        self._launch_id = member.launch.id
        self._session.begin()
        self._home.begin()
        member.hand_over(self._session)
        launch = context.launch
        self._progress.tell(
            20, f"Machine {launch.instance_id} in {launch.zone} is ready, and yours now"
        )
        context.fleet.detach(self._tell_ec2(member))
        return True

    async def _tell_ec2(self, member: Member) -> None:
        await _tag_as_given(self._context)
        self._context.runtime.ready.tagged(member.launch.id)

    def check(self) -> None:
        """
        :raises EndedEarly: when the machine has not come for its orders
        """
        launch = self._context.launch
        if not self._launch_id or launch.id != self._launch_id or launch.claimed_at:
            return
        if time.time() - launch.launched_at > _TAKING_SECONDS:
            raise EndedEarly(Machine(launch.instance_id, "running"))

    def taken_back(self, end: EndedEarly) -> bool:
        """Give up a machine that has ended, or is silent, before it had its orders.

        :returns: whether it was one that was ready, and another may take its place
        """
        launch = self._context.launch
        if launch.id != self._launch_id or end.machine.id != launch.instance_id:
            return False
        self._home.end()
        if not self._context.applied(TakenBack(launch.start_id)):
            return False
        self._context.runtime.registry.close(self._launch_id)
        self._launch_id = ""
        self._progress.tell(20, f"Machine {launch.instance_id} does not answer")
        return True


def _given(
    plan: LaunchPlan, member: Member, candidate: Candidate, on_stop: str
) -> Given:
    launch = member.launch
    return Given(
        plan.launch_id,
        launch.id,
        launch.instance_id,
        launch.private_ip,
        launch.zone,
        candidate.instance_type,
        candidate.market,
        launch.nonce_hash,
        launch.machine_key_hash,
        plan.fingerprint,
        on_stop,
        time.time(),
    )


def _tag_as_given(context: ServerContext) -> Awaitable[None]:
    """Say on EC2 whose a machine is that was ready."""
    launch, hub, fleet = context.launch, context.hub, context.fleet
    who = LaunchIdentity(
        context.hub_id,
        context.state.server_id,
        launch.id,
        hub.user_name,
        hub.server_name,
    )
    return tag_as_given(
        fleet.clients.reading,
        fleet.inventory.get(launch.instance_id) or Machine(launch.instance_id, ""),
        late_tags(
            tags_for(context.settings, who), context.settings.tags, launch.launched_at
        ),
        lambda: context.launch.id == launch.id,
        context.log,
    )


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
