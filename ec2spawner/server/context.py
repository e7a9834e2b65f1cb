"""One server, as the parts of its life see it: settings, state, fleet, and its Hub."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol, runtime_checkable

from sqlalchemy.orm import Session

from ..core.errors import EC2SpawnError, Reason
from ..core.event import Event, NotNow
from ..core.events import HubRestarted
from ..core.idleness import UNKNOWN, IdlePolicy, Seen, Verdict
from ..core.metrics import phases_took, start_ended
from ..core.saved_state import UnreadableState, from_dict, to_dict
from ..core.state import Launch, ServerState
from ..ec2.clients import Account
from ..fleet.fleet import Fleet, FleetKey
from ..fleet.runtime import HubRuntime
from ..fleet.unsaved import NotSaved
from ..launch.failures import Failure, failure_of, last_lines, reason_of
from ..launch.history import kind_of
from ..launch.progress import Progress, Step
from ..settings import LaunchSettings
from .idle.use import Use

# For how long a stop waits for a database that takes nothing.
_SAVING_SECONDS = 600.0
_CONSOLE_SECONDS = 8.0


class HubSide(Protocol):
    """What only JupyterHub knows of a server, or can do for it."""

    @property
    def user_name(self) -> str:
        """Whose server it is."""

    @property
    def server_name(self) -> str:
        """Empty for the user's default server."""

    @property
    def label(self) -> str:
        """How the Hub's log calls it: ``alice`` or ``alice:gpu``."""

    @property
    def row(self) -> Any:
        """Its row in the Hub's database (``jupyterhub.orm.Spawner``)."""

    @property
    def user_row(self) -> Any:
        """Its user's row (``jupyterhub.orm.User``)."""

    @property
    def db(self) -> Session:
        """The Hub's session."""

    def writing(self) -> AbstractContextManager[None]:
        """Commit at the end what is changed inside: the one way to write.

        :raises NotSaved: when the database refuses it; nothing is changed then
        """

    @property
    def api_url(self) -> str:
        """Where machines find the Hub's API."""

    @property
    def base_url(self) -> str:
        """The path of the server behind the proxy, with slashes around it."""

    @property
    def api_token(self) -> str:
        """The token that the Hub has made for the present start."""

    @property
    def oauth_provider(self) -> Any:
        """The Hub's OAuth provider; None without one."""

    @property
    def has_entry(self) -> bool:
        """The Hub's database has a server for it, one that runs or is to."""

    @property
    def busy(self) -> bool:
        """The Hub itself is starting or stopping it."""

    @property
    def last_activity(self) -> float:
        """When the Hub was last told of activity; 0 for never."""

    @property
    def port(self) -> int:
        """Where the server is to listen."""

    @property
    def cmd(self) -> list[str]:
        """The command that starts the server, without its arguments."""

    def command(self) -> list[str]:
        """What starts the server, with its arguments."""

    def environment(self, token: str) -> dict[str, str]:
        """The server's environment, with this token. Holds secrets."""

    def siblings(self) -> Mapping[str, Sibling]:
        """The user's other servers that the Hub has loaded, by name."""

    def all_siblings(self) -> Iterable[Sibling]:
        """Them all: those that the Hub has not loaded are now."""

    def save(self) -> None:
        """Commit the state: the Hub itself does so only after a start.

        :raises NotSaved: when the database refuses it
        """

    async def answers(self) -> bool:
        """The server answers at its address, and is this one."""

    async def restore_choice(self) -> None:
        """Take on the profile again after the Hub was restarted during a launch."""

    async def look_again(self) -> None:
        """Let the Hub find out whether the server is over, and act on it."""

    def server_has_ended(self) -> None:
        """The machine says that its server is gone for good."""


class Sibling(Protocol):
    """Another server of the same user."""

    context: ServerContext
    active: bool
    pending: str | None


@runtime_checkable
class HasContext(Protocol):
    """A spawner of ours, for those who may not import it."""

    context: ServerContext

    def notices(self) -> list[str]:
        """What the user should know of the machine."""


