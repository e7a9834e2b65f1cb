"""One start of one server: plan, launch, boot, ready. Each step is saved at once."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress

from ..claim.messages import Step
from ..core.errors import EC2SpawnError, Reason
from ..core.event import NotNow
from ..core.events import (
    Attempted,
    Begun,
    Doubted,
    Named,
    Planned,
    Refused,
    Wanted,
    WokenInVain,
)
from ..core.ids import new_launch_id, secret_hash, server_id
from ..core.state import Phase, Wish
from ..ec2.machines import Machine
from ..launch.attempts import Attempt, Attempts, Reporter
from ..launch.block_devices import data_devices
from ..launch.failures import (
    TRY_OR_TELL,
    EndedEarly,
    cancelled,
    out_of_time,
    sold_out_at_home,
    without_address,
)
from ..launch.plan import LaunchIdentity, LaunchPlan, plan_launch
from ..launch.progress import Progress
from ..launch.user_data import user_data_of
from ..settings.idleness import idle_policy
from .admission import Admission
from .context import ServerContext
from .home import Home, check_free
from .image import image_of_repository
from .resume import (
    Ready,
    Resume,
    speaks_against_the_machine,
    still_shown_stopped,
)
from .session import Session
from .stop import Stop
from .tokens import token_of


class Start:
    """From the plan of a launch to the machine's word that its server is ready.

    After a restart of the Hub a new one goes on from what the database knows.

    :param start_id: of a launch that was begun by another process
    """

    def __init__(self, context: ServerContext, start_id: str = "") -> None:
        self._context = context
        self._start_id = start_id or new_launch_id()
        self._getting: asyncio.Task[None] | None = None
        self.progress = Progress(context.log_step)
        context.progress = self.progress
        self.home = Home(context, self.progress)
        self.session = Session(context, self.progress, self.home)
        self.admission = Admission(context)
        self._resume = Resume(context, lambda text: self.progress.tell(5, text))
        self._ready = Ready(context, self.session, self.home, self.progress)
        #: ``run`` has been called: it is of no use to another start
        self.begun = bool(start_id)
        self._is_told = False
        #: the machine as it was before it was woken
        self._woken: Machine | None = None
        self._woken_at = 0.0
        self._new_home = False
        #: the only zone that will do, as the home is there and may not move
        self._bound_to = ""
        #: of the repository that was chosen; empty for the setting's
        self._image = ""

    async def have_image(self) -> None:
        """Find or build the image of the repository, if one was chosen. Nothing else
        has begun then: who is cancelled here leaves nothing behind but the build.

        :raises EC2SpawnError: when there is none, or not in time
        """
        if not self._context.settings.repository:
            return
        self.begun = True
        self.progress.begin()
        self.progress.builds = True
        self.admission.check_budget()
        self._image = await image_of_repository(self._context, self.progress)
        self.progress.built()

    async def run(self, stop: Stop) -> None:
        """Get a machine and wait for its server.

        :param stop: what may still be stopping the machine that is to be woken
        :raises EC2SpawnError: for whatever keeps it from being ready
        :raises EC2Error: when AWS fails before there is a launch
        """
        context, self.begun = self._context, True
        if not self.progress.apart:
            self.progress.begin()
        if last_end := context.state.last_end:
            self.progress.tell(1, last_end)
        # Anew: user or server may have been renamed.
        hub, now = context.hub, time.time()
        mine = server_id(context.hub_id, hub.user_name, hub.server_name)
        context.apply(Begun(self._start_id, mine, now))
        nonce = secrets.token_urlsafe(32)
        plan = await self._plan(nonce)
        attempts = context.fleet.attempts(plan, self._reporter(plan, nonce))
        getting = self._get_machine(plan, attempts, stop)
        while True:
            # Not cancelled with us: whether RunInstances made a machine must be
            # known before anything of it can be ended.
            self._getting = asyncio.ensure_future(getting)
            self._getting.add_done_callback(lambda t: t.cancelled() or t.exception())
            await asyncio.shield(self._getting)
            try:
                await self.until_ready()
            except EndedEarly as e:
                if self._woken and self._resume.stopped_late(e.machine):
                    getting = self._wake_again(e.machine)
                elif self._ready.taken_back(e) or self._may_go_on(attempts, e):
                    getting = self._next_machine(attempts)
                else:
                    raise
            else:
                break
        self.progress.tell(95, "Ready")
        self._is_told = True
        context.start_succeeded(self._ready.how or self._resume.how(self._woken))

    def give_up(self, error: BaseException | None = None) -> None:
        """It has ended without being ready: nothing of it is to go on.

        A machine that has served before is kept: it may serve again.

        :param error: why; None when somebody has cancelled it
        """
        if not self._is_told:
            self._is_told = True
            self._context.start_failed(error)
        if self._is_present() and self._context.launch.phase is not Phase.READY:
            if speaks_against_the_machine(error):
                self._context.applied(WokenInVain(self._start_id))
            self._context.applied(Wanted(Wish.KEEP))
            self._cancel_what_asks_for_nothing()

    @property
    def failed_at_home(self) -> bool:
        """Whether a failure may be its user's own doing: the home has been used, and is
        about to be mounted, or has been when the server was started from it."""
        used = self.home.wanted and not self._new_home
        reached = self.session.hearing.reached
        return used and reached in (Step.HOME, Step.STARTING, Step.READY)

    def _is_present(self) -> bool:
        return self._context.launch.start_id == self._start_id

    def _cancel_what_asks_for_nothing(self) -> None:
        if self._getting is not None and self._context.launch.phase is Phase.PLANNED:
            self._getting.cancel()

    async def wait_answered(self, timeout: float) -> None:
        """Return once EC2 has answered a request that has been sent."""
        self._cancel_what_asks_for_nothing()
        if self._getting is not None:
            await asyncio.wait({self._getting}, timeout=timeout)

    def _may_go_on(self, attempts: Attempts, end: EndedEarly) -> bool:
        """Whether another machine can take the place of one that has ended.

        Not once it has claimed: the orders of a launch are given away once.
        """
        context = self._context
        unclaimed = context.launch.phase is Phase.BOOTING
        # A home that has just been made is where that machine was.
        made = self._new_home and bool(context.state.home_id)
        free = unclaimed and (not made or context.settings.home_may_move)
        return end.machine.gone and free and attempts.lost(end.machine)

    async def _plan(self, nonce: str) -> LaunchPlan:
        context, hub = self._context, self._context.hub
        settings, (token_id, token_made) = context.settings, token_of(hub)
        if not settings.image:
            raise EC2SpawnError(
                "This hub has no image for this server. Please tell your hub's admin.",
                reason=Reason.CONFIG,
                log_message="c.EC2Spawner.image is not set",
            )
        data = user_data_of(
            settings,
            hub.cmd,
            hub.api_url,
            self._start_id,
            nonce,
            context.runtime.hub_ca,
        )
        fleet = context.fleet
        image, region = await asyncio.gather(
            fleet.images.resolve(self._image or settings.image, settings.image_owners),
            fleet.catalog.region(settings.types, settings.subnets),
        )
        who = LaunchIdentity(
            context.hub_id,
            context.state.server_id,
            self._start_id,
            hub.user_name,
            hub.server_name,
            time.time() + settings.hub_silence_limit,
            context.runtime.database,
        )
        home = await self.home.find()
        if home:
            await check_free(context, home)
        self._new_home = self.home.wanted and home is None
        zone = home.zone if home else ""
        self._bound_to = "" if settings.home_may_move else zone
        plan = plan_launch(settings, image, who, data, region, zone)
        await self.admission.ask(self._start_id, image.id, self._new_home)
        on_stop = settings.on_stop
        self._apply(
            Planned(
                self._start_id,
                region=settings.region,
                image_id=image.id,
                fingerprint=plan.fingerprint,
                token_id=token_id,
                token_made=token_made,
                port=hub.port,
                on_stop=on_stop if on_stop != "terminate" else "",
                stopped_ttl=settings.stopped_ttl,
                data_devices=data_devices(settings, image),
                max_lifetime=settings.max_lifetime,
                idle=idle_policy(settings),
            )
        )
        return plan

    async def _get_machine(
        self, plan: LaunchPlan, attempts: Attempts, stop: Stop
    ) -> None:
        """Wake the machine that is stopped for this server, or launch a fresh one."""
        context = self._context
        await stop.settled()
        machine = await self._resume.run(plan)
        if machine is not None:
            self._woken, self._woken_at = machine, time.time()
            self.admission.woke(machine)
            self.session.begin()
            self.found(machine)
            return
        if self._ready.take(plan):
            self.admission.took(context.launch.id)
            return
        wanted = plan.candidates[0].machine
        self.progress.tell(5, f"Asking AWS for a machine: {wanted}")
        await self._next_machine(attempts)

    async def _wake_again(self, machine: Machine) -> None:
        self._woken = await self._resume.again(machine, self._start_id)
        self._woken_at = time.time()

    async def _next_machine(self, attempts: Attempts) -> None:
        self.admission.asks_again()
        refused = False
        try:
            machine = await attempts.next()
        except EC2SpawnError as e:
            refused = attempts.refused and self._context.applied(
                Refused(self._start_id)
            )
            if self._bound_to and e.reason == Reason.CAPACITY.value:
                raise sold_out_at_home(self._bound_to, e) from e
            raise
        finally:
            self.admission.answered(refused)
        self.found(machine)

    def _reporter(self, plan: LaunchPlan, nonce: str) -> Reporter:
        def attempt(attempt: Attempt) -> None:
            candidate, on_stop = attempt.candidate, self._context.launch.on_stop
            if self._context.settings.on_stop == "hibernate":
                on_stop = "hibernate" if candidate.hibernates else "stop"
            self._apply(
                Attempted(
                    self._start_id,
                    attempt.client_token,
                    secret_hash(nonce),
                    candidate.market,
                    candidate.instance_type,
                    plan.fingerprint,
                    on_stop,
                    time.time(),
                )
            )
            self.session.begin()

        def abandon(client_token: str) -> None:
            self._context.applied(Doubted(self._start_id, client_token))

        return Reporter(attempt, abandon, self.progress.tries(10))

    def _apply(self, event: Planned | Attempted) -> None:
        """:raises EC2SpawnError: when somebody has stopped this start meanwhile"""
        try:
            self._context.apply(event)
        except NotNow as e:
            raise cancelled() from e

    def found(self, machine: Machine) -> None:
        """EC2 has named the machine: from now on its claim can be checked."""
        context = self._context
        named = Named(self._start_id, machine.id, machine.private_ip, machine.zone)
        if not context.applied(named):
            return  # of a start that was let go: what it has made is doomed
        context.fleet.inventory.told(machine)
        if context.launch.wish is Wish.SERVE:
            self.home.begin()
        self.progress.tell(20, f"Machine {machine.id} in {machine.zone} is booting")

    async def until_ready(self) -> None:
        """Wait for the machine's word, or for the news that none will come.

        :raises EC2SpawnError: when the machine fails, ends, or stays silent
        """
        context, session = self._context, self.session
        inventory = context.fleet.inventory
        with inventory.hurry():
            while context.launch.phase is not Phase.READY:
                self._check_machine(await self._shown())
                session.news.clear()
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(session.news.wait(), inventory.fast)

    async def _shown(self) -> Machine | None:
        """The machine as EC2 shows it; None when it does not."""
        inventory = self._context.fleet.inventory
        machine = inventory.get(self._context.launch.instance_id)
        if machine is None or not machine.over or self._still_shown_stopped(machine):
            return machine
        return await inventory.surely(machine)

    def _check_machine(self, machine: Machine | None) -> None:
        if error := self.home.error or self.session.error:
            raise error
        launch, failure = self._context.launch, self.session.failure
        if failure:
            raise EC2SpawnError(
                f"Machine {launch.instance_id} could not start your server: {failure}. "
                f"{TRY_OR_TELL}",
                reason=Reason.BOOT,
            )
        if (
            machine is not None
            and machine.over
            and not self._still_shown_stopped(machine)
        ):
            raise self.session.not_saved or EndedEarly(machine)
        if machine is not None and machine.state == "running":
            if not (machine.private_ip or launch.private_ip):
                raise without_address(machine.id)
        self._ready.check()
        limit = self._context.settings.claim_timeout
        if not launch.claimed_at and time.time() - launch.launched_at > limit:
            raise EC2SpawnError(
                f"Machine {launch.instance_id} did not call back within {limit:.0f} "
                f"seconds of its launch. {TRY_OR_TELL}",
                reason=Reason.BOOT,
            )

    def _still_shown_stopped(self, machine: Machine) -> bool:
        return still_shown_stopped(machine, self._woken, self._woken_at)

    def out_of_time(self, seconds: float) -> EC2SpawnError:
        """What a user reads when nothing failed and nothing came."""
        if on_its_way := self.home.on_its_way:
            return EC2SpawnError(
                f"Your home is still on its way ({on_its_way}), and this start has no "
                "more time. Nothing is lost: start your server again in a few minutes, "
                "and it goes on from there.",
                reason=Reason.HOME,
                log_message=f"Not ready within {seconds:.0f} seconds: {on_its_way}. "
                "A longer start_timeout lets users wait for large homes",
            )
        steps = self.progress.steps
        return out_of_time(seconds, steps[-1].message if steps else "")
