"""The command ``ec2spawner image test``."""

from __future__ import annotations

import asyncio

from ...core.errors import EC2SpawnError
from ...core.tags import FAILED, RAW, STATUS_TAG
from ...ec2.clients import Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.images import Images, ShelvedImage
from ...ec2.resources import create_tags
from ...images.builds.order import order_of_trial
from ...images.builds.trial import Trial, Unfit
from ...images.errors import ImageError
from ...images.shelf import Copy, Version
from ..hub_config import Hub
from .app import TestOptions
from .look import look
from .progress import Json, Show, show_for


class TestApp(TestOptions):
    """``ec2spawner image test``, which does what its options say."""

    __test__ = False  # pytest's word for a class of tests that is none

    def start(self) -> None:
        name = self.one_word("which image? Give its name")
        hub = self.hub()
        try:
            asyncio.run(self._test(hub, name))
        except (ImageError, EC2SpawnError) as e:
            self.fail(getattr(e, "log_message", str(e)))
        except EC2Error as e:
            self.fail(admin_hint(e))
        except KeyboardInterrupt:
            self.fail("the test goes on without this command: run it again to follow")

    async def _test(self, hub: Hub, name: str) -> None:
        shelf = await look(hub)
        self.complain(shelf.trouble)
        found = self.meant(shelf, name)
        version = next((v for v in found if v.tags.get(STATUS_TAG) != RAW), found[0])
        copy = self._copy(version, name)
        show = show_for(self.json)
        clients = Clients(hub.in_region(copy.region))
        try:
            image = await try_image(
                hub, clients, copy.image, show, self.type, self.public_ip
            )
        except Unfit:
            await _withdraw(hub, version, copy)
            raise
        finally:
            show.end()
            clients.close()
        if isinstance(show, Json):
            show.write(event="ready", image=image.id, name=image.name)
        show.say(f"The image is ready: {image.id} ({image.name})")

    def _copy(self, version: Version, name: str) -> Copy:
        there = [c for c in version.copies if c.image.state == "available"]
        named = [c for c in there if c.image.id == name]
        if not there:
            self.fail(f"{name} is {version.copies[0].status}: there is nothing to boot")
        return (named or there)[0]


async def try_image(
    hub: Hub,
    clients: Clients,
    image: ShelvedImage,
    show: Show,
    instance_type: str = "",
    public_ip: bool = False,
) -> ShelvedImage:
    """The image, which has passed its test.

    :raises ImageError: when it has not; as ``Trial.run``
    """
    base = await Images(clients.reading, hub.hub_id).resolve(image.id, ())
    order = order_of_trial(
        hub.settings, hub.hub_id, image, base, instance_type, public_ip
    )
    return await Trial(clients, order, show.event, image=image).run()


async def _withdraw(hub: Hub, version: Version, tried: Copy) -> None:
    """The same content in other regions is as bad."""
    for copy in version.copies:
        if copy is not tried:
            clients = Clients(hub.in_region(copy.region))
            try:
                await create_tags(
                    clients.reading, [copy.image.id], {STATUS_TAG: FAILED}
                )
            finally:
                clients.close()
