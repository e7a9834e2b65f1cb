"""A server as the parts of its life see it: its settings, its memory, its Hub."""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Any

from sqlalchemy.orm import Session

from ..core.state import ServerState
from ..ec2.machines import Machine
from ..fleet.fleet import Fleet
from ..settings import LaunchSettings
from . import notices

# An EC2 that is silent for a moment is nobody's concern.
_WORTH_TELLING_SECONDS = 60.0


class Server(LaunchSettings):
    """What choice, start and conversation may use of a spawner, and no more.

    It stands below them and below ``EC2Spawner``, so that imports point one way.
    """

    #: what the database remembers, and what is to be saved there next
    state: ServerState
    #: the machine said that its server has ended, and we end the machine
    server_ended: bool
    #: the profile that a link asked for, to preselect it on the form
    asked_for: object

    # Of JupyterHub's Spawner, which has no types.
    log: Any
    user: Any
    name: str
    orm_spawner: Any
    server: Any
    hub_connect_url: Any
    api_token: str
    port: int
    cmd: list[str]
    _log_name: str
    get_args: Any
    pending: Any
    poll_and_notify: Any
    get_env: Any

    @property
    @abstractmethod
    def fleet(self) -> Fleet:
        """The machines of this hub in the region of this server."""

    @abstractmethod
    def fleet_in(self, region: str) -> Fleet:
        """The machines of this hub in a region; empty for the setting's."""

    @property
    @abstractmethod
    def db_session(self) -> Session:
        """The Hub's database session."""

    @property
    @abstractmethod
    def server_url(self) -> str:
        """Where the server listens. The address is EC2's word, not the machine's."""

    @property
    @abstractmethod
    def hub_api_url(self) -> str:
        """Where machines find the Hub's API."""

    @abstractmethod
    def save_state(self) -> None:
        """Commit the state now: the Hub itself does so only after a start."""

    @abstractmethod
    async def restore_choice(self) -> None:
        """Take on the profile again after the Hub was restarted during a launch."""

    def notices(self) -> list[str]:
        """What the user should know of the machine, for the Hub's pages."""
        state = self.state
        if not state.launching:
            return [state.last_end] if state.last_end else []
        since = self.fleet.health.impaired_since(state.instance_id)
        found = [notices.impaired(state.instance_id, since)] if since else []
        found += [text for text in (state.announced, state.rescued) if text]
        silent = self.fleet.inventory.failing_since
        if silent and time.time() - silent > _WORTH_TELLING_SECONDS:
            found.append(notices.silence(silent))
        return found

    def ended_behind_us(self, machine: Machine | None) -> None:
        """Keep the words for the user, once: a machine is found to be over often.

        :param machine: as EC2 shows it; None when it shows it no more
        """
        if self.server_ended or self.state.last_end:
            return
        now = time.time()
        self.state.last_end = (
            notices.ended(machine, now)
            if machine
            else notices.lost(self.state.instance_id, now)
        )

    @abstractmethod
    def see_to_the_rest(self) -> None:
        """Go on, in the background, with what is to be stopped or ended."""

    @abstractmethod
    def end_rest(self) -> None:
        """Terminate the machine that rests for this server, if any does."""

    @abstractmethod
    async def rest_settled(self) -> None:
        """Return when nothing tries to stop the machine that rests any more."""

    @abstractmethod
    def server_has_ended(self) -> None:
        """The machine says that its server is gone for good: end the machine."""
