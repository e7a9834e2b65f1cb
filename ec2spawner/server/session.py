"""What the Hub and one machine say to each other, from the claim to the end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import asdict

from ..claim.messages import Claim, DataVolume, Orders, Report, Step
from ..claim.registry import desk
from ..core.errors import EC2SpawnError
from ..core.ids import digest, secret_hash
from ..core.state import Phase, ServerState
from . import notices
from .context import Server
from .data_volumes import volumes_to_mount
from .home import Housing
from .progress import Progress
from .tokens import asleep, replace_token, revive_token

# What JupyterHub itself needs in a server's environment. The rest, whose values may
# change with every start, reaches a server that hibernates when it starts anew.
_OF_THE_HUB = ("JUPYTERHUB_", "JPY_")
_TOKENS = {"JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN"}

# How long a claim waits for EC2's word that the machine is alive.
# Less than the agent waits for an answer. One listing may have to end before the one
# that is waited for begins.
_LISTING_SECONDS = 12.0


class Conversation:
    """The Hub's end of the talk with the machine of one launch."""

    def __init__(self, spawner: Server, progress: Progress) -> None:
        self._spawner = spawner
        self._progress = progress
        self.housing = Housing(spawner, progress)
        self._orders: asyncio.Future[Orders] | None = None
        #: set at every turn, for whoever waits for the machine
        self.news = asyncio.Event()
        #: why the machine says it cannot serve; empty while it says nothing
        self.failure = ""
        #: the last lines of the server's log that came with the failure
        self.failure_log = ""

    @property
    def state(self) -> ServerState:
        return self._spawner.state

    @property
    def claim_timeout(self) -> float:
        return float(self._spawner.claim_timeout)

    @property
    def hub_silence_limit(self) -> float:
        return float(self._spawner.hub_silence_limit)

    def begin(self) -> None:
        """Listen for the machine of the present launch."""
        desk.open(self.state.launch_id, self)
        if self.state.phase is Phase.READY:
            self.housing.in_use()

    def end(self) -> None:
        self.housing.end()
        desk.close(self.state.launch_id)

    async def owns_its_address(self) -> bool:
        """Whether EC2 says, after this was asked, that our machine has its address.

        A machine that had it before us is routed to no longer when this is so: its
        user would be sent to ours. While EC2 cannot be asked, it is as last known.
        """
        inventory, state = self._spawner.fleet.inventory, self.state
        asked, wait = time.monotonic(), _LISTING_SECONDS + inventory.fast
        listing = await inventory.newer_than(asked, wait)
        if listing is None and not inventory.failing:
            return False
        machine = inventory.get(state.instance_id)
        if machine is not None and machine.over:
            return False
        for other in desk.at(state.private_ip):
            if other is not self:
                await other.look_again()
        return [self] == desk.at(state.private_ip)

    async def look_again(self) -> None:
        """Let the Hub find out whether the machine is over, and act on it."""
        if not self._spawner.pending:
            self._spawner.log.warning(
                "EC2 has given the address of %s, %s, to another machine",
                self._spawner._log_name,
                self.state.private_ip,
            )
            await self._spawner.poll_and_notify()

    async def give_orders(self, claim: Claim) -> Orders:
        """Mark the launch claimed, then make its orders, once for all repeats.

        Called with a claim that has been judged good. The mark is in the
        database before anything is awaited, so no second claim can slip in.
        """
        if not self.state.claimed_at:
            self.state.claimed_at = time.time()
            self.state.machine_key_hash = secret_hash(claim.machine_key)
            self.state.phase = Phase.CLAIMED
            self._spawner.save_state()
            self._progress.tell(45, "The machine is up and has claimed its orders")
        if self._orders is None or (self._orders.done() and self._orders.exception()):
            # Also the way after a restart of the Hub: the same machine asks
            # again, and gets a new token in place of one that was never used.
            self._orders = asyncio.ensure_future(self._make_orders())
        orders = await asyncio.shield(self._orders)
        if not self.state.ordered_at:
            self.state.ordered_at = time.time()
            self._spawner.save_state()
        return orders

    async def _make_orders(self) -> Orders:
        spawner = self._spawner
        await spawner.restore_choice()
        home = await self.housing.brought()
        data = await self._data_volumes()
        command = [*spawner.cmd, *spawner.get_args()]
        told = digest_of(command, self._env(""), spawner.user_account, home, data)
        goes_on = self._is_in_memory(told)
        if goes_on:
            assert self.state.woken is not None
            revive_token(spawner, self.state.token_id, self.state.woken)
            env = {}
            self._progress.tell(75, "Your server goes on where it was")
        else:
            env = self._env(replace_token(spawner, self.state.token_id))
        spawner.log.info(
            "Orders for %s: %s",
            spawner._log_name,
            "go on" if goes_on else "environment " + ", ".join(sorted(env)),
        )
        hibernates = self.state.on_stop == "hibernate"
        if hibernates:
            self.state.server = asleep(
                spawner.db_session,
                self.state.token_id,
                self.state.machine_key_hash,
                told,
            )
            spawner.save_state()
        return Orders(
            account=spawner.user_account,
            command=command,
            env=env,
            server_path=list(spawner.server_path),
            setup_script=spawner.setup_script,
            ready_url=f"{spawner.server_url}{spawner.server.base_url}api",
            hub_silence_limit=spawner.hub_silence_limit,
            max_lifetime=spawner.max_lifetime,
            home_volume=home,
            home_seed=spawner.home_seed,
            data_volumes=data,
            hibernates=hibernates,
            goes_on=goes_on,
            block_metadata=spawner.block_metadata,
        )

    def _env(self, token: str) -> dict[str, str]:
        spawner = self._spawner
        spawner.api_token = token
        try:
            return {name: str(value) for name, value in spawner.get_env().items()}
        finally:
            # The Hub would take a changed token for one that it must adopt, and
            # overwrite the OAuth client's scopes (User.spawn). We keep its id.
            spawner.api_token = ""

    def _is_in_memory(self, told: str) -> bool:
        """The machine has hibernated, and its server is as it would be told to be.

        Only who claims with the key of the same boot has been in memory.
        """
        woken = self.state.woken
        if woken is None or woken.machine_key_hash != self.state.machine_key_hash:
            return False
        return woken.digest == told

    async def _data_volumes(self) -> list[DataVolume]:
        try:
            return await volumes_to_mount(self._spawner)
        except EC2SpawnError as e:
            self.failure = e.log_message
            self.news.set()
            raise

    def _home_unusable(self, report: Report) -> None:
        spawner = self._spawner
        self.state.rescued = notices.rescued(self.state.home_id)
        spawner.save_state()
        self._progress.tell(58, self.state.rescued)
        spawner.log.error(
            "Home %s of %s cannot be mounted on machine %s, which goes on without it: "
            "%s\n%s",
            self.state.home_id,
            spawner._log_name,
            self.state.instance_id,
            report.message,
            report.log,
        )

    def heard(self, report: Report) -> None:
        """Take note of a step. Nothing a machine says is set on the spawner."""
        spawner, step = self._spawner, report.step
        if step is Step.ACCOUNT:
            self._progress.tell(55, "Setting up the machine")
        elif step is Step.HOME:
            self._progress.tell(57, "Mounting your home")
        elif step is Step.DATA:
            self._progress.tell(59, "Mounting your data")
        elif step is Step.MOUNTED:
            self.housing.mounted()
        elif step is Step.SETUP and report.message:
            self._progress.tell(60, f"Setting up: {report.message}")
        elif step is Step.STARTING:
            self._progress.tell(75, "Starting Jupyter")
        elif step is Step.READY and self.state.phase is Phase.CLAIMED:
            self.state.phase = Phase.READY
            self.state.ready_at = time.time()
            spawner.save_state()
            self.housing.in_use()
        elif step is Step.RESCUE:
            self._home_unusable(report)
        elif step in (Step.INTERRUPTION, Step.REBALANCE):
            interruption = step is Step.INTERRUPTION
            if interruption or not self.state.announced:
                self.state.announced = notices.announced(
                    self.state.instance_id, interruption, report.message
                )
                spawner.save_state()
            spawner.log.warning(
                "Machine %s of %s has a notice from EC2, %s: %s",
                self.state.instance_id,
                spawner._log_name,
                step.value,
                report.message,
            )
        elif step in (Step.RESTARTING, Step.WARNING, Step.FAILED, Step.EXITED):
            spawner.log.warning(
                "Machine %s of %s, %s after %.1f s: %s\n%s",
                self.state.instance_id,
                spawner._log_name,
                step.value,
                report.seconds,
                report.message,
                report.log,
            )
            if step not in (Step.RESTARTING, Step.WARNING):
                self.failure = report.message or step.value
                self.failure_log = report.log
                spawner.server_has_ended()
        self.news.set()


def digest_of(
    command: list[str],
    env: Mapping[str, str],
    account: str,
    home: str,
    data: list[DataVolume],
) -> str:
    """Of all that a server cannot be told anew while it runs."""
    of_hub = {
        name: value
        for name, value in env.items()
        if name.startswith(_OF_THE_HUB) and name not in _TOKENS
    }
    volumes = [asdict(volume) for volume in data]
    return digest(json.dumps([command, of_hub, account, home, volumes], sort_keys=True))
