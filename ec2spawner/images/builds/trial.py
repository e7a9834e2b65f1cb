"""Tries an image as a server would use it, and says so in its tag.

A machine of the image boots, starts the server, has its kernels compute, and ends
itself. Whoever follows may be killed at any moment and run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from ...core.tags import FAILED, READY, STATUS_TAG
from ...ec2.images import ShelvedImage, shelved_images
from ...ec2.inventory.listing import list_machines
from ...ec2.machines import Machine
from ...ec2.resources import create_tags
from ..errors import ImageError
from .console import Progress
from .follow import Follower
from .policy import builders_of

#: seconds after which the machine ends itself, whatever it is doing
DEADLINE = 1800
# An image that does not boot cannot say so: its machine has had so long.
_SILENT_SECONDS = 1200.0
STEPS = ("launch", "begin", "start", "verdict")


def trial_key(image_id: str) -> str:
    """What the machine that tries an image is known by, as a builder is by its key."""
    return hashlib.sha256(f"test/{image_id}".encode()).hexdigest()[:40]


class Unfit(ImageError):
    """The image has failed its test, and is not offered any more."""


class Do(Enum):
    """The next step."""

    LAUNCH = "a machine of the image"
    WAIT = "look again later"
    PASS = "say that the image is ready"
    FAIL = "say that it is not, and end the machine"


@dataclass(frozen=True)
class Next:
    """What to do, and why."""

    do: Do
    why: str = ""


def next_step(there: Sequence[Machine], progress: Progress, now: float) -> Next:
    """What to do now. Pure.

    :param there: machines that try the image, those that have ended left out
    :param progress: what the first of them has said
    :param now: seconds since the epoch
    """
    if not there:
        return Next(Do.LAUNCH)
    if progress.failed:
        return Next(Do.FAIL, progress.failed)
    if progress.done:
        return Next(Do.PASS)
    if now - there[0].launched_at > _SILENT_SECONDS:
        how = "came no further" if progress.said else "said nothing"
        return Next(Do.FAIL, f"its machine {how} in {_SILENT_SECONDS // 60:.0f} min")
    return Next(Do.WAIT)


@dataclass
class Trial(Follower):
    """One who follows the test of one image. ``run`` it once."""

    image: ShelvedImage = field(kw_only=True)

    async def run(self) -> ShelvedImage:
        """The image, which is ready now.

        :raises Unfit: when it has failed, and is not offered any more
        :raises ImageError: when nobody can say: it is as it was
        :raises EC2Error: when EC2 does not do what it must, as long as one may wait
        """
        return await self.until(self._step)

    async def _step(self) -> ShelvedImage | None:
        """Take the next step; the image after the last."""
        listed = await list_machines(self.clients.reading, self.order.hub_id)
        machines = builders_of(listed.values(), self.order.key)
        there = [m for m in machines if not m.gone]
        progress = await self._read(there[0]) if there else Progress()
        step = next_step(there, progress, self.clock())
        if step.do is Do.LAUNCH:
            await self._launch(len(machines))
        elif step.do is Do.PASS:
            await self._judge(READY)
            await self._end(*there)
            return await self._found()
        elif step.do is Do.FAIL:
            await self._judge(FAILED)
            await self._end(*there)
            raise Unfit(
                f"the image {self.image.id} has failed its test: {step.why}. Its "
                "machine is ended, and no server gets the image"
            )
        return None

    async def _judge(self, status: str) -> None:
        self._tell("verdict")
        id = self.image.id
        if await create_tags(self.clients.reading, [id], {STATUS_TAG: status}):
            raise ImageError(f"the image {id} has been deleted while it was tested")

    async def _found(self) -> ShelvedImage:
        mine = await shelved_images(self.clients.reading, self.order.hub_id)
        return next((each for each in mine if each.id == self.image.id), self.image)
