"""What the Hub's database remembers of a server: dataclass <-> state dict.

The Hub shows this dict to API clients that may read server state, so it holds
no secret: nonces and keys are kept as SHA-256 digests, tokens as database ids.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any

STATE_VERSION = 1


class Phase(str, Enum):
    """How far a launch has come. Each one is in the database before it is acted on."""

    NONE = "none"
    REQUESTED = "requested"  # written before RunInstances
    BOOTING = "booting"  # EC2 has named the machine
    CLAIMED = "claimed"  # the machine has its orders
    READY = "ready"  # the server has answered
    STOPPING = "stopping"


@dataclass(frozen=True)
class Tombstone:
    """A machine that may still exist although its server is gone from the Hub."""

    launch_id: str
    instance_id: str = ""


@dataclass
class ServerState:
    """One server's memory. Times are seconds since the epoch, UTC."""

    server_id: str = ""
    phase: Phase = Phase.NONE
    launch_id: str = ""
    client_token: str = ""
    launched_at: float = 0.0
    region: str = ""
    instance_id: str = ""
    private_ip: str = ""
    port: int = 0
    zone: str = ""
    instance_type: str = ""
    image_id: str = ""
    profile: str = ""
    nonce_hash: str = ""
    machine_key_hash: str = ""
    claimed_at: float = 0.0
    ready_at: float = 0.0
    token_id: int = 0
    #: why the last machine is over that the user did not stop; told until a start
    last_end: str = ""
    tombstones: list[Tombstone] = field(default_factory=list)

    @property
    def launching(self) -> bool:
        """Something of ours may exist: a launch was recorded and has not ended."""
        return bool(self.launch_id)

    def cleared(self) -> ServerState:
        """What outlives a launch: who the server is, and what is still to be buried."""
        return ServerState(
            server_id=self.server_id,
            last_end=self.last_end,
            tombstones=list(self.tombstones),
        )

    def bury(self) -> None:
        """Remember the present launch as one whose machine may still exist."""
        grave = Tombstone(self.launch_id, self.instance_id)
        if grave.launch_id and grave not in self.tombstones:
            self.tombstones = [
                t for t in self.tombstones if t.launch_id != grave.launch_id
            ] + [grave]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict with the fields that hold something."""
        saved = {
            name: value
            for name, value in asdict(self).items()
            if value not in ("", 0, 0.0, [])
        }
        saved["phase"] = self.phase.value
        saved["version"] = STATE_VERSION
        return saved

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> ServerState:
        """Read a state dict, of this version or an older one.

        Unknown keys are dropped: a newer version may have written them before
        an admin went back to this one.

        :raises ValueError: when a known field holds what it cannot hold
        """
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in saved.items() if name in known}
        values["phase"] = Phase(values.get("phase", Phase.NONE.value))
        values["tombstones"] = [Tombstone(**t) for t in values.get("tombstones", [])]
        return replace(cls(), **values)
