"""What the Hub's database remembers of a server: dataclass <-> state dict.

The Hub shows this dict to API clients that may read server state, so it holds
no secret: nonces and keys are kept as SHA-256 digests, tokens as database ids.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any

STATE_VERSION = 1

# EC2 user guide, "Limitations of hibernation": 60 days.
MOST_HIBERNATION = 60 * 86400.0


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
    """A machine that may still exist although no server is to have it.

    :ivar instance_id: empty while EC2 has not named it
    :ivar client_token: of the one attempt of the launch that is meant; empty for
        whatever the launch has made
    """

    launch_id: str
    instance_id: str = ""
    region: str = ""
    client_token: str = ""
    #: lets the machine itself ask, and be told that it is to end
    machine_key_hash: str = ""


@dataclass(frozen=True)
class Asleep:
    """A server in the memory of a machine that hibernates.

    :ivar machine_key_hash: of the boot that it belongs to
    :ivar token_prefix: how the Hub finds its token, and with ``token_hash``, which
        is the Hub's own, all that the Hub itself knows of a token
    :ivar digest: of what it was told, and would have to be told again
    """

    machine_key_hash: str
    token_prefix: str
    token_hash: str
    digest: str


@dataclass(frozen=True)
class Rest:
    """A machine that is stopped, or is to be, until its server starts again.

    Times are seconds since the epoch, UTC.
    """

    launch_id: str
    instance_id: str
    private_ip: str
    zone: str
    region: str
    instance_type: str
    #: of what cannot be changed while a machine is stopped: ``launch.fingerprint``
    fingerprint: str
    how: str  # "stop" or "hibernate"
    since: float
    until: float  # 0 for ever
    ready_at: float
    #: EC2 has confirmed that the machine is stopping
    certain: bool = False
    server: Asleep | None = None


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
    market: str = ""
    image_id: str = ""
    profile: str = ""
    nonce_hash: str = ""
    machine_key_hash: str = ""
    claimed_at: float = 0.0
    #: when its orders were ready for the machine to take
    ordered_at: float = 0.0
    ready_at: float = 0.0
    token_id: int = 0
    #: what EC2 has announced on the present machine, in words for the user
    announced: str = ""
    #: why the last machine is over that the user did not stop; told until a start
    last_end: str = ""
    #: that the home could not be mounted on the present machine
    rescued: str = ""
    #: the volume with the user's files; it outlives every launch
    home_id: str = ""
    home_region: str = ""
    #: whose home it is: "user" or "server"
    home_kind: str = ""
    #: it has moved, and the volume that it has moved from may still be there
    home_moved: bool = False
    #: what becomes of the machine at a stop: "stop", "hibernate", or "" for its end
    on_stop: str = ""
    #: how long it may rest then, seconds; 0 for ever
    stopped_ttl: float = 0.0
    fingerprint: str = ""
    #: mount path -> EC2's name for the device, of each data volume
    data_devices: dict[str, str] = field(default_factory=dict)
    resting: Rest | None = None
    #: the server of the present launch, when it may hibernate
    server: Asleep | None = None
    #: the one that was in the machine's memory when it was woken
    woken: Asleep | None = None
    tombstones: list[Tombstone] = field(default_factory=list)

    @property
    def launching(self) -> bool:
        """Something of ours may exist: a launch was recorded and has not ended."""
        return bool(self.launch_id)

    @property
    def rests(self) -> bool:
        """The machine of the present launch is to rest, not to end."""
        return self.resting is not None and self.resting.launch_id == self.launch_id

    @property
    def may_rest(self) -> bool:
        """Its machine is worth keeping: it has served, and the settings want it."""
        # EC2 user guide, "Stop a Spot Instance": not of a one-time request.
        can = self.on_stop and self.market != "spot"
        return bool(can and self.instance_id and self.ready_at)

    def cleared(self) -> ServerState:
        """What outlives a launch: who the server is, its rest, and its dead."""
        return ServerState(
            server_id=self.server_id,
            home_id=self.home_id,
            home_region=self.home_region,
            home_kind=self.home_kind,
            home_moved=self.home_moved,
            last_end=self.last_end,
            resting=self.resting,
            tombstones=list(self.tombstones),
        )

    def lay_down(self, now: float) -> None:
        """Remember the machine of the present launch as one that is to rest."""
        seconds = self.stopped_ttl
        if self.on_stop == "hibernate":
            seconds = min(seconds or MOST_HIBERNATION, MOST_HIBERNATION)
        self.resting = Rest(
            launch_id=self.launch_id,
            instance_id=self.instance_id,
            private_ip=self.private_ip,
            zone=self.zone,
            region=self.region,
            instance_type=self.instance_type,
            fingerprint=self.fingerprint,
            how=self.on_stop,
            since=now,
            until=now + seconds if seconds else 0.0,
            ready_at=self.ready_at,
            server=self.server or self.woken,
        )

    def bury(self) -> None:
        """Remember the present launch as one whose machine may still exist."""
        self._dig(
            Tombstone(
                self.launch_id,
                self.instance_id,
                self.region,
                machine_key_hash=self.machine_key_hash,
            )
        )

    def bury_rest(self) -> None:
        """The machine that rests is not wanted any more."""
        if rest := self.resting:
            self._dig(Tombstone(rest.launch_id, rest.instance_id, rest.region))
            self.resting = None

    def _dig(self, grave: Tombstone) -> None:
        if grave.launch_id and grave not in self.tombstones:
            self.tombstones = [
                t
                for t in self.tombstones
                # With a machine's name it says nothing of other attempts.
                if t.launch_id != grave.launch_id
                or (t.client_token and grave.instance_id)
            ] + [grave]

    def bury_attempt(self, client_token: str) -> None:
        """Remember an attempt that stayed in doubt, while the launch goes on."""
        grave = Tombstone(self.launch_id, "", self.region, client_token)
        self.tombstones = [*self.tombstones, grave]

    def begin_attempt(
        self, client_token: str, market: str, instance_type: str, now: float
    ) -> None:
        """An attempt is about to be made: whatever came before it made nothing, or
        has ended."""
        self.phase = Phase.REQUESTED
        self.client_token = client_token
        self.market, self.instance_type = market, instance_type
        self.instance_id = self.private_ip = self.zone = ""
        self.launched_at = now

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict with the fields that hold something."""
        saved = {
            name: value
            for name, value in asdict(self).items()
            if value not in ("", 0, 0.0, [], {}, None)
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
        for name in ("server", "woken"):
            if values.get(name):
                values[name] = Asleep(**values[name])
        if rest := values.get("resting"):
            asleep = rest.get("server")
            server = Asleep(**asleep) if asleep else None
            values["resting"] = Rest(**{**rest, "server": server})
        return replace(cls(), **values)
