"""Follows a build to its image. It may be killed at any moment and run again."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.tags import FAILED, KEY_TAG, SECRETS_TAG, STATUS_TAG
from ...ec2.errors import EC2Error
from ...ec2.images import (
    ShelvedImage,
    create_image,
    deregister_image,
    shelved_images,
)
from ...ec2.inventory.listing import list_machines
from ...ec2.machines import Machine, stop_machines
from ..errors import ImageError
from .console import Progress
from .follow import HIDDEN_SECONDS, Follower
from .policy import Do, Next, builders_of, next_step


@dataclass
class Driver(Follower):
    """One who follows the build of one image. ``run`` it once."""

    _name_taken_since: float | None = None
    #: what the builder has said, as it was read last
    _said: Progress = Progress()

    async def run(self) -> ShelvedImage:
        """The image, when machines can be made from it. It may have to be tested yet.

        :raises ImageError: when none can be made. Nothing is left running then
        :raises EC2Error: when EC2 does not do what it must, as long as one may wait
        """
        return await self.until(self._step)

    async def _step(self) -> ShelvedImage | None:
        step, ended = await self._look()
        if step.do is Do.READY and step.image is not None:
            return _not_failed(step.image)
        await self._do(step, ended)
        return None

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
            self._said = progress = await self._read(there[0])
        return next_step(image, there, progress), len(builders) - len(there)

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

    async def _save(self, machine: Machine) -> None:
        order, secrets = self.order, self._said.secrets
        self._tell("image", order.name, machine.id)
        try:
            await create_image(
                self.clients.killing,
                machine.id,
                order.name,
                order.description,
                {**order.tags, **({SECRETS_TAG: secrets} if secrets else {})},
            )
        except EC2Error as e:
            if e.code != "InvalidAMIName.Duplicate":
                raise
            # Another one was first, or we were, and did not hear of it.
            now = self.clock()
            self._name_taken_since = self._name_taken_since or now
            if now - self._name_taken_since > HIDDEN_SECONDS:
                await self._end(machine)
                raise ImageError(
                    f"there is an image {order.name} that this hub has not made: "
                    "deregister it, or give another --name"
                ) from e


def _not_failed(image: ShelvedImage) -> ShelvedImage:
    if image.tags.get(STATUS_TAG) == FAILED:
        raise ImageError(
            f"there is {image.id} of the same already, and it has failed its test: "
            f"look why with ec2spawner image test {image.id}, or deregister it"
        )
    return image
