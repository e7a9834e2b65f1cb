"""The command ``ec2spawner image build``."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ...core.errors import EC2SpawnError
from ...ec2.clients import Account, Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.images import Images, ShelvedImage
from ...images.builds.driver import Driver
from ...images.builds.follow import Order
from ...images.builds.order import order_of
from ...images.builds.planned import as_planned
from ...images.builds.request import UBUNTU
from ...images.errors import ImageError
from ...images.index import Indexes, configured_indexes
from ...images.plan import Plan, Wishes, make_plan
from ...images.solved import remembered_here
from ...images.source import Source, as_name, read_source
from ..hub_config import Hub
from .app import BuildOptions
from .progress import Json, show_for
from .show_plan import as_dict, as_text
from .trial import try_image


class BuildApp(BuildOptions):
    """``ec2spawner image build``, which does what its options say."""

    def start(self) -> None:
        if not self.extra_args:
            self.fail(f"which repository? See {self.name} --help", 2)
        # Before the Hub's folder becomes the one that paths are relative to.
        try:
            with (
                ThreadPoolExecutor(1) as beside,
                read_source(self.extra_args[0], self.ref) as source,
            ):
                # pip takes its time to say what it is configured for.
                indexes = beside.submit(self._indexes)
                hub = self.hub(words=1)
                asyncio.run(self._build(hub, source, indexes))
        except (ImageError, EC2SpawnError) as e:
            self.fail(getattr(e, "log_message", str(e)))
        except EC2Error as e:
            self.fail(admin_hint(e))
        except KeyboardInterrupt:
            self.fail("the build goes on without this command: run it again to follow")

    def _indexes(self) -> Indexes:
        found = configured_indexes() if not self.index else Indexes(self.index[0])
        return found.with_more(self.index[1:])

    async def _build(self, hub: Hub, source: Source, indexes: Future[Indexes]) -> None:
        show = show_for(self.json)
        clients = Clients(self._account(hub))
        try:
            plan = await self._plan(hub, source, clients, indexes)
            show.say(as_text(plan))
            driver = Driver(clients, self._order(hub, plan), show.event)
            image = await driver.find()
            known = image is not None and image.ready
            if isinstance(show, Json):
                show.write(event="plan", known=known, **as_dict(plan))
            if self.plan:
                there = f"There is this image: {image.id}" if image and known else ""
                show.say(there or "There is no such image yet. Nothing was built.")
                return
            made = image if known and image else await driver.run()
            if not made.ready:
                made = await try_image(
                    hub, clients, made, show, self.type, self.public_ip
                )
            self._say_made(show, plan, made, known)
        finally:
            show.end()
            clients.close()

    def _account(self, hub: Hub) -> Account:
        return hub.in_region(self.regions[0]) if self.regions else hub.accounts[0]

    async def _plan(
        self, hub: Hub, source: Source, clients: Clients, indexes: Future[Indexes]
    ) -> Plan:
        settings = hub.settings
        usual = settings.image if not settings.image.startswith("repo:") else ""
        images = Images(clients.reading, hub.hub_id)
        base = await images.resolve(self.base or usual or UBUNTU, settings.image_owners)
        wishes = Wishes(
            as_name(self.image_name) if self.image_name else "",
            self.subdir,
            tuple(self.ignore),
            self.python,
            self.as_of,
            self.strict,
            self.refresh,
            bake=self.bake,
        )
        return await asyncio.to_thread(
            make_plan,
            source,
            hub.hub_id,
            base,
            await asyncio.wrap_future(indexes),
            wishes,
            remembered_here(),
        )

    def _order(self, hub: Hub, plan: Plan) -> Order:
        settings = hub.settings
        kind = self.type or settings.types[0]
        return order_of(
            as_planned(plan),
            settings,
            hub.hub_id,
            plan.base,
            kind,
            self.disk,
            self.public_ip,
            to_be_tested=self.boot_test,
        )

    def _say_made(
        self, show: Any, plan: Plan, image: ShelvedImage, known: bool
    ) -> None:
        if isinstance(show, Json):
            show.write(event="ready", image=image.id, name=image.name, known=known)
            return
        show.end()
        what = "There is this image already" if known else "The image is ready"
        show.say(
            f"{what}: {image.id} ({image.name})\n"
            f'Use it with c.EC2Spawner.image = "repo:{plan.name}"'
        )
