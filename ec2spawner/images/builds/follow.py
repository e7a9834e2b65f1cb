"""Following what a machine does for an image, by what EC2 and its console say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...ec2.clients import Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.errors.kinds import Kind
from ...ec2.inventory.listing import list_machines
from ...ec2.machines import (
    Machine,
    console_output,
    run_machine,
    terminate_machines,
)
from ..errors import ImageError
from .console import STEPS, Progress, Said, read_console
from .request import DEADLINE, launch_of

T = TypeVar("T")

# EC2 shows what it has made within a minute ("Eventual consistency").
HIDDEN_SECONDS = 120.0
# So long nothing but errors that pass.
_PATIENCE_SECONDS = 900.0
# A token is used when somebody else has asked for the same: EC2 shows it soon.
_PASSES = frozenset({Kind.AMBIGUOUS, Kind.THROTTLED, Kind.NOT_VISIBLE, Kind.TOKEN_USED})
_TRY_NEXT = frozenset({Kind.CAPACITY, Kind.UNFIT, Kind.QUOTA})


@dataclass(frozen=True)
class Order:
    """One image to be made, or to be tried."""

    hub_id: str
    #: the machine's: the image's own, or that of its test
    key: str
    #: the AMI's
    name: str
    description: str = ""
    #: of the image and its snapshots
    tags: Mapping[str, str] = field(default_factory=dict)
    #: RunInstances requests, one after the other until EC2 has room
    requests: Sequence[Mapping[str, Any]] = ()
    #: seconds after which the machine ends itself
    deadline: int = DEADLINE
    #: as the one who waits is told of them
    steps: tuple[str, ...] = ("launch", *STEPS, "stop", "image")


@dataclass(frozen=True)
class Event:
    """Something that the one who waits may want to know."""

    #: a step's name, or the builder's word: told, missing, broken, log
    word: str
    text: str = ""
    machine: str = ""
    #: how much of the way is behind, 0 to 1
    share: float = 0.0


Tell = Callable[[Event], None]
Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Follower:
    """What all who follow a machine have in common. ``run`` is theirs, once."""

    clients: Clients
    order: Order
    tell: Tell
    pause: float = 5.0
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.time
    #: what has been told already
    _told: set[Said | str] = field(default_factory=set)
    _share: float = 0.0
    #: the machine that this one has seen
    _followed: str = ""
    _places: int = 0
    _in_doubt_since: float | None = None

    async def until(self, step: Callable[[], Awaitable[T | None]]) -> T:
        """Take steps until one has what is looked for.

        :raises EC2Error: when EC2 does not do what it must, as long as one may wait
        """
        while True:
            try:
                if (found := await step()) is not None:
                    return found
            except EC2Error as e:
                self._doubt(e)
            else:
                self._in_doubt_since = None
            await self.sleep(self.pause)

    async def _read(self, machine: Machine) -> Progress:
        """What it has said; what is new of it is told."""
        self._followed = machine.id
        text = await console_output(self.clients.reading, machine.id)
        progress = read_console(text, self.order.key)
        for said in progress.said:
            if said not in self._told and said.word not in ("done", "failed"):
                self._told.add(said)
                self._tell(said.word, said.text, machine.id)
        return progress

    async def _launch(self, ended: int) -> None:
        """
        :param ended: how many machines of this key have ended
        """
        if self._followed:
            raise ImageError(
                f"the machine {self._followed} has ended before it was done: its "
                f"{self.order.deadline // 60} minutes were over, or somebody has ended "
                "it. Look at the steps above, and try again"
            )
        self._tell("launch")
        request, token = launch_of(
            self.order.requests[self._places],
            self.order.key,
            ended,
            self.clock(),
            self.order.deadline,
        )
        try:
            machine = await run_machine(self.clients.launching, request, token)
        except EC2Error as e:
            if e.kind in _TRY_NEXT and self._places + 1 < len(self.order.requests):
                self._places += 1
                self._tell("told", f"{admin_hint(e)}: trying elsewhere")
                return
            raise
        self._followed = machine.id
        self._once("told", f"{machine.id} goes to work", machine.id)
        # Until EC2 shows it, it is not asked for again.
        await self._until_shown(machine.id)

    async def _until_shown(self, id: str) -> None:
        until = self.clock() + HIDDEN_SECONDS
        while self.clock() < until:
            if id in await list_machines(self.clients.reading, self.order.hub_id):
                return
            await self.sleep(self.pause)

    async def _end(self, *machines: Machine) -> None:
        await terminate_machines(self.clients.killing, [m.id for m in machines])

    def _doubt(self, error: EC2Error) -> None:
        """Go on for a while with what passes."""
        now = self.clock()
        self._in_doubt_since = self._in_doubt_since or now
        lasts = now - self._in_doubt_since > _PATIENCE_SECONDS
        if lasts or error.kind not in _PASSES:
            raise error
        self._once("told", f"{admin_hint(error)}: trying again")

    def _once(self, word: str, text: str, machine: str = "") -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(word, text, machine)

    def _tell(self, word: str, text: str = "", machine: str = "") -> None:
        steps = self.order.steps
        if word in steps:
            self._share = max(self._share, steps.index(word) / len(steps))
            if not text and word in self._told:
                return
            self._told.add(word)
        self.tell(Event(word, text, machine, self._share))
