"""A machine of the pool, from its launch until it is given away or ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..claim.messages import Claim, Orders, Report
from ..claim.registry import Claimant, Registry
from ..core.idleness import Seen
from ..core.ids import secret_hash
from ..core.state import Doomed, Launch, Phase
from ..ec2.inventory import Inventory
from ..launch.address import owns_its_address
from ..launch.identity import why_not_its
from ..settings import LaunchSettings

# Between two claims a machine pauses for less than half a second (``agent/hub.py``).
_PAUSE_SECONDS = 2.0

# What a choice changes of a machine, beside its size.
_TELLING = (
    *("region", "image", "repository", "market", "subnets", "security_groups"),
    *("root_volume_size", "data_volumes", "on_stop", "iam_instance_profile"),
    *("key_name", "setup_script", "preload_server", "user_account", "server_path"),
)


class Member:
    """It claims as any machine does, and then waits for orders: the Hub holds its
    question. It has nothing of a user, and is told nothing before it is somebody's.

    A ``Claimant``, to whom the server that gets it is the heir.
    """

    def __init__(
        self,
        launch: Launch,
        kind: str,
        settings: LaunchSettings,
        registry: Registry,
        inventory: Inventory,
    ) -> None:
        self._launch = launch
        self.kind = kind
        self._settings = settings
        self._registry = registry
        self._inventory = inventory
        self._heir: asyncio.Future[Claimant] | None = None
        #: how many of its questions are held
        self._held = 0
        #: when it was heard of last, or is expected from; monotonic seconds
        self.heard_at = time.monotonic()

    @property
    def launch(self) -> Launch:
        return self._launch

    @property
    def doomed(self) -> Doomed:
        """The same machine, once nobody wants it any more."""
        return self._launch.doomed

    @property
    def listens(self) -> bool:
        """It has proved who it is, and would have orders at once."""
        if not self._launch.claimed_at:
            return False
        heard = time.monotonic() - self.heard_at < _PAUSE_SECONDS
        return self._held > 0 or heard

    @property
    def is_silent(self) -> bool:
        """It has said nothing for longer than a machine may take to claim."""
        silent = time.monotonic() - self.heard_at
        return not self._held and silent > self.claim_timeout

    def is_made_by(self, setting: Callable[[str], Any], types: Sequence[str]) -> bool:
        """Whether a start of these settings would have it, as far as a form can tell.

        :param setting: gives a setting by its name
        """
        same = all(setting(name) == getattr(self._settings, name) for name in _TELLING)
        return same and list(types) == self._settings.types

    def hand_over(self, heir: Claimant) -> None:
        """From now on it is a server's: what it asks, that answers."""
        if self._heir is not None and not self._heir.done():
            self._heir.set_result(heir)

    # -- as a Claimant ---------------------------------------------------------------

    @property
    def claim_timeout(self) -> float:
        return float(self._settings.claim_timeout)

    @property
    def claims_as_root(self) -> bool:
        return bool(self._settings.claims_as_root)

    @property
    def hub_silence_limit(self) -> float:
        return float(self._settings.hub_silence_limit)

    async def owns_its_address(self) -> bool:
        """Whether EC2 says, after this was asked, that its machine has its address."""
        return await owns_its_address(self._registry, self._inventory, self)

    def why_not_its(self, claim: Claim) -> str:
        """Why EC2's document of who claims is not its machine's; empty when it is."""
        # Since when it is waited for says nothing of one that an earlier Hub launched.
        launch = replace(self._launch, launched_at=0.0)
        shown = self._inventory.get(launch.instance_id)
        return why_not_its(self._settings, launch, shown, claim.identity)

    async def look_again(self) -> None:
        """Another machine has its address, EC2 says: this one is over."""
        await self._inventory.news_of(self._launch.instance_id)
        self._registry.close(self._launch.id)

    def give_orders(self, claim: Claim) -> Awaitable[Orders]:
        """Hold the question until the machine is somebody's. The first key that has
        claimed is the machine's: no other is ever answered."""
        if not self._launch.claimed_at:
            self._launch = replace(
                self._launch,
                phase=Phase.CLAIMED,
                claimed_at=time.time(),
                machine_key_hash=secret_hash(claim.machine_key),
            )
        return self._wait(claim)

    async def _wait(self, claim: Claim) -> Orders:
        if self._heir is None:
            self._heir = asyncio.get_running_loop().create_future()
        self._held += 1
        try:
            heir = await asyncio.shield(self._heir)
        finally:
            self._held -= 1
            self.heard_at = time.monotonic()
        return await heir.give_orders(claim)

    def alive(self) -> None:
        """It asks nothing but for orders."""

    def saw(self, seen: Seen) -> None:
        """Nobody uses it."""

    @property
    def next_beat(self) -> float:
        return self.hub_silence_limit

    def told(self) -> Mapping[str, Any]:
        return {}

    def heard(self, report: Report) -> None:
        """It has no orders to report of."""
