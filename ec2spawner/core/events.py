"""What can happen to a launch, and how that changes what is remembered of it. Pure.

Each event says in which phases it is possible; one that comes at another time, or of a
start that is over, raises ``NotNow`` and changes nothing. What happens to a machine or
a home that no launch has is in ``kept_events.py``; what a user is to know of it, in
``notice_events.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .event import Event, NotNow
from .idleness import IdlePolicy
from .state import Doomed, Launch, Phase, ServerInMemory, ServerState, Wish

_WISHES = list(Wish)
_UNDER_WAY = frozenset(set(Phase) - {Phase.OVER})


# -- a start --------------------------------------------------------------------


@dataclass(frozen=True)
class Begun(Event):
    """A start is under way. What an earlier launch may have left is doomed."""

    start_id: str
    server_id: str
    now: float
    saved = False

    def _after(self, state: ServerState) -> ServerState:
        profile = state.profile
        free = LetGo(self.now).after(state)
        launch = Launch(self.start_id, self.start_id)
        return replace(free, server_id=self.server_id, profile=profile, launch=launch)


@dataclass(frozen=True)
class Chosen(Event):
    """The user's choice has been taken on."""

    profile: str
    saved = False

    def _after(self, state: ServerState) -> ServerState:
        return replace(state, profile=self.profile)


@dataclass(frozen=True)
class Planned(Event):
    """What is to be launched is known, and EC2 has been asked for nothing yet."""

    start_id: str
    region: str
    image_id: str
    fingerprint: str
    token_id: int
    port: int
    on_stop: str
    stopped_ttl: float
    data_devices: Mapping[str, str]
    max_lifetime: float = 0.0
    idle: IdlePolicy = IdlePolicy()
    token_made: float = 0.0
    phases = frozenset({Phase.PLANNED})
    serving = True
    saved = False

    def _after(self, state: ServerState) -> ServerState:
        return state.with_launch(
            region=self.region,
            image_id=self.image_id,
            fingerprint=self.fingerprint,
            token_id=self.token_id,
            token_made=self.token_made,
            port=self.port,
            on_stop=self.on_stop,
            stopped_ttl=self.stopped_ttl,
            data_devices=self.data_devices,
            max_lifetime=self.max_lifetime,
            idle=self.idle,
        )


@dataclass(frozen=True)
class Attempted(Event):
    """RunInstances is about to be sent: whatever came before it made nothing, or has
    ended, or is doomed."""

    start_id: str
    client_token: str
    nonce_hash: str
    market: str
    instance_type: str
    fingerprint: str
    on_stop: str
    now: float
    phases = frozenset({Phase.PLANNED, Phase.REQUESTED, Phase.BOOTING})
    serving = True
    ahead = True

    def _after(self, state: ServerState) -> ServerState:
        return in_doubt(state).with_launch(
            id=self.start_id,
            phase=Phase.REQUESTED,
            client_token=self.client_token,
            nonce_hash=self.nonce_hash,
            market=self.market,
            instance_type=self.instance_type,
            fingerprint=self.fingerprint,
            on_stop=self.on_stop,
            launched_at=self.now,
            instance_id="",
            private_ip="",
            zone="",
            ready_at=0.0,
            failed_wakes=0,
            woken=None,
        )


@dataclass(frozen=True)
class Doubted(Event):
    """EC2 never said what became of an attempt, and the launch goes on to others."""

    start_id: str
    client_token: str
    phases = frozenset({Phase.REQUESTED})

    def _after(self, state: ServerState) -> ServerState:
        launch = state.current
        return state.with_doomed(
            Doomed(launch.id, region=launch.region, client_token=self.client_token)
        )


@dataclass(frozen=True)
class Refused(Event):
    """EC2 has refused every attempt for certain: there is no machine."""

    start_id: str
    phases = frozenset({Phase.PLANNED, Phase.REQUESTED})

    def _after(self, state: ServerState) -> ServerState:
        return in_doubt(state).with_launch(phase=Phase.OVER)


def in_doubt(state: ServerState) -> ServerState:
    """The stopped machine, if asked to wake up, may have done so behind our back."""
    stopped = state.stopped
    if stopped is None or stopped.instance_id != state.current.instance_id:
        return state
    return replace(state, stopped=replace(stopped, certain=False))


@dataclass(frozen=True)
class Waking(Event):
    """StartInstances is about to be sent for the machine that is stopped."""

    start_id: str
    instance_type: str
    nonce_hash: str
    now: float
    phases = frozenset({Phase.PLANNED})
    serving = True
    ahead = True

    def _after(self, state: ServerState) -> ServerState:
        stopped = state.stopped
        if stopped is None:
            raise NotNow("no machine is stopped")
        return state.with_launch(
            id=stopped.launch_id,
            phase=Phase.REQUESTED,
            instance_id=stopped.instance_id,
            private_ip=stopped.private_ip,
            zone=stopped.zone,
            instance_type=self.instance_type,
            fingerprint=stopped.fingerprint,
            ready_at=stopped.ready_at,
            failed_wakes=stopped.failed_wakes,
            woken=stopped.server,
            launched_at=self.now,
            nonce_hash=self.nonce_hash,
        )


