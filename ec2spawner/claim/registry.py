"""Where launches wait for their machines: which claim belongs to which server."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from ..core.idleness import Seen
from ..core.state import Doomed, Launch
from .messages import Claim, Orders, Report


class Claimant(Protocol):
    """A server whose machine may come to claim."""

    @property
    def claim_timeout(self) -> float:
        """Seconds after the launch within which a claim counts."""

    @property
    def claims_as_root(self) -> bool:
        """Only root's programs may claim, as their port shows."""

    @property
    def hub_silence_limit(self) -> float:
        """Seconds for which the machine may live without a word from the Hub."""

    @property
    def launch(self) -> Launch:
        """What the database remembers of its launch."""

    async def owns_its_address(self) -> bool:
        """Whether EC2 says, after this was asked, that its machine has its address."""

    def why_not_its(self, claim: Claim) -> str:
        """Why EC2's document of who claims is not its machine's; empty when it is."""

    async def look_again(self) -> None:
        """Let the Hub find out whether the machine is over, and act on it."""

    def give_orders(self, claim: Claim) -> Awaitable[Orders]:
        """Mark the launch claimed, in the database, at once; then make its orders."""

    def alive(self) -> None:
        """Its machine has asked something."""

    def saw(self, seen: Seen) -> None:
        """Take note of what its machine has seen of its use."""

    @property
    def next_beat(self) -> float:
        """Seconds in which the machine is to say again what it sees."""

    def told(self) -> Mapping[str, Any]:
        """What its user is to know, for Jupyter; empty for nothing."""

    def heard(self, report: Report) -> None:
        """Take note of a step that the machine reports."""


class Registry:
    """The launches of this Hub that have a machine, or may have, by launch id."""

    def __init__(self) -> None:
        self._waiting: dict[str, Claimant] = {}
        self._doomed: dict[str, Doomed] = {}

    def open(self, launch_id: str, claimant: Claimant) -> None:
        self._waiting[launch_id] = claimant

    def close(self, launch_id: str) -> None:
        self._waiting.pop(launch_id, None)

    def get(self, launch_id: str) -> Claimant | None:
        return self._waiting.get(launch_id)

    def at(self, address: str) -> list[Claimant]:
        """Who is thought to have a machine at this address."""
        return [c for c in self._waiting.values() if c.launch.private_ip == address]

    def doom(self, doomed: Doomed) -> None:
        """The machine of this launch is to be ended: tell it so when it asks.

        One that never claimed cannot ask.
        """
        if doomed.machine_key_hash:
            self._doomed[doomed.launch_id] = doomed

    def forget(self, doomed: Doomed) -> None:
        """It has ended."""
        if self._doomed.get(doomed.launch_id) == doomed:
            del self._doomed[doomed.launch_id]

    def doomed(self, launch_id: str) -> Doomed | None:
        """The launch, if its machine is to be ended."""
        return self._doomed.get(launch_id)
