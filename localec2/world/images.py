"""Images: moto's, with the disks that machines begin with.

An image is a list of layers over a root: each is what one machine had written to its
disk when the image was made of it.
"""

from __future__ import annotations

import datetime
import hashlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar, Protocol

import moto.ec2.models.amis as amis
from moto.ec2.utils import random_ami_id

from ..machines.base import Machine
from ..requests.faults import Fault
from ..roots import roots
from ..settings import LocalSettings
from .clock import Clock
from .instance import LocalInstance
from .lifecycle import Lifecycle
from .transition import Ripening

log = logging.getLogger(__name__)

#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html
_VOLUME_TYPE = "gp3"


class World(Protocol):
    """What images need of the cloud."""

    settings: LocalSettings
    lock: threading.RLock
    clock: Clock
    lifecycle: Lifecycle
    scripted: Fault
    folder: Path


class LocalAmi(amis.Ami):  # type: ignore[misc]
    """moto's image. It only holds data: `ImageLife` acts."""

    # moto's metaclass reads the service's name from here.
    __module__ = "moto.ec2.models.amis"

    #: while the disk is copied; None: there is nothing to copy
    saving: Ripening | None = None
    _state: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        source = kwargs.get("source_ami")
        #: what machines have written, newest first
        self.layers: tuple[Path, ...] = source.layers if source else ()
        #: what that was written over; None: the root that machines have by default
        self.root: Path | None = source.root if source else None
        #: data volumes that come with it: (device, snapshot, with the machine gone)
        self.data: list[tuple[str, Any, bool]] = []
        #: ISO time from which others do not find it any more
        self.deprecation_time: str | None = None
        #: ISO time; AWS shows it up to a day late
        self.last_launched_time: str | None = None
        #: what it is a copy of
        self.source_image_id: str | None = None
        self.source_image_region: str | None = None
        super().__init__(*args, **kwargs)

    def launched(self) -> None:
        """A machine was made of it."""
        now = datetime.datetime.now(datetime.timezone.utc)
        self.last_launched_time = now.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @property
    def state(self) -> str:
        # An image can be launched when all its snapshots are complete, not before.
        parts = [self.saving, *(snapshot.copying for _, snapshot, _ in self.data)]
        copies = [part for part in parts if part is not None]
        if any(copy.failed for copy in copies):
            return "failed"
        return "pending" if not all(copy.ripe for copy in copies) else self._state

    @state.setter
    def state(self, value: str) -> None:
        self._state = value  # type: ignore[misc]

    @property
    def state_reason(self) -> dict[str, str] | None:
        """Said of an image that has failed only."""
        if self.state != "failed":
            return None
        why = self.saving.problem if self.saving else ""
        return {"Code": "Client.ImageError", "Message": why or "The copy has failed"}

    @property
    def block_device_mappings(self) -> list[dict[str, Any]]:
        disks = [(self.root_device_name, self.ebs_snapshot, True), *self.data]
        return [
            {
                "DeviceName": device,
                "Ebs": {
                    "SnapshotId": snapshot.id,
                    "VolumeSize": snapshot.volume_size,
                    "DeleteOnTermination": with_machine,
                    "VolumeType": _VOLUME_TYPE,
                    "Encrypted": snapshot.encrypted,
                },
            }
            for device, snapshot, with_machine in disks
        ]


