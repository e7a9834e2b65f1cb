"""The command ``ec2spawner image copy``."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from ...core.tags import HUB_TAG
from ...ec2.clients import Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.images import ShelvedImage, copy_image, deregister_image, shelved_images
from ...images.shelf import BROKEN, Copy, copy_step
from ..hub_config import Hub
from ..sweep import Status
from .app import CopyOptions
from .look import look

_COPYING, _READY, _FAILED = "copying", "ready", "failed"


@dataclass(frozen=True)
class Outcome:
    """What has become of a copy to one region."""

    region: str
    status: str
    image_id: str = ""
    why: str = ""

    def __str__(self) -> str:
        image = f" ({self.image_id})" if self.image_id else ""
        return f"{self.region}: {self.status}{image}" + (self.why and f": {self.why}")


class CopyApp(CopyOptions):
    """``ec2spawner image copy``, which does what its options say."""

    def start(self) -> None:
        name = self.one_word("which image? Give its name")
        if not self.to:
            self.fail("to which region? Give one with --to", 2)
        hub = self.hub()
        outcomes = asyncio.run(self._copy(hub, name))
        if self.json:
            rows = [vars(outcome) for outcome in outcomes]
            print(json.dumps({"name": name, "regions": rows}, indent=2))
        failed = [each for each in outcomes if each.status == _FAILED]
        if len(failed) == len(outcomes):
            self.exit(int(Status.FAILED))
        self.exit(int(Status.NEEDS_A_PERSON if failed else Status.DONE))

    async def _copy(self, hub: Hub, name: str) -> list[Outcome]:
        source = await self._source(hub, name)
        targets = [each for each in dict.fromkeys(self.to) if each != source.region]
        self._say(f"{source.region}: {_READY} ({source.image.id})")
        if not targets:
            return [Outcome(source.region, _READY, source.image.id)]
        return list(await asyncio.gather(*(self._to(hub, source, t) for t in targets)))

    async def _source(self, hub: Hub, name: str) -> Copy:
        shelf = await look(hub)
        self.complain(shelf.trouble)
        for version in self.meant(shelf, name):
            if version.ready:
                return version.ready[0]
        self.fail(f"no image {name!r} is ready in any region that was asked")

    async def _to(self, hub: Hub, source: Copy, region: str) -> Outcome:
        clients = Clients(hub.in_region(region))
        try:
            outcome = await self._follow(hub, clients, source, region)
        except EC2Error as e:
            outcome = Outcome(region, _FAILED, why=admin_hint(e))
        finally:
            clients.close()
        if outcome.status == _FAILED:
            self.complain([str(outcome)])
        else:
            self._say(str(outcome))
        return outcome

    async def _follow(
        self, hub: Hub, clients: Clients, source: Copy, region: str
    ) -> Outcome:
        """Ask for it, and look at it for as long as EC2 takes: without a deadline, for
        an image becomes available whether somebody waits for it or not."""
        asked = ""
        while True:
            there = await shelved_images(clients.reading, hub.hub_id)
            if broken := _broken(there, asked):
                why = "EC2 has accepted it and could not make it"
                return Outcome(region, _FAILED, broken.id, why)
            step = copy_step(source.image, region, there)
            if step.done and step.follow is not None:
                return Outcome(region, _READY, step.follow.id)
            if step.copy and not asked:
                for image in step.discard:
                    await deregister_image(clients.killing, image.id)
                tags = {**source.image.tags, HUB_TAG: hub.hub_id}
                asked = await copy_image(
                    clients.killing, source.image, source.region, tags, step.copy
                )
                self._say(f"{region}: {_COPYING} ({asked})")
            if self.no_wait:
                follow = step.follow.id if step.follow else asked
                return Outcome(region, _COPYING, follow)
            await asyncio.sleep(self.look_again)

    def _say(self, text: str) -> None:
        if not self.json:
            print(text, flush=True)


def _broken(there: list[ShelvedImage], asked: str) -> ShelvedImage | None:
    """The copy that was asked for, if EC2 could not make it."""
    mine = (each for each in there if each.id == asked and each.state in BROKEN)
    return next(mine, None)
