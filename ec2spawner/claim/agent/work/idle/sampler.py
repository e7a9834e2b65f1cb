"""Looks at the machine again and again, and tells what it has seen so far.

Judged by what the kernel knows, so it holds on any image. Only Jupyter's own kernels
are asked for: a program that sleeps looks like one that waits for its user.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from ...words import say
from .devices import busiest_gpu, passed
from .memory import Memory
from .processes import (
    Process,
    all_processes,
    in_front,
    program_of,
    theirs,
    typed_at,
)
from .processor import ROOT, Processors
from .rules import called, what_runs
from .said import Said, read_said
from .sight import Kernel, Sight

#: seconds between two looks, and between two at what Jupyter says
LOOK = 30.0
GLANCE = 5.0
# Who comes back after less was not away.
_AWAY = 60.0
# So many looks in a row were missed.
_OLD = 4 * LOOK


class Whose(NamedTuple):
    """Whose use of the machine is meant."""

    is_theirs: Callable[[Process], bool]
    #: the whole machine is theirs, with its control groups and its network
    alone: bool


class Sampler:
    """What one look after the other has seen.

    :param said: the file in which Jupyter tells of itself
    :param kernels: asks the server for its kernels; None when nobody can tell
    """

    def __init__(
        self,
        whose: Whose,
        said: str,
        kernels: Callable[[], Optional[List[Kernel]]],
    ) -> None:
        self.whose, self.said, self.ask = whose, said, kernels
        self.processors = Processors(ROOT if whose.alone else "")
        self.memory = Memory(time.monotonic())
        self.looked = time.monotonic()
        self.passed: Optional[float] = None
        self.has_looked = False

    def look(self) -> None:
        """All that there is to see. Some milliseconds of processor time."""
        now = time.monotonic()
        sight = self.sight(now)
        if not what_runs(sight):
            gpu = busiest_gpu()  # this alone costs something
            if gpu is None:
                sight = sight._replace(unknown=[*sight.unknown, "a GPU"])
            else:
                sight = sight._replace(gpu=gpu)
        self.memory.add(sight, now)
        self.looked, self.has_looked = now, True

    def glance(self) -> bool:
        """People only; whether the Hub should know of it at once."""
        now, wall = time.monotonic(), time.time()
        before = now - self.memory.human
        sight = people_in(read_said(self.said), wall)
        pressed = self.memory.note_people(sight, now)
        return pressed or (before > _AWAY and now - self.memory.human <= 2 * GLANCE)

    def seen(self) -> Optional[Dict[str, Any]]:
        """What the Hub is told; None while nobody can tell."""
        now = time.monotonic()
        return self.memory.seen(now) if self.knows(now) else None

    def idle(self, keep_seconds: float) -> float:
        """For how long the machine is certainly not used; 0 while it may be."""
        now = time.monotonic()
        return self.memory.idle(now, keep_seconds) if self.knows(now) else 0.0

    def knows(self, now: float) -> bool:
        """It has looked, and does not fail to: a look may hang, or go wrong."""
        return self.has_looked and now - self.looked < _OLD

    def sight(self, now: float) -> Sight:
        wall, said = time.time(), read_said(self.said)
        mine = theirs(all_processes(), self.whose.is_theirs)
        cpu, who = self.processors.used(mine, now - self.looked)
        kernels = list(said.kernels) if said.is_fresh(wall) else self.ask()
        typed = [max(0.0, wall - at) for at in typed_at(mine)]
        return people_in(said, wall)._replace(
            programs=in_front(mine),
            cpu=round(cpu, 3),
            cpu_user=called(program_of(who)) if who else "",
            network=self.network(now),
            kernels=kernels or [],
            typed=min(typed, default=None),
            unknown=["Jupyter"] if kernels is None else [],
        )

    def network(self, now: float) -> float:
        """Bytes a second since the look before."""
        if not self.whose.alone:
            return 0.0
        before, self.passed = self.passed, passed()
        if before is None or now <= self.looked:
            return 0.0
        return max(self.passed - before, 0.0) / (now - self.looked)


def people_in(said: Said, wall: float) -> Sight:
    """What Jupyter says of people."""
    fresh = said.is_fresh(wall)
    return Sight(
        others=list(said.others) if fresh else [],
        human=said.human_ago(wall),
        sees_people=said.sees_people(wall),
        keep=said.keep,
    )


class Looking(threading.Thread):
    """Has a sampler look for as long as the server runs.

    ``tell`` is called when the Hub should know at once, ``pace`` says how often it
    wants to know at all.
    """

    def __init__(
        self, sampler: Sampler, tell: Callable[[], None], pace: Callable[[], float]
    ) -> None:
        super().__init__(daemon=True)
        self.sampler, self.tell, self.pace = sampler, tell, pace
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self.once()
            except Exception as e:
                # Without this thread nobody would know: what is not known is use.
                say("looking at the machine: %r" % e)
            self.over.wait(min(GLANCE, self.pace()))

    def once(self) -> None:
        first = not self.sampler.has_looked
        soon = self.sampler.glance()
        if first or time.monotonic() - self.sampler.looked >= min(LOOK, self.pace()):
            self.sampler.look()
        if soon or first:
            self.tell()