class ImageLife:
    """Makes images in one Region. Public calls are made under the world's lock.

    :param backend: moto's EC2 of the Region
    """

    def __init__(self, world: World, backend: Any) -> None:
        self.world = world
        self.backend = backend

    def list_roots(self, like: LocalAmi) -> None:
        """Show the roots that are kept on this computer as images of its owner."""
        for path in roots.kept():
            where = f"{self.backend.region_name}/{path.name}"
            number = hashlib.sha256(where.encode()).hexdigest()[:17]
            made = datetime.datetime.fromtimestamp(
                path.stat().st_mtime, datetime.timezone.utc
            )
            image = LocalAmi(
                self.backend,
                f"ami-{number}",
                name=f"ec2spawner-root-{path.name}",
                description=f"A root for booted machines ({path.name.split('-')[0]})",
                owner_id=like.owner_id,
                virtualization_type=like.virtualization_type,
                architecture=like.architecture,
                hypervisor=like.hypervisor,
                root_device_type=like.root_device_type,
                root_device_name=like.root_device_name,
                image_location=f"{like.owner_id}/ec2spawner-root-{path.name}",
                creation_date=made.replace(tzinfo=None),
                region_name=self.backend.describe_availability_zones()[0].name,
            )
            image.root = path
            image.ebs_snapshot.gib = like.ebs_snapshot.gib
            self.backend.amis[image.id] = image

    def create(
        self,
        instance: LocalInstance,
        name: str,
        description: str,
        reboot: bool,
        tags: dict[str, dict[str, str]],
        without: list[str],
    ) -> LocalAmi:
        """``without``: devices whose volumes do not become part of the image."""
        backend = self.backend
        image: LocalAmi = backend.create_image(instance.id, name, description, [])
        image.add_tags(tags.get("image", {}))
        image.image_location = f"{image.owner_id}/{name}"
        image.hypervisor = "xen"
        image.root_device_type = "ebs"
        image.root_device_name = instance.root_device_name
        image.layers = instance.image_layers
        image.root = instance.image_root
        root = instance.block_device_mapping.get(instance.root_device_name)
        if root is not None:
            image.ebs_snapshot.gib = int(root.size)
        self._begin(
            image,
            tags,
            lambda: self._save(
                image, instance, reboot, tags.get("snapshot", {}), without
            ),
        )
        return image

    def copy(
        self,
        source: LocalAmi,
        name: str,
        description: str,
        tags: dict[str, dict[str, str]],
    ) -> LocalAmi:
        """Of an image of this or another Region. Permissions are not copied."""
        image = LocalAmi(
            self.backend,
            random_ami_id(),
            source_ami=source,
            name=name,
            description=description or source.description,
            owner_id=self.backend.account_id,
            hypervisor=source.hypervisor,
            root_device_type=source.root_device_type,
            root_device_name=source.root_device_name,
            image_location=f"{self.backend.account_id}/{name}",
            snapshot_description=f"Copied for DestinationAmi from {source.id}",
        )
        self.backend.amis[image.id] = image
        image.ebs_snapshot.gib = source.ebs_snapshot.gib
        image.source_image_id = source.id
        image.source_image_region = source.ec2_backend.region_name
        image.add_tags(tags.get("image", {}))
        of_snapshots = tags.get("snapshot", {})
        for device, snapshot, with_machine in source.data:
            copied = self.backend.copy_snapshot(
                snapshot.id,
                source.ec2_backend.region_name,
                f"Copied for DestinationAmi {image.id} from {source.id}",
            )
            copied.add_tags(of_snapshots)
            image.data.append((device, copied, with_machine))
        copies = [snapshot for _, snapshot, _ in image.data]
        self._begin(image, tags, lambda: [each.copying.wait() for each in copies])
        return image

    def _begin(
        self,
        image: LocalAmi,
        tags: dict[str, dict[str, str]],
        work: Callable[[], object],
    ) -> None:
        """Let an image be ``pending`` until its work is done, on another thread."""
        done: Future[None] = Future()
        image.saving = Ripening(self.world.settings.snapshot_seconds, done)
        image.ebs_snapshot.copying = image.saving
        image.ebs_snapshot.add_tags(tags.get("snapshot", {}))
        scripted = self.world.scripted.state_reason

        def run() -> None:
            try:
                if scripted is not None:
                    raise RuntimeError(scripted[1])
                work()
            except BaseException as error:
                if scripted is None:
                    log.exception("the image %s cannot be made", image.id)
                done.set_exception(error)
            else:
                done.set_result(None)

        self.world.clock.later(0, run)

    def _save(
        self,
        image: LocalAmi,
        instance: LocalInstance,
        reboot: bool,
        tags: dict[str, str],
        without: list[str],
    ) -> None:
        def save(machine: Machine | None) -> None:
            folder = self.world.folder / "images" / image.id
            if machine is not None:
                machine.save_disk(folder)
                image.layers = (folder, *image.layers)
            for snapshot in self._data_of(image, instance, tags, without):
                snapshot.copying.wait()

        self.world.lifecycle.at_rest(instance, reboot, save)

    def _data_of(
        self,
        image: LocalAmi,
        instance: LocalInstance,
        tags: dict[str, str],
        without: list[str],
    ) -> list[Any]:
        """Snapshots of the data volumes, as AWS makes them of all that are attached."""
        with self.world.lock:
            for device, block in instance.block_device_mapping.items():
                if device in (instance.root_device_name, *without):
                    continue
                snapshot = self.backend.create_snapshot(
                    block.volume_id,
                    f"Created by CreateImage({instance.id}) for {image.id}",
                    from_ami=image.id,
                )
                snapshot.add_tags(tags)
                image.data.append((device, snapshot, block.delete_on_termination))
            return [snapshot for _, snapshot, _ in image.data]
