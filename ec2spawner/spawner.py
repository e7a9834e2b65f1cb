"""The Hub's contract: form, start, progress, poll, stop, state. No boto3 here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from jupyterhub.spawner import Spawner
from sqlalchemy import inspect
from sqlalchemy.orm import Session
from traitlets import default

from .claim import api as claim_handler
from .core.errors import EC2SpawnError, Reason
from .core.ids import hub_id_from_cookie_secret, server_id
from .core.state import Phase, ServerState, Tombstone
from .ec2.clients import Account
from .ec2.errors import EC2Error
from .fleet.fleet import Fleet, FleetKey, fleet_for
from .hub import startup as hub_start
from .launch.failures import spawn_error
from .profiles.read import options_from_form
from .server.choice import apply_choice, render_choice
from .server.context import Server
from .server.delete import Farewell
from .server.start import Starting
from .server.stop import Ending
from .server.tokens import revoke_token

# How long a restarted Hub looks for a machine that it may have asked for in its
# last moments, before it lets go. What shows up later is ended all the same.
_SETTLE_SECONDS = 15.0
# A machine absent from listings for less than this may just be new.
_ABSENT_SECONDS = 60.0
_FIRST_LISTING_SECONDS = 5.0


class EC2Spawner(Server, Spawner):  # type: ignore[misc]
    """Gives every server a dedicated EC2 machine.

    Use it by ``c.JupyterHub.spawner_class = "ec2"``.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.state = ServerState()
        self.asked_for = None
        super().__init__(**kwargs)
        self._starting = Starting(self)
        self._ending = Ending(self)
        self._start_runs = False
        self._stop_runs = False
        self._choice_applied = True
        self._settling: asyncio.Task[None] | None = None
        self._nothing_seen = False
        self.server_ended = False

    # -- defaults that fit machines that boot --------------------------------

    @default("start_timeout")
    def _start_timeout(self) -> int:
        return 600

    @default("http_timeout")
    def _http_timeout(self) -> int:
        return 120

    @default("ip")
    def _ip(self) -> str:
        return "0.0.0.0"

    @default("port")
    def _port(self) -> int:
        return 8888

    @default("env_keep")
    def _env_keep(self) -> list[str]:
        return []

    @default("hub_id")
    def _hub_id(self) -> str:
        return hub_id_from_cookie_secret(self.user.settings["cookie_secret"])

    # -- what the parts of a server's life share -------------------------------

    @property
    def fleet(self) -> Fleet:
        """The machines of this hub in the region of this server."""
        return self.fleet_in(self.state.region)

    def fleet_in(self, region: str) -> Fleet:
        account = Account(region or self.region, self.endpoint_url)
        key = FleetKey(self.hub_id, account)
        return fleet_for(key, self.fast_interval, self.slow_interval, self.log)

    @property
    def db_session(self) -> Session:
        """The Hub's session. ``Spawner.db`` is deprecated; the row knows it."""
        session: Session = inspect(self.orm_spawner).session
        return session

    @property
    def server_url(self) -> str:
        """Where the server listens. The address is EC2's word, not the machine's."""
        return f"http://{self.state.private_ip}:{self.state.port}"

    @property
    def hub_api_url(self) -> str:
        """Where machines find the Hub's API."""
        url: str = super().get_env()["JUPYTERHUB_API_URL"]
        return url

    def get_env(self) -> dict[str, Any]:
        env: dict[str, Any] = super().get_env()
        if "JUPYTERHUB_SERVICE_URL" not in self.environment and self.ip == "0.0.0.0":
            # Not every address: a public one would serve the world.
            env["JUPYTERHUB_SERVICE_URL"] = self.server_url + self.server.base_url
        # The default of 300 s would let the idle culler end busy servers when
        # the proxy does not report activity, as traefik does not.
        env.setdefault("JUPYTERHUB_ACTIVITY_INTERVAL", "60")
        return env

    # -- choice ----------------------------------------------------------------

    @default("options_form")
    def _options_form(self) -> str | Callable[[Spawner], Any]:
        return render_choice if self.profile_list else ""

    @default("options_from_form")
    def _options_from_form(self) -> Callable[..., dict[str, Any]]:
        return options_from_form

    @default("apply_user_options")
    def _apply_user_options(self) -> Callable[..., Any]:
        return apply_choice

    def options_from_query(self, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Preselect what a link asks for, and let a person press Start.

        The Hub starts servers at a mere GET, so any page on the web could start
        machines that cost money.
        """
        self.asked_for = options_from_form(query).get("profile")
        raise EC2SpawnError(
            "A link cannot start a machine by itself. "
            "Check your choice and press Start.",
            reason=Reason.OPTIONS,
        )

    async def restore_choice(self) -> None:
        """Take on the profile again after the Hub was restarted during a launch."""
        if not self._choice_applied:
            await self.apply_group_overrides()
            await self._run_apply_user_options(self.user_options or {})
            self._choice_applied = True

    # -- state -----------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        state = {**super().get_state(), **self.state.to_dict()}
        if told := self.notices():
            state["notices"] = told  # for whoever reads the API; not read back
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        if not state:
            return
        try:
            self.state = ServerState.from_dict(state)
        except (TypeError, ValueError):
            self.log.exception("Cannot read the saved state of %s", self._log_name)
            return
        self._choice_applied = False
        if self.state.launching:
            self._starting.conversation.begin()
        self.see_to_the_rest()

    def clear_state(self) -> None:
        """Forget the launch, but never a machine that may still exist."""
        super().clear_state()
        self._starting.conversation.end()
        revoke_token(self.db_session, self.state.token_id)
        nothing_left = self._ending.nothing_left or self._starting.refused
        if self.state.launching and not (nothing_left or self.state.rests):
            self.state.bury()
        self.state = self.state.cleared()
        self.see_to_the_rest()

    def save_state(self) -> None:
        """Commit the state now: the Hub itself does so only after a start."""
        self.orm_spawner.state = self.get_state()
        self.db_session.commit()

    def end_rest(self) -> None:
        if self.state.resting and not self._start_runs:
            self.log.info(
                "Machine %s of %s has rested long enough and is terminated",
                self.state.resting.instance_id,
                self._log_name,
            )
            self.state.bury_rest()
            self.save_state()
            self.see_to_the_rest()

    async def rename(self, old_name: str, new_name: str) -> None:
        """A server keeps its home, which gets the tag of the new name.

        Where EC2 does not answer, the sweep sees to it; the database knows the home.
        """
        await self._starting.conversation.housing.renamed(new_name)

    async def delete_forever(self) -> None:
        """End what rests for a server that is deleted, and see to its home.

        The Hub forgets the server right after; what cannot be ended now is found by
        the sweep.
        """
        await Farewell(self).run()

    async def rest_settled(self) -> None:
        await self._ending.settled()

    def see_to_the_rest(self) -> None:
        self._ending.go_on()

    # -- start -----------------------------------------------------------------

    async def start(self) -> str:
        """Launch a machine and wait until its server answers.

        :returns: where the proxy finds the server, ``http://<private ip>:<port>``
        :raises EC2SpawnError: for whatever keeps it from being ready in time
        """
        self._start_runs, self._stop_runs = True, False
        self._ending.nothing_left = False
        self._choice_applied, self.server_ended = True, False
        starting = self._starting = Starting(self)
        # Anew: user or server may have been renamed.
        self.state.server_id = server_id(self.hub_id, self.user.name, self.name)
        # The Hub's own time-out shows the user an empty message.
        seconds = self.start_timeout - min(20.0, self.start_timeout / 10)
        try:
            await asyncio.wait_for(starting.run(), seconds)
            starting.admission.ended(None)
            self.state.last_end = ""
        except asyncio.TimeoutError as e:
            starting.failed = True
            error = starting.out_of_time(seconds)
            starting.admission.ended(error)
            await starting.log_console(error)
            raise error from e
        except EC2Error as e:
            raise spawn_error(e) from e
        except EC2SpawnError as e:
            starting.failed = True
            starting.admission.ended(e)
            await starting.log_console(e)
            raise
        finally:
            self._start_runs = False
            starting.admission.ended(asyncio.CancelledError())
            starting.progress.end()
        return self.server_url

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        async for event in self._starting.progress.events():
            yield event

    async def get_url(self) -> str:
        """Where the proxy finds the server; after a restart, once it is there."""
        try:
            if self.state.phase in (Phase.BOOTING, Phase.CLAIMED):
                left = self.state.launched_at + self.start_timeout - time.time()
                await asyncio.wait_for(self._starting.until_ready(), max(left, 1))
        except Exception as e:
            # The Hub would not start if this raised (JupyterHub.init_spawners).
            self.log.warning("%s did not become ready: %s", self._log_name, e)
        if self.state.private_ip:
            return self.server_url
        url: str = self.server.url
        return url

    # -- poll ------------------------------------------------------------------

    async def poll(self) -> int | None:
        """None while anything of ours exists, or may exist.

        Costs no call to EC2: the inventory answers. Never raises, because the
        Hub would forget the machine.
        """
        try:
            return await self._poll()
        except Exception:
            self.log.exception("%s counts as running", self._log_name)
            return None

    async def _poll(self) -> int | None:
        if not self.state.launching or self._starting.refused:
            return 0
        if self._start_runs or self._stop_runs:
            return None
        if self.state.phase is Phase.STOPPING:
            # The Hub was killed while it stopped this server: it shall be stopped.
            return self._over("its stop was interrupted")
        inventory = self.fleet.inventory
        inventory.start()
        self.fleet.health.start()
        if inventory.listing is None and not inventory.failing:
            await inventory.newer_than(float("-inf"), _FIRST_LISTING_SECONDS)
        if not self.state.instance_id:
            return await self._settle()
        machine = inventory.get(self.state.instance_id)
        if machine is None:
            if not self._is_absent():
                return None
            self.ended_behind_us(None)
            return self._over("EC2 has lost it")
        if machine.over:
            self._ending.nothing_left = machine.gone
            self.ended_behind_us(machine)
            if not machine.gone and self.state.may_rest:
                self.state.lay_down(time.time())
            return self._over(f"it is {machine.state}: {machine.why}")
        return None

    def _is_absent(self) -> bool:
        """A complete listing lacks the machine, too late for it to be just new."""
        listing = self.fleet.inventory.listing
        if listing is None:
            return False
        listed_at = time.time() - (time.monotonic() - listing.began)
        return listed_at - self.state.launched_at > _ABSENT_SECONDS

    def _over(self, why: str) -> int:
        """An exit code. The Hub will not stop() it: clear_state() sees to the rest."""
        self.log.warning(
            "The machine of %s, %s, is over: %s",
            self._log_name,
            self.state.instance_id or "not yet named",
            why,
        )
        return 1

    async def _settle(self) -> int | None:
        """Find out whether a Hub that was killed had got a machine."""
        if self._settling is None or self._settling.done():
            self._settling = asyncio.ensure_future(self._look_for_machine())
        await asyncio.shield(self._settling)
        if self.state.instance_id or self.state.launching and not self._nothing_seen:
            return None
        return self._over("EC2 never made it")

    async def _look_for_machine(self) -> None:
        began = time.monotonic()
        machine = await self.fleet.find(
            self.state.launch_id, _SETTLE_SECONDS, self.state.client_token
        )
        listing = self.fleet.inventory.listing
        self._nothing_seen = listing is not None and listing.began > began
        if machine is not None:
            self._nothing_seen = False
            self._starting.found(machine)

    def server_has_ended(self) -> None:
        """The machine says that its server is gone for good: end the machine."""
        if self._start_runs or self._stop_runs:
            return
        self.server_ended = True
        if self.state.may_rest:
            self.fleet.detach(self._stop_for_rest())
        else:
            self.fleet.bury(Tombstone(self.state.launch_id, self.state.instance_id))

    async def _stop_for_rest(self) -> None:
        # What comes of it, poll() sees in the inventory.
        await self.fleet.rests.lay_down(self.state.instance_id, self.stop_timeout)

    # -- stop ------------------------------------------------------------------

    async def stop(self, now: bool = False) -> None:
        """End the machine or let it rest; return once EC2 confirms that.

        Never raises: the Hub would forget the machine. What could not be ended
        becomes a tombstone in :meth:`clear_state`, which the Hub calls next.
        """
        if not self.state.launching:
            return
        self._stop_runs = True
        self._starting.conversation.end()
        try:
            await self._ending.run(self._starting)
        except Exception:
            self.log.exception("Cannot stop %s yet", self._log_name)


claim_handler.register()
hub_start.watch(EC2Spawner)
