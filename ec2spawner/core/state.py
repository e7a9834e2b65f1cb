"""What is remembered of one server, and what follows from it. Pure.

*What is* (``Phase``) and *what it is to become* (``Wish``) decide together what happens
next: ``ACTS`` is the whole table. Nothing beside it decides the fate of a machine. The
state changes by events only (``events.py``); ``saved_state.py`` brings it to the Hub's
database and back.

The Hub shows this to API clients that may read server state, so it holds no secret:
nonces and keys are kept as SHA-256 digests, tokens as database ids. All times are
seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import product
from typing import Any

from .idleness import IdlePolicy

# EC2 user guide, "Limitations of hibernation": 60 days.
MOST_HIBERNATION = 60 * 86400.0


class Phase(str, Enum):
    """How far a launch has come. Each one is saved before it is acted on."""

    PLANNED = "planned"  # a start is under way, and EC2 has been asked for nothing
    REQUESTED = "requested"  # written before RunInstances or StartInstances
    BOOTING = "booting"  # EC2 has named the machine
    CLAIMED = "claimed"  # the machine has its orders
    READY = "ready"  # the server has answered
    OVER = "over"  # EC2 has confirmed what became of it


class Wish(str, Enum):
    """What is to become of a launch. It never goes back up this list."""

    SERVE = "serve"  # its server is to run
    KEEP = "keep"  # stop or hibernate its machine, if that is worth it
    END = "end"  # terminate its machine


class Act(Enum):
    """What is to be done next, in words."""

    ASK = "wake the stopped machine, or ask EC2 for one"
    AWAIT_ANSWER = "wait for EC2's answer; after a restart of the Hub look for it"
    AWAIT_CLAIM = "wait until the machine claims its orders"
    AWAIT_READY = "wait until the machine says that its server answers"
    WATCH = "look at it whenever the Hub polls"
    LET_GO = "nothing: EC2 was asked for nothing, and a stopped machine stays stopped"
    FIND = "wait for EC2's answer or look for the machine, then end it"
    STOP = "StopInstances, until EC2 confirms it"
    TERMINATE = "TerminateInstances, until EC2 confirms it"
    NOTHING = "nothing: EC2 has confirmed what became of it"


# KEEP means END for a machine that is not worth keeping (``Launch.worth_keeping``).
ACTS: Mapping[tuple[Phase, Wish], Act] = {
    (Phase.PLANNED, Wish.SERVE): Act.ASK,
    (Phase.PLANNED, Wish.KEEP): Act.LET_GO,
    (Phase.PLANNED, Wish.END): Act.LET_GO,
    (Phase.REQUESTED, Wish.SERVE): Act.AWAIT_ANSWER,
    (Phase.REQUESTED, Wish.KEEP): Act.STOP,
    (Phase.REQUESTED, Wish.END): Act.FIND,
    (Phase.BOOTING, Wish.SERVE): Act.AWAIT_CLAIM,
    (Phase.BOOTING, Wish.KEEP): Act.STOP,
    (Phase.BOOTING, Wish.END): Act.TERMINATE,
    (Phase.CLAIMED, Wish.SERVE): Act.AWAIT_READY,
    (Phase.CLAIMED, Wish.KEEP): Act.STOP,
    (Phase.CLAIMED, Wish.END): Act.TERMINATE,
    (Phase.READY, Wish.SERVE): Act.WATCH,
    (Phase.READY, Wish.KEEP): Act.STOP,
    (Phase.READY, Wish.END): Act.TERMINATE,
    (Phase.OVER, Wish.SERVE): Act.NOTHING,
    (Phase.OVER, Wish.KEEP): Act.NOTHING,
    (Phase.OVER, Wish.END): Act.NOTHING,
}
assert set(ACTS) == set(product(Phase, Wish))


@dataclass(frozen=True)
class Doomed:
    """A machine that is still to be terminated: EC2 has not confirmed its end.

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
class ServerInMemory:
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
class StoppedMachine:
    """A machine that is stopped, or is to be, until its server starts again."""

    launch_id: str
    instance_id: str
    private_ip: str = ""
    zone: str = ""
    region: str = ""
    instance_type: str = ""
    #: of what cannot be changed while a machine is stopped: ``LaunchPlan.fingerprint``
    fingerprint: str = ""
    how: str = ""  # "stop" or "hibernate"
    since: float = 0.0
    until: float = 0.0  # 0 for ever
    ready_at: float = 0.0
    #: EC2 has confirmed that the machine is stopping
    certain: bool = False
    #: how often in a row it was woken, and its server did not come
    failed_wakes: int = 0
    server: ServerInMemory | None = None

    @property
    def hibernates(self) -> bool:
        """What is in its memory is to be kept."""
        return self.how == "hibernate"

    @property
    def doomed(self) -> Doomed:
        """The same machine, once nobody wants it any more."""
        return Doomed(self.launch_id, self.instance_id, self.region)


@dataclass(frozen=True)
class HomeRef:
    """The volume with the user's files; it outlives every launch.

    :ivar kind: whose home it is, "user" or "server"
    :ivar moved: it has moved, and the volume that it has moved from may still be there
    """

    id: str
    region: str = ""
    kind: str = ""
    moved: bool = False


