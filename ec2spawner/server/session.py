"""The Hub's end of the talk with one machine, from its claim to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..claim.kit_files import kit_files
from ..claim.messages import Claim, DataVolume, Orders, Report, Step
from ..claim.reports import Hearing
from ..claim.user_data import agent_files
from ..core.errors import EC2SpawnError, Reason
from ..core.events import Claimed, Ordered, Ready, Rebooted
from ..core.idleness import Seen
from ..core.ids import secret_hash
from ..core.metrics import SPOT_INTERRUPTIONS
from ..core.notice_events import Announced, Rescued, Silent
from ..core.state import Launch, Phase
from ..fleet.unsaved import NotSaved
from ..launch.address import owns_its_address
from ..launch.failures import last_lines
from ..launch.identity import why_not_its
from ..launch.progress import Progress
from ..profiles.content import content_of
from . import notices
from .context import ServerContext
from .home import Home
from .memory import digest_of, is_in_memory, may_repeat, remember
from .tokens import replace_token, revive_token

# How long EC2 may take to list the data volumes of a machine.
_VOLUMES_SECONDS = 60.0

# An agent asks every five minutes (``claim/agent/deadman.py``), and repeats what fails.
_SILENT_SECONDS = 1800.0

# Steps of which a user is told, and no more comes of them: percent and words.
_TOLD = {
    Step.ACCOUNT: (55, "Setting up the machine"),
    Step.DATA: (59, "Mounting your data"),
    Step.STARTING: (75, "Starting Jupyter"),
}


class Session:
    """What Hub and machine say to each other during one launch."""

    def __init__(self, context: ServerContext, progress: Progress, home: Home) -> None:
        self._context = context
        self._progress = progress
        self._home = home
        self._orders: asyncio.Future[Orders] | None = None
        #: what of the machine's reports counts
        self.hearing = Hearing()
        self._alive_at = time.monotonic()
        #: set at every turn, for whoever waits for the machine
        self.news = asyncio.Event()
        #: why the machine says it cannot serve; empty while it says nothing
        self.failure = ""
        #: why its orders cannot be made; the start fails with it
        self.error: EC2SpawnError | None = None
        #: why its orders have not been made until now
        self.not_saved: NotSaved | None = None
        self._heard: dict[Step, Callable[[Report], None]] = {
            Step.HOME: self._mounting,
            Step.MOUNTED: lambda report: self._home.mounted(),
            Step.SETUP: self._setting_up,
            Step.READY: lambda report: self._ready(),
            Step.RESCUE: self._home_unusable,
            Step.INTERRUPTION: self._announced,
            Step.REBALANCE: self._announced,
            Step.RESTARTING: self._warned,
            Step.WARNING: self._warned,
            Step.FAILED: self._ended,
            Step.EXITED: self._ended,
        }

    @property
    def launch(self) -> Launch:
        return self._context.launch

    @property
    def claim_timeout(self) -> float:
        return float(self._context.settings.claim_timeout)

    @property
    def claims_as_root(self) -> bool:
        return bool(self._context.settings.claims_as_root)

    @property
    def hub_silence_limit(self) -> float:
        return float(self._context.settings.hub_silence_limit)

    def told(self) -> Mapping[str, Any]:
        """What its user is to know, for Jupyter; empty for nothing."""
        return self._context.told() if self._context.settings.talk_to_people else {}

    def begin(self) -> None:
        """Listen for the machine of the present launch."""
        self._context.runtime.registry.open(self.launch.id, self)
        self.hearing = Hearing()
        self._alive_at = time.monotonic()
        self._context.use.forget()
        if self.launch.phase is Phase.READY:
            self._home.in_use()

    def end(self) -> None:
        """Listen no more: the machine is not to have anything from here."""
        self._home.end()
        self._context.runtime.registry.close(self.launch.id)

    def alive(self) -> None:
        """Its machine has asked something."""
        self._alive_at = time.monotonic()
        if self.launch.silent_since and self._context.applied(Silent(0.0)):
            self._context.log.warning(
                "The agent of machine %s of %s speaks again",
                self.launch.instance_id,
                self._context.label,
            )

    def saw(self, seen: Seen) -> None:
        """Take note of what its machine has seen of its use: no query, and no write
        but for a press of *Keep*."""
        self._context.saw(seen)

    @property
    def next_beat(self) -> float:
        """Seconds in which the machine is to say again what it sees."""
        if self.launch.phase is not Phase.READY:
            return self.launch.idle.soon_beat  # what it sees counts from then on
        return self._context.use.verdict.next_beat(self.launch.idle, time.time())

    def note_silence(self) -> None:
        """Called for a machine that EC2 says runs: tell if its agent is silent."""
        silent = time.monotonic() - self._alive_at
        if silent < _SILENT_SECONDS or self.launch.silent_since:
            return
        if self._context.applied(Silent(time.time() - silent)):
            self._context.log.warning(
                "The agent of machine %s of %s has said nothing for %i minutes, "
                "although EC2 says that the machine runs. Its server may go on, but "
                "nobody on it looks after it",
                self.launch.instance_id,
                self._context.label,
                silent / 60,
            )

    # -- its claim ---------------------------------------------------------------

    async def owns_its_address(self) -> bool:
        """Whether EC2 says, after this was asked, that our machine has its address."""
        registry = self._context.runtime.registry
        return await owns_its_address(registry, self._context.fleet.inventory, self)

    def why_not_its(self, claim: Claim) -> str:
        """Why EC2's document of who claims is not its machine's; empty when it is."""
        context, launch = self._context, self.launch
        if launch.machine_key_hash:
            return ""  # it was ready, has shown it then, and has the same key
        shown = context.fleet.inventory.get(launch.instance_id)
        return why_not_its(context.settings, launch, shown, claim.identity)

    async def look_again(self) -> None:
        """Let the Hub find out whether the machine is over, and act on it."""
        await self._context.fleet.inventory.news_of(self.launch.instance_id)
        if not self._context.hub.busy:
            self._context.log.warning(
                "EC2 has given the address of %s, %s, to another machine",
                self._context.label,
                self.launch.private_ip,
            )
            await self._context.hub.look_again()

    def give_orders(self, claim: Claim) -> Awaitable[Orders]:
        """Mark the launch claimed, then make its orders, once for all repeats: answers
        that were lost, and reboots.

        Called with a claim that has just been judged good. The mark is in the database
        when this returns what is to be awaited, so no second claim can slip in.
        """
        self._check_entry()
        if not self.launch.claimed_at:
            key_hash = secret_hash(claim.machine_key)
            self._context.apply(Claimed(key_hash, time.time()))
            self._progress.tell(45, "The machine is up and has found this hub")
        elif self._context.applied(Rebooted()):
            self.hearing.boots_again()
            self._context.log.warning(
                "Machine %s of %s has booted again: its server is started anew",
                self.launch.instance_id,
                self._context.label,
            )
        if self._orders is None or not may_repeat(self._orders, claim):
            # Also the way after a restart of the Hub: the same machine asks
            # again, and gets a new token in place of one that nobody uses now.
            self._orders = asyncio.ensure_future(self._make_orders(claim.booted))
        return self._once_made(self._orders)

    async def _once_made(self, making: asyncio.Future[Orders]) -> Orders:
        try:
            orders = await asyncio.shield(making)
        except NotSaved as e:
            self.not_saved = e
            self._progress.tell(50, "The hub cannot save anything: your machine waits")
            raise
        self.not_saved = None
        if not self.launch.ordered_at:
            self._context.applied(Ordered(time.time()))
        return orders

    def _check_entry(self) -> None:
        """Without its entry a server has neither address nor environment, and its start
        cannot succeed. The entry goes when a change of the database is taken back."""
        if self._context.hub.has_entry:
            return
        self.error = EC2SpawnError(
            "This hub has lost its entry of your server while the server started. "
            "Start it again, and if this comes back, please tell your hub's admin.",
            reason=Reason.DATABASE,
        )
        self.news.set()
        raise self.error

    async def _make_orders(self, booted: bool) -> Orders:
        context, hub = self._context, self._context.hub
        await hub.restore_choice()
        settings = context.settings
        home = await self._home.brought()
        data = await self._data_volumes()
        command = hub.command()
        account = settings.user_account
        told = digest_of(command, hub.environment(""), account, home, data)
        goes_on = not booted and is_in_memory(self.launch, told)
        tls = {} if goes_on else await self._certificates()
        env = self._with_token(goes_on)
        context.log.info(
            "Orders for %s: %s",
            context.label,
            "go on" if goes_on else "environment " + ", ".join(sorted(env)),
        )
        hibernates = self.launch.on_stop == "hibernate"
        if hibernates:
            remember(context, told)
        return Orders(
            account=account,
            user_uid=settings.user_uid,
            command=command,
            env=env,
            server_path=list(settings.server_path),
            setup_script=settings.setup_script,
            ready_url=f"{context.server_url}{hub.base_url}api",
            hub_silence_limit=settings.hub_silence_limit,
            max_lifetime=settings.max_lifetime,
            idle_timeout=context.promised.idle_timeout,
            keep_seconds=self.launch.idle.keep_seconds,
            home_volume=home,
            home_seed=settings.home_seed,
            data_volumes=data,
            hibernates=hibernates,
            goes_on=goes_on,
            block_metadata=settings.block_metadata,
            agent=agent_files(),
            content=content_of(settings),
            kit=kit_files() if settings.talk_to_people else {},
            told=self.told(),
            tls=tls,
        )

    async def _certificates(self) -> Mapping[str, str]:
        authority, launch = self._context.runtime.authority, self.launch
        if authority is None:
            return {}
        # It takes milliseconds, and a class claims at once.
        return await asyncio.to_thread(authority.issue, launch.id, launch.private_ip)

    def _with_token(self, goes_on: bool) -> dict[str, str]:
        try:
            return self._revive() if goes_on else self._fresh_environment()
        except NotSaved:
            raise  # its machine asks again in a moment
        except EC2SpawnError as e:
            self.error = e
            self.news.set()
            raise

    def _fresh_environment(self) -> dict[str, str]:
        hub = self._context.hub
        return hub.environment(replace_token(hub, self.launch))

    def _revive(self) -> dict[str, str]:
        assert self.launch.woken is not None, "it is in the machine's memory"
        revive_token(self._context.hub, self.launch, self.launch.woken)
        self._progress.tell(75, "Your server goes on where it was")
        return {}

    async def _data_volumes(self) -> list[DataVolume]:
        instance_id, devices = self.launch.instance_id, self.launch.data_devices
        found = await self._context.fleet.volumes_on(
            instance_id, devices.values(), _VOLUMES_SECONDS
        )
        if found is not None:
            return [DataVolume(found[d], d, path) for path, d in devices.items()]
        error = EC2SpawnError(
            "The data volumes of this server do not show up. Try again.",
            reason=Reason.CLOUD,
            log_message=f"EC2 does not list the volumes of {', '.join(devices)} "
            f"on machine {instance_id}",
        )
        self.failure = error.log_message
        self.news.set()
        raise error

    # -- its reports ---------------------------------------------------------------

    def heard(self, report: Report) -> None:
        """Take note of a step. Nothing a machine says becomes a setting."""
        if not self.hearing.counts(report, self.launch.phase):
            return
        if told := _TOLD.get(report.step):
            self._progress.tell(*told)
        else:
            self._heard[report.step](report)
        self.news.set()

    def _mounting(self, report: Report) -> None:
        more = f": {report.message}" if report.message else ""
        quiet = bool(more) and not self.hearing.has_room_for_setup()
        self._progress.tell(57, f"Mounting your home{more}", quiet)

    def _setting_up(self, report: Report) -> None:
        if report.message:
            quiet = not self.hearing.has_room_for_setup()
            self._progress.tell(60, f"Setting up: {report.message}", quiet)

    def _ready(self) -> None:
        # Late, or for the second time, it changes nothing.
        if self._context.applied(Ready(time.time())):
            self._home.in_use()

    def _home_unusable(self, report: Report) -> None:
        context, home_id = self._context, self._context.state.home_id
        rescued = notices.rescued(home_id, context.hub.server_name)
        context.applied(Rescued(rescued))
        self._progress.tell(58, rescued)
        context.log.error(
            "Home %s of %s cannot be mounted on machine %s, which goes on without it: "
            "%s\n%s",
            home_id,
            context.label,
            self.launch.instance_id,
            report.message,
            report.log,
        )

    def _announced(self, report: Report) -> None:
        interruption = report.step is Step.INTERRUPTION
        text = notices.announced(
            self.launch.instance_id,
            interruption,
            report.message,
            self._context.hub.server_name,
        )
        if interruption and text != self.launch.announced:
            SPOT_INTERRUPTIONS.inc()
        if interruption or not self.launch.announced:
            self._context.applied(Announced(text))
        self._context.log.warning(
            "Machine %s of %s has a notice from EC2, %s: %s",
            self.launch.instance_id,
            self._context.label,
            report.step.value,
            report.message,
        )

    def _warned(self, report: Report) -> None:
        if (log := self.hearing.log_of(report)) is None:
            return
        self._context.log.warning(
            "Machine %s of %s, %s after %.1f s: %s %s",
            self.launch.instance_id,
            self._context.label,
            report.step.value,
            report.seconds,
            report.message,
            last_lines(log),
        )
        self._context.log.debug("What %s says:\n%s", self._context.label, log)

    def _ended(self, report: Report) -> None:
        self._warned(report)
        self.failure = report.message or report.step.value
        self._context.hub.server_has_ended()
