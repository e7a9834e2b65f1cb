"""The Hub's contract: form, start, progress, poll, stop, state. No boto3 here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from jupyterhub.spawner import Spawner
from traitlets import default

from .claim import api as claim_api
from .core.errors import EC2SpawnError, Reason
from .core.events import Chosen, LetGo, Wanted
from .core.ids import hub_id_from_cookie_secret
from .core.state import Phase, ServerState, Wish
from .ec2.errors import EC2Error
from .fleet.fleet import Fleet
from .fleet.runtime import runtime
from .form.link import Link, take_link
from .hub import startup
from .hub.internal_ssl import OwnCertificates
from .hub.told.facts import Telling
from .hub_side import SpawnerSide
from .launch.failures import spawn_error
from .profiles.choose import options_from_form, options_from_own_form
from .server import notices
from .server.choice import ServerChoice, what_is_known
from .server.context import ServerContext
from .server.delete import Deletion, refuse_deleted
from .server.poll import Poll
from .server.start import Start
from .server.stop import Stop
from .server.tokens import revoke_token
from .settings import LaunchSettings

# What the present request has sent, and for which server. When that fails, the Hub
# shows the form of the user's default server, and what was chosen would be gone.
_SENT: ContextVar[tuple[EC2Spawner, Mapping[str, Any]] | None] = ContextVar(
    "sent", default=None
)


class EC2Spawner(OwnCertificates, LaunchSettings, Spawner):  # type: ignore[misc]
    """Gives every server a dedicated EC2 machine.

    Use it by ``c.JupyterHub.spawner_class = "ec2"``.
    """

    def __init__(self, **kwargs: Any) -> None:
        #: what the address of the spawn page asks for, until its form is made
        self._link = Link()
        super().__init__(**kwargs)
        self.context = ServerContext(self, SpawnerSide(self), runtime(), self.log)
        self._choice = ServerChoice(self, lambda: what_is_known(self.context))
        self._start = Start(self.context)
        self._stop = Stop(self.context)
        self._poll = Poll(self.context)
        self.context.on_change = self._stop.go_on
        self.context.told = Telling(self)
        self._start_runs = False
        self._choice_applied = True

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

    # -- what others may ask -----------------------------------------------------

    @property
    def state(self) -> ServerState:
        """What is remembered of the server. ``ServerContext.apply`` changes it."""
        return self.context.state

    @property
    def fleet(self) -> Fleet:
        """The machines of this hub in the region of this server."""
        return self.context.fleet

    def get_env(self) -> dict[str, Any]:
        env: dict[str, Any] = super().get_env()
        if "JUPYTERHUB_SERVICE_URL" not in self.environment and self.ip == "0.0.0.0":
            # Not every address: a public one would serve the world.
            env["JUPYTERHUB_SERVICE_URL"] = (
                self.context.server_url + self.server.base_url
            )
        # The default of 300 s would have busy servers stopped where only activity
        # tells, and the proxy does not report it, as traefik does not.
        env.setdefault("JUPYTERHUB_ACTIVITY_INTERVAL", "60")
        return env

    def notices(self) -> list[str]:
        """What the user should know of the machine, for the Hub's pages."""
        state, name, now = self.state, self.context.hub.server_name, time.time()
        if not state.may_have_machine:
            return notices.told(state, name, now)
        fleet, launch = self.fleet, self.context.launch
        return notices.told(
            state,
            name,
            now,
            fleet.status_checks.impaired_since(launch.instance_id) or 0,
            fleet.inventory.failing_since or 0,
            self._poll.home_off,
        )

    # -- choice ------------------------------------------------------------------

    @default("options_form")
    def _options_form(self) -> str | Callable[[Spawner], Any]:
        return EC2Spawner._render_choice

    @default("options_from_form")
    def _options_from_form(self) -> Callable[..., dict[str, Any]]:
        if self.options_form is EC2Spawner._render_choice:
            return options_from_form
        return options_from_own_form

    @default("apply_user_options")
    def _apply_user_options(self) -> Callable[..., Any]:
        return EC2Spawner._apply_choice

    def run_options_from_form(self, form_data: dict[str, Any]) -> Any:
        options = super().run_options_from_form(form_data)
        _SENT.set((self, options if isinstance(options, Mapping) else {}))
        return options

    async def _render_choice(self) -> str:
        shown, sent = _SENT.get() or (self, {})
        if shown.user is not self.user:
            shown, sent = self, {}
        last = shown.orm_spawner.user_options or {}
        return await shown._choice.render(
            self.user.name, self._groups, last, self._link, sent
        )

    async def run_auth_state_hook(self, auth_state: Any) -> None:
        """The one thing that the Hub calls before it looks at a spawn page's query."""
        self._link = take_link(self.handler)
        await super().run_auth_state_hook(auth_state)

    async def get_options_form(self) -> str:
        """There is always one: without, the Hub starts a server at a mere GET."""
        form = await super().get_options_form() or await self._render_choice()
        link, self._link = self._link, Link()
        return f"{link.note}{form}"

    async def _apply_choice(self, user_options: Mapping[str, Any]) -> None:
        slug = await self._choice.apply(self.user.name, self._groups, user_options)
        self.context.failure = None  # whose message it was
        self.context.apply(Chosen(slug))

    @property
    def _groups(self) -> set[str]:
        return {group.name for group in self.user.groups}

    def options_from_query(self, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Not reached where ``take_link`` has been: who calls it starts a server."""
        raise EC2SpawnError(
            "A link cannot start a machine by itself. "
            "Check your choice and press Start.",
            reason=Reason.OPTIONS,
        )

    # -- state -------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        state = {**super().get_state(), **self.context.saved()}
        if self.context.unreadable is None and (told := self.notices()):
            state["notices"] = told  # for whoever reads the API; not read back
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        if not state:
            return
        self.context.load(state)
        self._choice_applied = False
        if self.state.launch is not None:
            self._start = Start(self.context, self.state.launch.start_id)
        if self.context.launch.wish is not Wish.SERVE:
            # The Hub was killed while it stopped this server.
            self._stop.leave_to_background()
        elif self.state.may_have_machine:
            self._start.session.begin()
        self._stop.go_on()

    def clear_state(self) -> None:
        """Forget the launch, but never a machine that may still exist."""
        super().clear_state()
        self._start.session.end()
        revoke_token(self.context, self.context.launch)
        self.context.apply(LetGo(time.time()))
        # The Hub lets people watch a start before it calls start(), and calls this
        # first: they are to see that start from its first step.
        if self._start.begun:
            self._start = Start(self.context)

    async def rename(self, old_name: str, new_name: str) -> None:
        """A server keeps its home, which gets the tag of the new name.

        Where EC2 does not answer, the sweep sees to it; the database knows the home.
        """
        await self._start.home.renamed(new_name)

    async def delete_forever(self) -> None:
        """End the stopped machine of a server that is deleted, and see to its home.

        The Hub forgets the server right after; what cannot be ended now is found by
        the sweep.
        """
        await Deletion(self.context).run()

    def end_expired(self) -> None:
        """Terminate the machine that has been stopped for long enough."""
        if (stopped := self.state.stopped) and not self._start_runs:
            self._stop.expire(stopped)

    # -- start -------------------------------------------------------------------

    async def start(self) -> str:
        """Launch a machine and wait until its server answers.

        :returns: where the proxy finds the server, ``https://<private ip>:<port>``
            with ``internal_ssl``, else by ``http``
        :raises EC2SpawnError: for whatever keeps it from being ready in time
        """
        self.context.refuse_unreadable()
        refuse_deleted(self.context)
        self._start_runs = self._choice_applied = True
        if self._start.begun:
            self._start = Start(self.context)
        start = self._start
        # The Hub's own time-out shows the user an empty message.
        seconds = self._choice.start_timeout
        seconds -= min(20.0, seconds / 10)
        try:
            await start.have_image()
            await asyncio.wait_for(start.run(self._stop), seconds)
            start.admission.ended(None)
        except asyncio.TimeoutError as e:
            error = start.out_of_time(seconds)
            await self._end_failed(error)
            raise error from e
        except EC2Error as e:
            start.give_up(e)
            raise spawn_error(e) from e
        except EC2SpawnError as e:
            await self._end_failed(e)
            raise
        finally:
            self._start_runs = False
            # A person has cancelled it, unless it has failed.
            start.give_up()
            start.admission.ended(asyncio.CancelledError())
            start.progress.end()
        return self.context.server_url

    async def _end_failed(self, error: EC2SpawnError) -> None:
        start = self._start
        start.admission.ended(error, start.failed_at_home)
        start.give_up(error)
        await self.context.log_console(error)

    async def restore_choice(self) -> None:
        """Take on the profile again after the Hub was restarted during a launch."""
        if not self._choice_applied:
            await self.apply_group_overrides()
            await self._run_apply_user_options(self.user_options or {})
            self._choice_applied = True

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        async for event in self._start.progress.events():
            yield event

    async def get_url(self) -> str:
        """Where the proxy finds the server; after a restart, once it is there."""
        launch = self.context.launch
        try:
            if launch.phase in (Phase.BOOTING, Phase.CLAIMED):
                left = launch.launched_at + self._choice.start_timeout - time.time()
                await self._boot_or_stop(max(left, 1))
        except Exception as e:
            # The Hub would not start if this raised (JupyterHub.init_spawners).
            self.log.warning("%s did not become ready: %s", self._log_name, e)
        return self.known_url

    @property
    def known_url(self) -> str:
        """Where the server is; of no machine yet, what the database has."""
        known = self.context.launch.private_ip
        return self.context.server_url if known else str(self.server.url)

    async def _boot_or_stop(self, seconds: float) -> None:
        """Wait for a machine that booted when the Hub was restarted.

        The Hub waits for this in a check, and stops no server that it checks. But who
        stops a server that is pending cancels its ``_spawn_future`` first, and goes on
        a second later (``UserServerAPIHandler.delete``).

        :raises EC2SpawnError: when it does not become ready
        """
        boot = asyncio.ensure_future(
            asyncio.wait_for(self._start.until_ready(), seconds)
        )
        self._spawn_future: asyncio.Future[Any] | None = boot
        try:
            await asyncio.wait({boot})
            if boot.cancelled():
                self._check_pending, self._spawn_future = False, None
                # The check is of no use any more. Its next step would stop whatever
                # server of this name did not answer two minutes later.
                await asyncio.get_running_loop().create_future()
            boot.result()
        finally:
            boot.cancel()
            if self._spawn_future is boot:
                self._spawn_future = None

    # -- poll --------------------------------------------------------------------

    async def poll(self) -> int | None:
        """None while anything of ours exists, or may exist.

        Costs no call to EC2: the inventory answers. Never raises, because the
        Hub would forget the machine.
        """
        try:
            if self._start_runs and not self._stop.tried:
                return None if self.state.may_have_machine else 0
            code = await self._poll.once(self._start, self._stop)
            # What the Hub would do about its end, its database would refuse, and it
            # would ask no more.
            return code if self.context.saved_all else None
        except Exception:
            self.log.exception("%s counts as running", self._log_name)
            return None

    # -- stop --------------------------------------------------------------------

    @property
    def is_stopping(self) -> bool:
        """Its machine is being stopped or ended, and somebody waits for that."""
        return self._stop.runs

    def server_has_ended(self) -> None:
        """The machine says that its server is gone for good: end the machine."""
        if self._start_runs or self._stop.runs:
            return
        if self.context.applied(Wanted(Wish.KEEP)):
            # What comes of it, poll() says.
            self.fleet.detach(self._stop.run(self._start))

    async def stop(self, now: bool = False) -> None:
        """Stop or terminate the machine; return once EC2 confirms that.

        Never raises: the Hub would forget the machine. What could not be ended
        is doomed in :meth:`clear_state`, which the Hub calls next.

        Nor does it return while the Hub's database takes nothing: the Hub's own change
        would fail next, and it shows a server that is about to stop for ever then.
        """
        try:
            if self.state.may_have_machine:
                self.context.applied(Wanted(Wish.KEEP))
                self._start.session.end()
                await self._stop.run(self._start)
        except Exception:
            self.log.exception("Cannot stop %s yet", self._log_name)
        await self.context.until_saved()


claim_api.register(lambda: runtime().registry, lambda: runtime().rate_limits)
startup.watch(EC2Spawner)
