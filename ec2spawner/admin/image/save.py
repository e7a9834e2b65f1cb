"""The command ``ec2spawner image save``."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ...core.errors import EC2SpawnError
from ...core.ids import server_id
from ...ec2.clients import Account, Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.facts import Image
from ...ec2.images import ShelvedImage
from ...ec2.inventory.listing import list_machines
from ...ec2.machines import Machine
from ...ec2.volumes import describe_volume
from ...images.builds.follow import Order
from ...images.builds.order import order_of_raw, order_of_save
from ...images.builds.save import Save
from ...images.errors import ImageError
from ...images.index import Indexes, configured_indexes
from ...images.plan import PROCESSORS
from ...images.solved import uv_wheel
from ...images.source import as_name
from ..hub_config import Hub
from .app import SaveOptions
from .progress import Json, show_for

# Where homes are attached, see homes/attach.py.
_HOME = "/dev/sdf"
_SAVED_STATES = ("running", "stopped")


class SaveApp(SaveOptions):
    """``ec2spawner image save``, which does what its options say."""

    def start(self) -> None:
        words = self.words("whose machine? Give a user's name")
        if rest := words[2:]:
            self.fail(f"what is {rest[0]!r}? See {self.name} --help", 2)
        user, server = (*words, "")[:2]
        hub = self.hub()
        try:
            asyncio.run(self._save(hub, user, server))
        except (ImageError, EC2SpawnError) as e:
            self.fail(getattr(e, "log_message", str(e)))
        except EC2Error as e:
            self.fail(admin_hint(e))
        except KeyboardInterrupt:
            self.fail("run it again within two hours to go on")

    async def _save(self, hub: Hub, user: str, server: str) -> None:
        whose = f"{user}/{server}" if server else user
        label = as_name(self.image_name or whose)
        scanner = _scanner()
        indexes = await asyncio.to_thread(self._indexes)
        account, machine = await self._machine(hub, user, server)
        clients = Clients(account)
        show = show_for(self.json)
        try:
            root = machine.volumes.get(machine.root_device, "")
            disk = await describe_volume(clients.reading, root)
            tools = {
                "indexes": list(indexes.for_machines.all),
                "scanner": scanner,
                # One that is a volume of its own is not on this disk.
                "homes": _HOME not in machine.volumes,
                "born": disk.created,
            }

            def order(raw: ShelvedImage, base: Image) -> Order:
                uv = uv_wheel(indexes, PROCESSORS.get(base.architecture, ""))
                found: dict[str, Any] = {"uv": {"url": uv.url, "sha256": uv.sha256}}
                kind = self.type or machine.instance_type
                return order_of_save(
                    hub.settings, raw, base, {**tools, **found}, kind, self.public_ip
                )

            save = Save(
                clients,
                order_of_raw(hub.hub_id, machine, label, whose, time.time()),
                show.event,
                machine=machine,
                clean_order=order,
            )
            made = await save.run()
        finally:
            show.end()
            clients.close()
        if isinstance(show, Json):
            show.write(event="ready", image=made.id, name=made.name)
        show.say(
            f"The image is ready: {made.id} ({made.name})\n"
            f'Use it with c.EC2Spawner.image = "repo:{label}"'
        )

    def _indexes(self) -> Indexes:
        found = configured_indexes() if not self.index else Indexes(self.index[0])
        return found.with_more(self.index[1:])

    async def _machine(
        self, hub: Hub, user: str, server: str
    ) -> tuple[Account, Machine]:
        """Where it is, and which; ends the command if there is none to save."""
        wanted = server_id(hub.hub_id, user, server)
        for account in hub.accounts:
            clients = Clients(account)
            try:
                listed = await list_machines(clients.reading, hub.hub_id)
            finally:
                clients.close()
            mine = [m for m in listed.values() if m.server_id == wanted and not m.gone]
            for machine in mine:
                if machine.state in _SAVED_STATES:
                    return account, machine
                self.fail(f"{machine.id} is {machine.state}: try again in a minute")
        self.fail(
            f"the server {server!r} of {user} has no machine, running or stopped: "
            "start it first",
            2,
        )


def _scanner() -> str:
    """:raises ImageError: when it is not installed"""
    try:
        return f"detect-secrets=={version('detect-secrets')}"
    except PackageNotFoundError as e:
        raise ImageError(
            "detect-secrets is not installed, which looks for secrets: "
            "pip install 'ec2spawner[image]'"
        ) from e
