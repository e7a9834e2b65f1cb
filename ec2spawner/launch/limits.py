"""How many machines there are and are about to be. Pure: listing -> may one more?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..ec2.machines import Machine

_MINUTE = 60.0
# EC2 may hide what it has made for this long ("Eventual consistency").
_HIDDEN_SECONDS = 60.0
# A launch that nobody has told us the end of cannot still be on its way.
_FORGOTTEN_SECONDS = 3600.0


@dataclass(frozen=True)
class Caps:
    """What an admin allows; 0 for any number."""

    per_user: int = 0
    per_hub: int = 0
    per_minute: int = 0

    def __bool__(self) -> bool:
        return bool(self.per_user or self.per_hub or self.per_minute)


@dataclass(frozen=True)
class Full:
    """No room for one more: which cap, how many there are, seconds until it may do."""

    cap: str
    count: int
    seconds: float = 0.0
    #: how many of them are stopped, and wait for their servers
    stopped: int = 0


@dataclass
class _Launch:
    owner_id: str
    began: float
    answered: float = 0.0


class Limits:
    """Lets launches in one at a time, so that two cannot share the last place.

    EC2's listing says what there is. Launches that it cannot show yet are kept
    here, from the moment they are let in until a later listing has them.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._coming: dict[str, _Launch] = {}
        self._began: dict[str, float] = {}

    def admit(
        self,
        launch_id: str,
        owner_id: str,
        caps: Caps,
        machines: Iterable[Machine],
        listed: float,
        server_id: str = "",
    ) -> Full | None:
        """Let a launch in, or say what is full.

        A machine that is stopped counts, but not for its own server, which wakes or
        replaces it.

        :param machines: of the hub, from listings of which the oldest began at
            ``listed``, in monotonic seconds
        """
        # Builders of images serve nobody.
        machines = [machine for machine in machines if not machine.build]
        self._forget(machines, listed)
        counted = [m for m in machines if not _is_own_stopped(m, server_id)]
        full = self._full(owner_id, caps, counted)
        if full is None:
            self._coming[launch_id] = _Launch(owner_id, self._clock())
            self._began[launch_id] = self._clock()
        return full

    def _full(self, owner_id: str, caps: Caps, machines: list[Machine]) -> Full | None:
        there = [m for m in machines if not m.gone]
        # One that is being woken may be shown as it was.
        asleep = [m for m in there if m.over and m.launch_id not in self._coming]
        owners = {m.launch_id or m.id: m.owner_id for m in there}
        owners |= {id: launch.owner_id for id, launch in self._coming.items()}
        mine = sum(owner == owner_id for owner in owners.values())
        if caps.per_user and mine >= caps.per_user:
            stopped = sum(m.owner_id == owner_id for m in asleep)
            return Full("user", mine, stopped=stopped)
        if caps.per_hub and len(owners) >= caps.per_hub:
            return Full("hub", len(owners), stopped=len(asleep))
        ages = self._ages(machines)
        if caps.per_minute and len(ages) >= caps.per_minute:
            return Full("minute", len(ages), _MINUTE - max(ages))
        return None

    def _ages(self, machines: list[Machine]) -> list[float]:
        """Seconds since each launch of the last minute. A restarted Hub asks EC2."""
        ages = {
            m.launch_id or m.id: max(0.0, self._wall() - m.launched_at)
            for m in machines
        }
        ages |= {id: self._clock() - began for id, began in self._began.items()}
        return [age for age in ages.values() if age < _MINUTE]

    def answered(self, launch_id: str, refused: bool) -> None:
        """EC2 has answered a launch; after a refusal there is no machine."""
        if refused:
            self._coming.pop(launch_id, None)
        elif launch_id in self._coming:
            self._coming[launch_id].answered = self._clock()

    def asks_again(self, launch_id: str, owner_id: str) -> None:
        """A launch that has its place already asks EC2 for another machine."""
        self._coming[launch_id] = _Launch(owner_id, self._clock())

    def woke(self, launch_id: str, its_launch_id: str) -> None:
        """A stopped machine was woken instead: it goes by its own launch's id."""
        if launch_id in self._coming:
            self._coming[its_launch_id] = self._coming.pop(launch_id)

    def _forget(self, machines: list[Machine], listed: float) -> None:
        """Leave to EC2's listing what it can be trusted to show."""
        shown = {m.launch_id for m in machines}
        now = self._clock()
        self._began = {id: t for id, t in self._began.items() if now - t < _MINUTE}
        self._coming = {
            id: launch
            for id, launch in self._coming.items()
            if not (
                launch.answered
                and listed > launch.answered + (0 if id in shown else _HIDDEN_SECONDS)
            )
            and now - launch.began < _FORGOTTEN_SECONDS
        }


def _is_own_stopped(machine: Machine, server_id: str) -> bool:
    waits = machine.over and not machine.gone
    return waits and bool(server_id) and machine.server_id == server_id
