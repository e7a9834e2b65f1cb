"""Makes an image of somebody's machine, which is never touched.

A raw copy of its disk is never offered. A builder of the copy removes what is
somebody's own, looks for secrets, tests, and becomes the image; the copy goes. Whoever
follows may be killed at any moment and run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ...core.tags import IMAGE_TAG, SAVED_TAG, STATUS_TAG
from ...ec2.errors import EC2Error
from ...ec2.facts import Image
from ...ec2.images import (
    Images,
    ShelvedImage,
    create_image,
    deregister_image,
    shelved_images,
)
from ...ec2.machines import Machine
from ..errors import ImageError
from ..shelf import BROKEN
from .driver import Driver
from .follow import Follower, Order

# A copy that is older shows what the disk was when somebody has begun to save before.
_ADOPTED_SECONDS = 2 * 3600.0
#: for a GiB: gp3 writes 125 MiB/s unless one pays for more (EBS user guide)
WIPE_SECONDS = 12
STEPS = (
    *("copy", "launch", "begin", "uv", "start", "scan", "clean", "wipe"),
    *("stop", "image"),
)


def saved_key(raw_id: str) -> str:
    """The key of what is made of a raw copy."""
    return hashlib.sha256(f"saved/{raw_id}".encode()).hexdigest()[:40]


def raw_name(label: str, machine_id: str, now: float) -> str:
    return f"ec2spawner/{label}/raw-{machine_id}-{now:.0f}"


@dataclass
class Save(Follower):
    """One who follows the saving of one machine. ``run`` it once.

    :ivar order: the raw copy: its name and tags
    :ivar machine: whose disk it is
    :ivar clean_order: what is made of the copy
    """

    machine: Machine = field(kw_only=True)
    clean_order: Callable[[ShelvedImage, Image], Order] = field(kw_only=True)

    async def run(self) -> ShelvedImage:
        """The image, without what is somebody's own.

        :raises ImageError: when none can be made. Nothing is left then
        :raises EC2Error: when EC2 does not do what it must, as long as one may wait
        """
        raw = await self.until(self._copied)
        hub_id = self.order.hub_id
        base = await self.until(
            lambda: Images(self.clients.reading, hub_id).resolve(raw.id, ())
        )
        driver = Driver(
            self.clients,
            self.clean_order(raw, base),
            self.tell,
            self.pause,
            self.sleep,
            self.clock,
        )
        try:
            image = await driver.run()
        except (ImageError, EC2Error):
            with suppress(EC2Error):
                await self._forgotten(raw)
            raise
        await self.until(lambda: self._forgotten(raw))
        return image

    async def _copied(self) -> ShelvedImage | None:
        """The raw copy, once a machine can be made of it."""
        tags = self.order.tags
        found = await shelved_images(
            self.clients.reading,
            self.order.hub_id,
            {tag: tags[tag] for tag in (IMAGE_TAG, STATUS_TAG, SAVED_TAG)},
        )
        new = []
        for each in found:
            old = self.clock() - each.created_at > _ADOPTED_SECONDS
            if old or each.state in BROKEN:
                await self._forgotten(each)
            else:
                new.append(each)
        if not new:
            await self._copy()
            return None
        raw = min(new, key=lambda each: (each.created_at, each.id))
        self._once("told", f"{raw.id} is the copy of the disk")
        return raw if raw.state == "available" else None

    async def _copy(self) -> None:
        self._tell("copy", "", self.machine.id)
        root = self.machine.root_device
        others = [name for name in self.machine.volumes if name != root]
        try:
            await create_image(
                self.clients.killing,
                self.machine.id,
                self.order.name,
                self.order.description,
                self.order.tags,
                without=others,
            )
        except EC2Error as e:
            # We have asked before, and EC2 does not show it yet.
            if e.code != "InvalidAMIName.Duplicate":
                raise

    async def _forgotten(self, raw: ShelvedImage) -> bool:
        """Delete a copy with its snapshots."""
        try:
            await deregister_image(self.clients.killing, raw.id)
        except EC2Error as e:
            if not e.code.startswith("InvalidAMIID."):
                raise
        return True
