"""What happens between a start and a machine that is ready for somebody. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .event import Event, NotNow
from .events import in_doubt
from .state import Phase, ServerState


@dataclass(frozen=True)
class Given(Event):
    """A machine that was ready is this server's from now on, and is to be told so.

    It has proved who it is already: only the holder of its key may have the orders.
    """

    start_id: str
    launch_id: str
    instance_id: str
    private_ip: str
    zone: str
    instance_type: str
    market: str
    nonce_hash: str
    machine_key_hash: str
    fingerprint: str
    on_stop: str
    now: float
    phases = frozenset({Phase.PLANNED})
    serving = True
    ahead = True

    def _after(self, state: ServerState) -> ServerState:
        return in_doubt(state).with_launch(
            id=self.launch_id,
            phase=Phase.BOOTING,
            instance_id=self.instance_id,
            private_ip=self.private_ip,
            zone=self.zone,
            instance_type=self.instance_type,
            market=self.market,
            nonce_hash=self.nonce_hash,
            machine_key_hash=self.machine_key_hash,
            fingerprint=self.fingerprint,
            on_stop=self.on_stop,
            launched_at=self.now,
            ready_at=0.0,
            failed_wakes=0,
            woken=None,
        )


@dataclass(frozen=True)
class TakenBack(Event):
    """A machine that was given away has not come for its orders: it is to be ended, and
    EC2 is asked for another."""

    start_id: str
    phases = frozenset({Phase.BOOTING})
    serving = True

    def _after(self, state: ServerState) -> ServerState:
        launch = state.current
        if launch.claimed_at or not launch.machine_key_hash:
            raise NotNow("it has its orders, or was not given away")
        fresh = replace(
            launch,
            id=launch.start_id,
            phase=Phase.PLANNED,
            instance_id="",
            private_ip="",
            zone="",
            nonce_hash="",
            machine_key_hash="",
        )
        return replace(state, launch=fresh).with_doomed(launch.doomed)