@dataclass(frozen=True)
class Named(Event):
    """EC2 has named the machine: from now on its claim can be checked.

    The machine that was stopped is awake, or another is to take its place: then it
    stays until that one serves.
    """

    start_id: str
    instance_id: str
    private_ip: str
    zone: str
    phases = frozenset({Phase.REQUESTED})

    def _after(self, state: ServerState) -> ServerState:
        if state.current.instance_id not in ("", self.instance_id):
            # Another than the one to be woken: nobody has worked on it.
            state = in_doubt(state).with_launch(
                ready_at=0.0, failed_wakes=0, woken=None
            )
        found = state.with_launch(
            phase=Phase.BOOTING,
            instance_id=self.instance_id,
            private_ip=self.private_ip,
            zone=self.zone,
        )
        stopped = state.stopped
        if stopped and stopped.instance_id == self.instance_id:
            return replace(found, stopped=None)
        return found


@dataclass(frozen=True)
class Claimed(Event):
    """The machine has proved who it is, and is to have its orders."""

    machine_key_hash: str
    now: float
    phases = frozenset({Phase.BOOTING})
    serving = True
    ahead = True

    def _after(self, state: ServerState) -> ServerState:
        return state.with_launch(
            phase=Phase.CLAIMED,
            claimed_at=self.now,
            machine_key_hash=self.machine_key_hash,
        )


@dataclass(frozen=True)
class Remembered(Event):
    """What is to be known of the server when its machine has hibernated."""

    server: ServerInMemory | None
    phases = frozenset({Phase.CLAIMED, Phase.READY})
    ahead = True

    def _after(self, state: ServerState) -> ServerState:
        return state.with_launch(server=self.server)


@dataclass(frozen=True)
class Ordered(Event):
    """The orders are there for the machine to take."""

    now: float
    phases = frozenset({Phase.CLAIMED, Phase.READY})

    def _after(self, state: ServerState) -> ServerState:
        return state.with_launch(ordered_at=self.now)


@dataclass(frozen=True)
class Ready(Event):
    """The machine says that its server answers. One that was stopped, in whose place
    it is, is given up only now."""

    now: float
    phases = frozenset({Phase.CLAIMED})
    serving = True

    def _after(self, state: ServerState) -> ServerState:
        ready = state.with_launch(phase=Phase.READY, ready_at=self.now, failed_wakes=0)
        ready = replace(ready, last_end="", stopped=None)
        return ready.with_doomed(state.stopped.doomed) if state.stopped else ready


@dataclass(frozen=True)
class WokenInVain(Event):
    """The machine has served before, is awake, and its server did not come."""

    start_id: str
    phases = frozenset({Phase.BOOTING, Phase.CLAIMED})

    def _after(self, state: ServerState) -> ServerState:
        launch = state.current
        if not launch.ready_at:
            raise NotNow("its machine has never served")
        return state.with_launch(failed_wakes=launch.failed_wakes + 1)


@dataclass(frozen=True)
class Rebooted(Event):
    """The machine has booted again, and its server is to be started there anew."""

    phases = frozenset({Phase.READY})
    serving = True

    def _after(self, state: ServerState) -> ServerState:
        # What was in its memory when it was woken is lost. It has just spoken.
        return state.with_launch(phase=Phase.CLAIMED, woken=None, silent_since=0.0)


# -- an end ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted(Event):
    """Somebody wants the server's machine kept or ended. Never the other way round."""

    wish: Wish
    phases = _UNDER_WAY

    def _after(self, state: ServerState) -> ServerState:
        wishes = (state.current.wish, self.wish)
        return state.with_launch(wish=max(wishes, key=_WISHES.index))


@dataclass(frozen=True)
class EndedByItself(Event):
    """The machine is over, and nobody on our side wanted that.

    :ivar text: why, for the user
    """

    text: str
    phases = _UNDER_WAY
    serving = True

    def _after(self, state: ServerState) -> ServerState:
        kept = Wanted(Wish.KEEP).after(state)
        return replace(kept, last_end=state.last_end or self.text)


@dataclass(frozen=True)
class StoppedAsWished(Event):
    """EC2 has confirmed that the machine is stopping."""

    now: float
    phases = _UNDER_WAY

    def _after(self, state: ServerState) -> ServerState:
        launch = state.current
        if launch.wish is not Wish.KEEP or not launch.worth_keeping:
            raise NotNow("its machine is not to be kept")
        stopped = launch.stopped(self.now, certain=True)
        return replace(state.with_launch(phase=Phase.OVER), stopped=stopped)


@dataclass(frozen=True)
class Gone(Event):
    """EC2 has confirmed that nothing of the launch is left."""

    phases = _UNDER_WAY

    def _after(self, state: ServerState) -> ServerState:
        stopped, launch = state.stopped, state.current
        if stopped and launch.instance_id == stopped.instance_id:
            state = replace(state, stopped=None)
        return state.with_launch(phase=Phase.OVER)


@dataclass(frozen=True)
class LetGo(Event):
    """The Hub forgets the launch. A machine that may still exist is not forgotten."""

    now: float

    def _after(self, state: ServerState) -> ServerState:
        launch, stopped = state.launch, state.stopped
        free = replace(state, launch=None, profile="")
        if launch is None or launch.phase in (Phase.PLANNED, Phase.OVER):
            return free
        if launch.wish is Wish.KEEP and launch.worth_keeping:
            return replace(free, stopped=launch.stopped(self.now, certain=False))
        if stopped and stopped.instance_id == launch.instance_id:
            free = replace(free, stopped=None)
        return free.with_doomed(launch.doomed)


@dataclass(frozen=True)
class HubRestarted(Event):
    """The state is read in another process: what was only planned is not under way."""

    saved = False

    def _after(self, state: ServerState) -> ServerState:
        if state.current.phase is not Phase.PLANNED:
            return state
        return state.with_launch(phase=Phase.OVER)
