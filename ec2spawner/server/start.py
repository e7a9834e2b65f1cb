"""One start of one server: plan, launch, boot, ready. Each step is saved at once."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress

from ..claim.user_data import user_data
from ..core.errors import EC2SpawnError, Reason
from ..core.ids import new_launch_id, secret_hash
from ..core.state import Phase
from ..ec2.machines import Machine
from ..fleet.fleet import CONSISTENCY_SECONDS
from ..launch.attempts import Attempt, Listener, Walk
from ..launch.block_devices import data_devices
from ..launch.failures import EndedEarly, sold_out_at_home
from ..launch.plan import LaunchIdentity, LaunchPlan, plan_launch
from .admission import Admission
from .context import Server
from .progress import Progress
from .resume import Waking
from .session import Conversation
from .tenancy import check_free
from .tokens import token_id

_CONSOLE_SECONDS = 8.0


class Starting:
    """From the plan of a launch to the machine's word that its server is ready.

    After a restart of the Hub a new one goes on from what the database knows.
    """

    def __init__(self, spawner: Server) -> None:
        self._spawner = spawner
        self._launch: asyncio.Task[None] | None = None
        self.progress = Progress(
            lambda step: spawner.log.info("%s: %s", spawner._log_name, step)
        )
        self.conversation = Conversation(spawner, self.progress)
        self.admission = Admission(spawner)
        self.cancelled = False
        #: it has failed, and not been cancelled by a person
        self.failed = False
        self._woken = False
        self._new_home = False
        #: the only zone that will do, as the home is there and may not move
        self._bound_to = ""
        #: EC2 refused the launch for certain: there is no machine to look for
        self.refused = False

    async def run(self) -> None:
        """Get a machine and wait for its server.

        :raises EC2SpawnError: for whatever keeps it from being ready
        :raises EC2Error: when AWS fails before there is a launch
        """
        if last_end := self._spawner.state.last_end:
            self.progress.tell(1, last_end)
        nonce = secrets.token_urlsafe(32)
        plan = await self._plan(nonce)
        listener = Listener(
            attempt=self._before_attempt,
            abandon=self._abandon,
            tell=lambda text: self.progress.tell(10, text),
        )
        walk = self._spawner.fleet.walk(plan, listener)
        getting = self._get_machine(plan, nonce, walk)
        while True:
            # Not cancelled with us: whether RunInstances made a machine must be
            # known before anything of it can be ended.
            self._launch = asyncio.ensure_future(getting)
            self._launch.add_done_callback(lambda t: t.cancelled() or t.exception())
            await asyncio.shield(self._launch)
            try:
                await self.until_ready()
            except EndedEarly as e:
                if not self._may_go_on(walk, e):
                    raise
                getting = self._next_machine(walk)
            else:
                break
        self.progress.tell(95, f"Ready in {self.progress.seconds:.0f} s")

    def _may_go_on(self, walk: Walk, end: EndedEarly) -> bool:
        """Whether another machine can take the place of one that has ended.

        Not once it has claimed: the orders of a launch are given away once.
        """
        unclaimed = self._spawner.state.phase is Phase.BOOTING
        # A home that has just been made is where that machine was.
        made = self._new_home and bool(self._spawner.state.home_id)
        free = unclaimed and (not made or self._spawner.home_may_move)
        return end.machine.gone and free and walk.lost(end.machine)

    async def in_flight(self, timeout: float) -> None:
        """Wait for a RunInstances that has been sent and not answered."""
        self.cancelled = True
        if self._launch is not None:
            await asyncio.wait({self._launch}, timeout=timeout)

    async def _plan(self, nonce: str) -> LaunchPlan:
        spawner, state = self._spawner, self._spawner.state
        if not spawner.image:
            raise EC2SpawnError(
                "This hub has no image for this server. Please tell your hub's admin.",
                reason=Reason.CONFIG,
                log_message="c.EC2Spawner.image is not set",
            )
        launch_id = new_launch_id()
        data = user_data(launch_id, nonce, spawner.hub_api_url, spawner.claim_timeout)
        image, region = await asyncio.gather(
            spawner.fleet.images.resolve(spawner.image, spawner.image_owners),
            spawner.fleet.catalog.region(spawner.types, spawner.subnets),
        )
        who = LaunchIdentity(
            spawner.hub_id,
            state.server_id,
            launch_id,
            spawner.user.name,
            spawner.name,
            time.time() + spawner.hub_silence_limit,
        )
        home = await self.conversation.housing.find()
        if home:
            await check_free(spawner, home)
        self._new_home = self.conversation.housing.wanted and home is None
        zone = home.zone if home else ""
        self._bound_to = "" if spawner.home_may_move else zone
        plan = plan_launch(spawner, image, who, data, region, zone)
        await self.admission.ask(launch_id, image.id)
        state.token_id = token_id(spawner.db_session, spawner.api_token)
        state.region = spawner.region
        state.image_id = image.id
        state.data_devices = data_devices(spawner, image)
        state.port = spawner.port
        state.on_stop = spawner.on_stop if spawner.on_stop != "terminate" else ""
        state.stopped_ttl = spawner.stopped_ttl
        return plan

    async def _get_machine(self, plan: LaunchPlan, nonce: str, walk: Walk) -> None:
        """Wake the machine that rests for this server, or launch a fresh one."""
        waking = Waking(self._spawner, lambda text: self.progress.tell(5, text))
        await self._spawner.rest_settled()
        machine = await waking.run(plan)
        if self.cancelled:
            self.admission.answered(True)
            return
        if machine is None:
            self._write_ahead(plan, nonce)
            wanted = plan.candidates[0].machine
            self.progress.tell(5, f"Asking AWS for a {wanted} machine")
            await self._next_machine(walk)
            return
        self._woken = True
        self.admission.woke(machine)
        self.conversation.begin()
        self.found(machine)

    def _write_ahead(self, plan: LaunchPlan, nonce: str) -> None:
        """Write the launch down before any request is sent."""
        state = self._spawner.state
        state.launch_id = plan.launch_id
        state.instance_id = state.private_ip = state.zone = ""
        state.ready_at = 0.0
        state.woken = None
        state.launched_at = time.time()
        state.nonce_hash = secret_hash(nonce)
        state.fingerprint = plan.fingerprint
        state.phase = Phase.REQUESTED
        self._spawner.save_state()
        self.conversation.begin()

    async def _next_machine(self, walk: Walk) -> None:
        self.admission.asks_again()
        try:
            machine = await walk.next()
        except EC2SpawnError as e:
            self.refused = walk.refused
            if self._bound_to and e.reason == Reason.CAPACITY.value:
                raise sold_out_at_home(self._bound_to, e) from e
            raise
        finally:
            self.admission.answered(self.refused)
        self.found(machine)

    def _before_attempt(self, attempt: Attempt) -> None:
        if self.cancelled:
            raise EC2SpawnError("The start was cancelled.", reason=Reason.CANCELLED)
        candidate = attempt.candidate
        if self._spawner.on_stop == "hibernate":
            able = candidate.hibernates
            self._spawner.state.on_stop = "hibernate" if able else "stop"
        self._spawner.state.begin_attempt(
            attempt.client_token,
            candidate.market,
            candidate.instance_type,
            time.time(),
        )
        self._spawner.save_state()

    def _abandon(self, client_token: str) -> None:
        """EC2 never said whether this attempt made a machine: end what it made."""
        self._spawner.state.bury_attempt(client_token)
        self._spawner.save_state()
        self._spawner.see_to_the_rest()

    def found(self, machine: Machine) -> None:
        """EC2 has named the machine: from now on its claim can be checked."""
        state = self._spawner.state
        state.instance_id = machine.id
        state.private_ip = machine.private_ip
        state.zone = machine.zone
        if state.phase is Phase.REQUESTED:
            state.phase = Phase.BOOTING
        if state.rests:
            state.resting = None  # it is awake
        else:
            state.bury_rest()  # this one has taken its place
        self._spawner.save_state()
        self._spawner.see_to_the_rest()
        if state.phase is not Phase.STOPPING:
            self.conversation.housing.begin()
        self.progress.tell(20, f"Machine {machine.id} in {machine.zone} is booting")

    async def until_ready(self) -> None:
        """Wait for the machine's word, or for the news that none will come.

        :raises EC2SpawnError: when the machine fails, ends, or stays silent
        """
        talk, spawner = self.conversation, self._spawner
        inventory = spawner.fleet.inventory
        with inventory.hurry():
            while spawner.state.phase is not Phase.READY:
                self._check_machine(inventory.get(spawner.state.instance_id))
                talk.news.clear()
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(talk.news.wait(), inventory.fast)

    def _check_machine(self, machine: Machine | None) -> None:
        if self.conversation.housing.error:
            raise self.conversation.housing.error
        state, failure = self._spawner.state, self.conversation.failure
        if failure:
            raise EC2SpawnError(
                f"Machine {state.instance_id} could not start your server: {failure}.",
                reason=Reason.BOOT,
            )
        if (
            machine is not None
            and machine.over
            and not self._still_shown_asleep(machine)
        ):
            raise EndedEarly(machine)
        limit = self._spawner.claim_timeout
        if not state.claimed_at and time.time() - state.launched_at > limit:
            raise EC2SpawnError(
                f"Machine {state.instance_id} did not call back within {limit:.0f} "
                "seconds of its launch.",
                reason=Reason.BOOT,
            )

    def _still_shown_asleep(self, machine: Machine) -> bool:
        """A machine that has been woken may be listed as stopped for a while."""
        if not self._woken or machine.gone or not machine.stopped_by_wish:
            return False
        return time.time() - self._spawner.state.launched_at < CONSISTENCY_SECONDS

    def out_of_time(self, seconds: float) -> EC2SpawnError:
        """What a user reads when nothing failed and nothing came."""
        if on_its_way := self.conversation.housing.on_its_way:
            return EC2SpawnError(
                f"Your home is still on its way ({on_its_way}), and this start has no "
                "more time. Nothing is lost: start your server again in a few minutes, "
                "and it goes on from there.",
                reason=Reason.HOME,
                log_message=f"Not ready within {seconds:.0f} seconds: {on_its_way}. "
                "A longer start_timeout lets users wait for large homes",
            )
        steps = self.progress.steps
        last = f" The last step was: {steps[-1].message}." if steps else ""
        return EC2SpawnError(
            f"Your server was not ready within {seconds:.0f} seconds.{last}",
            reason=Reason.TIMEOUT,
        )

    async def log_console(self, error: EC2SpawnError) -> None:
        """Put what an admin needs to understand a failed boot into the Hub's log."""
        spawner = self._spawner
        instance_id = spawner.state.instance_id
        if not instance_id:
            return
        try:
            tail = await asyncio.wait_for(
                spawner.fleet.console_tail(instance_id), _CONSOLE_SECONDS
            )
        except asyncio.TimeoutError:
            tail = "(EC2 did not answer in time)"
        spawner.log.warning(
            "%s failed: %s The console of %s ends with:\n%s",
            spawner._log_name,
            error.log_message,
            instance_id,
            tail,
        )
