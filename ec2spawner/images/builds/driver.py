"""Follows a build to its image. It may be killed at any moment and run again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.tags import KEY_TAG
from ...ec2.clients import Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.errors.kinds import Kind
from ...ec2.images import (
    ShelvedImage,
    create_image,
    deregister_image,
    shelved_images,
)
from ...ec2.machines import (
    Machine,
    console_output,
    list_machines,
    run_machine,
    stop_machines,
    terminate_machines,
)
from ..errors import ImageError
from .console import STEPS, Progress, Said, read_console
from .policy import Do, Next, builders_of, next_step
from .request import DEADLINE, launch_of

# EC2 shows what it has made within a minute ("Eventual consistency").
_HIDDEN_SECONDS = 120.0
# So long nothing but errors that pass.
_PATIENCE_SECONDS = 900.0
# A token is used when somebody else has asked for the same: EC2 shows it soon.
_PASSES = frozenset({Kind.AMBIGUOUS, Kind.THROTTLED, Kind.NOT_VISIBLE, Kind.TOKEN_USED})
_TRY_NEXT = frozenset({Kind.CAPACITY, Kind.UNFIT, Kind.QUOTA})
# Before and after the builder's own steps.
_BEFORE = ("launch",)
_AFTER = ("stop", "image")
_ALL = (*_BEFORE, *STEPS, *_AFTER)


@dataclass(frozen=True)
class Order:
    """One image to be made."""

    hub_id: str
    key: str
    #: the AMI's
    name: str
    description: str
    #: of the image and its snapshots
    tags: Mapping[str, str]
    #: RunInstances requests, one after the other until EC2 has room
    requests: Sequence[Mapping[str, Any]] = ()


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
class Driver:
    """One who follows the build of one image. ``run`` it once."""

    clients: Clients
    order: Order
    tell: Tell
    pause: float = 5.0
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.time
    #: what has been told already
    _told: set[Said | str] = field(default_factory=set)
    _share: float = 0.0
    #: the builder that this one has seen
    _followed: str = ""
    _places: int = 0
    _in_doubt_since: float | None = None
    _name_taken_since: float | None = None

    async def run(self) -> ShelvedImage:
        """The image, when machines can be made from it.

        :raises ImageError: when none can be made. Nothing is left running then
        :raises EC2Error: when EC2 does not do what it must, as long as one may wait
        """
        while True:
            try:
                step, ended = await self._look()
                if step.do is Do.READY and step.image is not None:
                    return step.image
                await self._do(step, ended)
            except EC2Error as e:
                self._doubt(e)
            else:
                self._in_doubt_since = None
            await self.sleep(self.pause)

    async def find(self) -> ShelvedImage | None:
        """The image, if it is there already. It costs nothing."""
        found = await shelved_images(
            self.clients.reading, self.order.hub_id, {KEY_TAG: self.order.key}
        )
        return max(found, key=lambda image: image.state == "available", default=None)

    async def _look(self) -> tuple[Next, int]:
        """What to do next, and how many builders of this image have ended."""
        image = await self.find()
        listed = await list_machines(self.clients.reading, self.order.hub_id)
        builders = builders_of(listed.values(), self.order.key)
        there = [m for m in builders if not m.gone]
        progress = Progress()
        if there and image is None:
            progress = await self._read(there[0])
            self._followed = there[0].id
        return next_step(image, there, progress), len(builders) - len(there)

    async def _read(self, machine: Machine) -> Progress:
        text = await console_output(self.clients.reading, machine.id)
        progress = read_console(text, self.order.key)
        for said in progress.said:
            if said not in self._told and said.word not in ("done", "failed"):
                self._told.add(said)
                self._tell(said.word, said.text, machine.id)
        return progress

    async def _do(self, step: Next, ended: int) -> None:
        machine = step.machine
        if step.do is Do.LAUNCH:
            await self._launch(ended)
        elif step.do is Do.STOP and machine is not None:
            self._tell("stop", "", machine.id)
            await stop_machines(self.clients.killing, [machine.id])
        elif step.do is Do.SAVE and machine is not None:
            await self._save(machine)
        elif step.do is Do.DISCARD and step.image is not None:
            await deregister_image(self.clients.killing, step.image.id)
            self._tell("told", f"EC2 could not make {step.image.id}: {step.why}")
        elif step.do is Do.TIDY and machine is not None:
            await self._end(machine)
        elif step.do is Do.FAIL and machine is not None:
            await self._end(machine)
            raise ImageError(f"the build has failed, its machine is ended: {step.why}")

    async def _launch(self, ended: int) -> None:
        if self._followed:
            raise ImageError(
                f"the builder {self._followed} has ended before it was done: its "
                f"{DEADLINE // 60} minutes were over, or somebody has ended it. Look "
                "at the steps above, and try again"
            )
        self._tell("launch")
        request, token = launch_of(
            self.order.requests[self._places],
            self.order.key,
            ended,
            self.clock(),
            DEADLINE,
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
        self._once("told", f"{machine.id} makes it", machine.id)
        # Until EC2 shows it, it is not asked for again.
        await self._until_shown(machine.id)

    async def _until_shown(self, id: str) -> None:
        until = self.clock() + _HIDDEN_SECONDS
        while self.clock() < until:
            if id in await list_machines(self.clients.reading, self.order.hub_id):
                return
            await self.sleep(self.pause)

    async def _save(self, machine: Machine) -> None:
        order = self.order
        self._tell("image", order.name, machine.id)
        try:
            await create_image(
                self.clients.killing,
                machine.id,
                order.name,
                order.description,
                order.tags,
            )
        except EC2Error as e:
            if e.code != "InvalidAMIName.Duplicate":
                raise
            # Another one was first, or we were, and did not hear of it.
            now = self.clock()
            self._name_taken_since = self._name_taken_since or now
            if now - self._name_taken_since > _HIDDEN_SECONDS:
                await self._end(machine)
                raise ImageError(
                    f"there is an image {order.name} that this hub has not made: "
                    "deregister it, or give another --name"
                ) from e

    async def _end(self, machine: Machine) -> None:
        await terminate_machines(self.clients.killing, [machine.id])

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
        if word in _ALL:
            self._share = max(self._share, _ALL.index(word) / len(_ALL))
            if not text and word in self._told:
                return
            self._told.add(word)
        self.tell(Event(word, text, machine, self._share))