@dataclass(frozen=True)
class Launch:
    """One try to get a machine for one server."""

    #: of the start that it belongs to; a late answer to another start is none to this
    start_id: str
    #: as the machine's tag has it: of this start, or of the one that made the machine
    id: str
    phase: Phase = Phase.PLANNED
    wish: Wish = Wish.SERVE
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
    nonce_hash: str = ""
    machine_key_hash: str = ""
    claimed_at: float = 0.0
    #: when its orders were ready for the machine to take
    ordered_at: float = 0.0
    #: when a server on this machine has answered, now or before it was woken
    ready_at: float = 0.0
    #: how often in a row the machine was woken before, and its server did not come
    failed_wakes: int = 0
    #: the server's token: the id of its row in the Hub's database
    token_id: int = 0
    #: when it was made, as its row has it: another may get the same id after it
    token_made: float = 0.0
    #: what EC2 has announced on the machine, in words for the user
    announced: str = ""
    #: since when its agent says nothing while EC2 says that it runs; 0 while it does
    silent_since: float = 0.0
    #: seconds that the machine may run; 0 for no limit
    max_lifetime: float = 0.0
    #: when its server is stopped that nobody uses
    idle: IdlePolicy = IdlePolicy()
    #: to when its user has asked to keep it, what all presses have given, seconds, and
    #: the number of the last one
    kept_until: float = 0.0
    kept_seconds: float = 0.0
    kept_press: float = 0.0
    #: that the home could not be mounted on the machine
    rescued: str = ""
    #: what becomes of the machine at a stop: "stop", "hibernate", or "" for its end
    on_stop: str = ""
    #: how long it may be stopped then, seconds; 0 for ever
    stopped_ttl: float = 0.0
    fingerprint: str = ""
    #: mount path -> EC2's name for the device, of each data volume
    data_devices: Mapping[str, str] = field(default_factory=dict)
    #: its server, when it may hibernate
    server: ServerInMemory | None = None
    #: the server that was in the machine's memory when it was woken
    woken: ServerInMemory | None = None

    @property
    def worth_keeping(self) -> bool:
        """Its machine has served, can stop, and the settings want it stopped."""
        # EC2 user guide, "Stop a Spot Instance": not of a one-time request.
        can_stop = self.on_stop and self.market != "spot"
        return bool(can_stop and self.instance_id and self.ready_at)

    @property
    def act(self) -> Act:
        """What is to be done next."""
        keeps = self.wish is not Wish.KEEP or self.worth_keeping
        return ACTS[self.phase, self.wish if keeps else Wish.END]

    def stopped(self, now: float, certain: bool) -> StoppedMachine:
        """Its machine as one that is stopped, or is to be."""
        seconds = self.stopped_ttl
        if self.on_stop == "hibernate":
            seconds = min(seconds or MOST_HIBERNATION, MOST_HIBERNATION)
        return StoppedMachine(
            launch_id=self.id,
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
            certain=certain,
            failed_wakes=self.failed_wakes,
            server=self.server or self.woken,
        )

    @property
    def doomed(self) -> Doomed:
        """What it has made, or may have made, once nobody wants it any more."""
        return Doomed(
            self.id,
            self.instance_id,
            self.region,
            machine_key_hash=self.machine_key_hash,
        )


@dataclass(frozen=True)
class LastStop:
    """The last time that the Hub has stopped the server as its time was over.

    :ivar limit: which time: "idle", "busy" or "age" (``idleness.Limit``)
    :ivar idle_since: since when it was not used; 0 when it was
    :ivar usd: what its machine had cost since it was started; 0 when nobody knows
    """

    limit: str = ""
    at: float = 0.0
    idle_since: float = 0.0
    usd: float = 0.0


# Of a server without a launch, for those who ask what a launch would say.
NO_LAUNCH = Launch("", "", Phase.OVER)


@dataclass(frozen=True)
class ServerState:
    """One server's memory."""

    server_id: str = ""
    #: the profile that was chosen for the present launch
    profile: str = ""
    launch: Launch | None = None
    stopped: StoppedMachine | None = None
    doomed: tuple[Doomed, ...] = ()
    home: HomeRef | None = None
    #: why the last machine is over that the user did not stop; told until a start
    last_end: str = ""
    last_stop: LastStop | None = None
    #: what a newer version has written beside this: not ours to lose
    unknown: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def current(self) -> Launch:
        """The launch; one that says nothing when there is none."""
        return self.launch or NO_LAUNCH

    @property
    def may_have_machine(self) -> bool:
        """A machine of the launch exists or may exist, or is being asked for."""
        return self.current.phase is not Phase.OVER

    @property
    def home_id(self) -> str:
        """The volume id of the home; empty when none is known."""
        return self.home.id if self.home else ""

    def with_launch(self, **changes: Any) -> ServerState:
        """The same with another launch, for ``events.py`` alone."""
        assert self.launch is not None, "there is a launch to change"
        return replace(self, launch=replace(self.launch, **changes))

    def with_doomed(self, *doomed: Doomed) -> ServerState:
        """The same with more to terminate, for ``events.py`` alone.

        What is known best of a launch replaces what was known of it before.
        """
        kept = self.doomed
        for new in doomed:
            if not new.launch_id or new in kept:
                continue
            kept = (*(old for old in kept if not _says_all_of(new, old)), new)
        return replace(self, doomed=kept)


def _says_all_of(new: Doomed, old: Doomed) -> bool:
    """Who ends the one has ended the other as well."""
    if old.launch_id != new.launch_id or new.client_token:
        return False
    if old.instance_id:  # a launch may have made a second machine
        return old.instance_id == new.instance_id
    # With a machine's name it says nothing of other attempts.
    return not (old.client_token and new.instance_id)