class ServerContext:
    """What start, stop, session and the others may use of a server, and no more.

    The one place where a server's state changes: by ``apply``, which also saves it.
    """

    def __init__(
        self,
        settings: LaunchSettings,
        hub: HubSide,
        runtime: HubRuntime,
        log: logging.Logger,
    ) -> None:
        self.settings = settings
        self.hub = hub
        self.runtime = runtime
        self.log = log
        #: is called after every change, to go on with what is still to be ended
        self.on_change: Callable[[], None] = lambda: None
        #: what its user is to be told in Jupyter; the Hub above knows it
        self.told: Callable[[], Mapping[str, Any]] = dict
        #: what was saved and cannot be read; it is kept as it is
        self.unreadable: Mapping[str, Any] | None = None
        #: the steps of the present start, or of the last one
        self.progress = Progress()
        #: why the last start failed, if it did
        self.failure: Failure | None = None
        #: whether it is used, by its machine's word
        self.use = Use()
        self._state = ServerState()

    # -- state -----------------------------------------------------------------

    @property
    def state(self) -> ServerState:
        """What is remembered of the server. Only ``apply`` changes it."""
        return self._state

    @property
    def launch(self) -> Launch:
        """The present launch; one that says nothing when there is none."""
        return self._state.current

    def apply(self, *events: Event) -> None:
        """Change the state by events, and commit what must be in the database.

        :raises NotNow: when one of them cannot happen now; nothing has changed then
        :raises NotSaved: when the database refuses one that it must have before
            anything follows from it; nothing has changed then
        """
        before = state = self._state
        for event in events:
            state = event.after(state)
        self._state = state
        if any(event.saved for event in events) or state.doomed != before.doomed:
            try:
                self._save()
            except NotSaved:
                # Also when nothing has changed: what comes next, such as the end of
                # this start, is of no use before the database takes it.
                self.write_later(self, self._save)
                if any(event.ahead for event in events):
                    self._state = before
                    raise
        self.on_change()

    def _save(self) -> None:
        self.hub.save()

    def write_later(self, key: Hashable, write: Callable[[], None]) -> None:
        """Write what the database has refused as soon as it takes it."""
        self.runtime.unsaved.add(key, write, self.log)

    # -- its use ---------------------------------------------------------------

    def saw(self, seen: Seen) -> None:
        """Take note of what its machine has seen. Only a press of *Keep* is written."""
        now = time.time()
        kept = self.use.saw(seen, self.launch, now)
        if kept and not self._is_spent() and self.applied(kept):
            minutes = (kept.until - now) / 60
            self.log.info(
                "%s is kept for %i min, as its user asks", self.label, minutes
            )
        self.judge(now)

    def judge(self, now: float) -> Verdict:
        """Whether it is to go on, by all that is known now."""
        return self.use.judge(self.launch, self.hub.last_activity, now)

    @property
    def promised(self) -> IdlePolicy:
        """What its user is told of its time: nothing where this Hub stops nobody."""
        return self.launch.idle if self.runtime.stops_idle else IdlePolicy()

    @property
    def verdict(self) -> Verdict:
        """What its user is told of its use."""
        return self.use.verdict if self.runtime.stops_idle else UNKNOWN

    def _is_spent(self) -> bool:
        """A budget that it comes under is used up."""
        budgeting, user = self.runtime.budgeting, self.hub.user_row
        if not budgeting.budgets:
            return False
        groups = [group.name for group in user.groups]
        return budgeting.decision(user.name, groups).refused_by is not None

    # -- the end of a start -----------------------------------------------------

    def start_succeeded(self, how: str) -> None:
        """Count it, and remember how long it took.

        :param how: from a machine that was at rest, "stop" or "hibernate"; that was
            "ready"; or empty for a fresh one
        """
        self.failure = None
        start_ended()
        kind = kind_of(self.settings, self.launch.instance_type, how)
        stages = self.progress.stages()
        phases_took(stages)
        self.runtime.history.add(kind, stages)

    def start_failed(self, error: BaseException | None) -> None:
        """Count it, and remember what an admin is to be told.

        :param error: None when somebody has cancelled it
        """
        start_ended(reason_of(error))
        self.failure = None
        if error is not None:
            steps = tuple(map(str, self.progress.steps))
            self.failure = failure_of(error, self.launch, time.time(), steps)

    def log_step(self, step: Step) -> None:
        """A line for each step of a start."""
        self.log.info("%s", step.as_line(self.label, self.launch))

    async def log_console(self, error: EC2SpawnError) -> None:
        """Put what an admin needs to understand a failed boot into the Hub's log."""
        instance_id = self.launch.instance_id
        if not instance_id:
            return
        try:
            tail = await asyncio.wait_for(
                self.fleet.console_tail(instance_id), _CONSOLE_SECONDS
            )
        except asyncio.TimeoutError:
            tail = "(EC2 did not answer in time)"
        self.log.debug("The console of %s:\n%s", instance_id, tail)
        self.log.warning(
            "%s failed: %s The console of %s ends with: %s",
            self.label,
            error.log_message,
            instance_id,
            last_lines(tail),
        )

    @property
    def saved_all(self) -> bool:
        """The database has taken every change of the state."""
        return self not in self.runtime.unsaved

    async def until_saved(self, seconds: float = _SAVING_SECONDS) -> None:
        """Return once the database has taken every change of this Hub's servers, or
        has not for so long."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.runtime.unsaved.written(), seconds)

    def applied(self, *events: Event) -> bool:
        """Whether events that may come too late did not."""
        try:
            self.apply(*events)
        except NotNow as e:
            self.log.debug("%s: not now: %s", self.label, e)
            return False
        return True

    def refuse_unreadable(self) -> None:
        """
        :raises EC2SpawnError: when nobody can say what there is of the server
        """
        if self.unreadable is not None:
            raise EC2SpawnError(
                "What this hub has saved of your server cannot be read, so nothing is "
                "started and nothing is lost. Please tell your hub's admin.",
                reason=Reason.CONFIG,
                log_message="The saved state cannot be read; was it written by a newer "
                "ec2spawner? It is kept as it is",
            )

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take on what was saved, in this process or in another."""
        try:
            self._state = HubRestarted().after(from_dict(saved))
        except UnreadableState as e:
            self.unreadable = dict(saved)
            self.log.error(
                "The saved state of %s cannot be read (%s). It is kept as it is, and "
                "the server is not started before it can be",
                self.label,
                e,
            )

    def saved(self) -> dict[str, Any]:
        """What is to be in the database."""
        if self.unreadable is not None:
            return dict(self.unreadable)
        return to_dict(self._state)

    # -- names -----------------------------------------------------------------

    @property
    def label(self) -> str:
        """How the Hub's log calls the server."""
        return self.hub.label

    @property
    def hub_id(self) -> str:
        return str(self.settings.hub_id)

    @property
    def server_url(self) -> str:
        """Where the server listens. The address is EC2's word, not the machine's."""
        scheme = "https" if self.runtime.authority else "http"
        return f"{scheme}://{self.launch.private_ip}:{self.launch.port}"

    # -- machines ----------------------------------------------------------------

    @property
    def fleet(self) -> Fleet:
        """The machines of this hub in the region of this server."""
        return self.fleet_in(self.launch.region)

    def fleet_in(self, region: str) -> Fleet:
        """The machines of this hub in a region; empty for the setting's."""
        settings = self.settings
        account = Account(region or settings.region, settings.endpoint_url)
        key = FleetKey(self.hub_id, account)
        fast, slow = settings.fast_interval, settings.slow_interval
        return self.runtime.fleets.get(key, fast, slow, self.log)

    def fleets(self) -> Iterable[Fleet]:
        """Those of this hub in all regions that have had a server, this one's first."""
        return dict.fromkeys([self.fleet, *self.runtime.fleets.of_hub(self.hub_id)])
