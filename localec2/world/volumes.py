"""Volumes and snapshots: moto's, with AWS's states and with data.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-describing-volumes.html
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar, Protocol

import moto.ec2.models.elastic_block_store as ebs

from ..machines.base import VolumeBusy, VolumeSpec
from ..machines.volume_store import VolumeStore
from ..settings import LocalSettings
from .clock import Clock
from .instance import LocalInstance
from .transition import Ripening

log = logging.getLogger(__name__)

#: how often a machine that holds on to a volume is asked again, seconds
_AGAIN = 0.2


class World(Protocol):
    """What volumes need of the cloud."""

    settings: LocalSettings
    lock: threading.RLock
    clock: Clock
    volumes: VolumeStore


class LocalVolume(ebs.Volume):  # type: ignore[misc]
    """moto's volume. It only holds data: `VolumeLife` acts."""

    # moto's metaclass reads the service's name from here.
    __module__ = "moto.ec2.models.elastic_block_store"

    life_of: ClassVar[VolumeLife]
    #: it is to turn out to be in error
    doomed = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deleting = False
        #: when it was modified (`time.monotonic`)
        self.modified_at: list[float] = []
        self._creation = self.life_of.created(self)

    @property
    def status(self) -> str:
        if self.deleting:
            return "deleting"
        if self._creation.failed:
            return "error"
        if self.attachment:
            return "in-use"
        if not self._creation.ripe:
            return "creating"
        return "error" if self.doomed else "available"

    def modify(self, *args: Any, **kwargs: Any) -> None:
        super().modify(*args, **kwargs)
        # AWS tells of the last one only.
        del self.modifications[:-1]
        self.modified_at.append(time.monotonic())
        self.life_of.modified(self, self.modifications[-1])


class LocalModification(ebs.VolumeModification):  # type: ignore[misc]
    __module__ = "moto.ec2.models.elastic_block_store"

    #: growing the data; None: nothing to do
    growth: Ripening | None = None

    @property
    def modification_state(self) -> str:
        return "modifying" if self.growth and not self.growth.ripe else "completed"

    @property
    def progress(self) -> int:
        return 100 if self.modification_state == "completed" else 0


class LocalSnapshot(ebs.Snapshot):  # type: ignore[misc]
    __module__ = "moto.ec2.models.elastic_block_store"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: of the volume as it was then
        self.gib = int(self.volume.size)
        #: it is to turn out to be in error
        self.doomed = False
        #: None: nothing was copied
        self.copying: Ripening | None = None

    @property
    def volume_size(self) -> int:
        return self.gib

    @property
    def status(self) -> str:
        if self.copying is not None and self.copying.failed:
            return "error"
        if self.copying and not self.copying.ripe:
            return "pending"
        return "error" if self.doomed else "completed"

    @status.setter
    def status(self, value: str) -> None:
        """moto sets it once and for all."""

    @property
    def full_snapshot_size_in_bytes(self) -> int | None:
        """As if all blocks of the volume had been written (EC2 API, ``Snapshot``)."""
        return self.gib * 2**30 if self.status == "completed" else None

    @property
    def progress(self) -> str:
        return f"{self.copying.percent if self.copying else 100}%"


class VolumeLife:
    """All that happens to volumes. Public calls are made under the world's lock."""

    def __init__(self, world: World) -> None:
        self.world = world

    # ---- told by moto's models

    def created(self, volume: LocalVolume) -> Ripening:
        copying = None
        if volume.snapshot_id:
            copying = self.world.volumes.copy(volume.snapshot_id, volume.id)
        return self._ripening(copying)

    def modified(self, volume: LocalVolume, change: LocalModification) -> None:
        growing = self.world.volumes.grow(volume.id, int(volume.size))
        change.growth = self._ripening(growing)
        if volume.attachment is not None:
            instance = volume.attachment.instance
            instance.block_device_mapping[volume.attachment.device].size = volume.size
            self.world.clock.later(0, self._tell_size, volume, growing)

    def copied(self, source: str, snapshot: LocalSnapshot) -> None:
        """A snapshot of a volume, or of another snapshot."""
        seconds = self.world.settings.snapshot_seconds
        copying = self.world.volumes.copy(source, snapshot.id)
        snapshot.copying = Ripening(seconds, copying)

    def removed(self, some_id: str) -> None:
        """A volume or snapshot is no more."""
        self.world.volumes.remove(some_id)

    # ---- asked by the API

    def attached(self, volume: LocalVolume) -> None:
        """AttachVolume has recorded it."""
        _put(volume.attachment, "attaching")
        self.world.clock.later(0, self._plug, volume, volume.attachment)

    def detach(self, volume: LocalVolume, force: bool) -> None:
        """Let it go when its machine does, or at once by ``force``."""
        attachment = volume.attachment
        begun = attachment.status in ("detaching", "busy")
        attachment.forced = force or getattr(attachment, "forced", False)
        if not begun or force:
            _put(attachment, "detaching")
            self.world.clock.later(0, self._unplug, volume, attachment)

    def delete(self, volume: LocalVolume) -> None:
        volume.deleting = True
        if self.world.settings.volume_seconds > 0:
            self._after(0, self._deleted, volume)
        else:
            self._deleted(volume)

    # ---- for machines

    def of_machine(self, instance: LocalInstance) -> tuple[VolumeSpec, ...]:
        """What is plugged in at power-on. Not under the lock: it waits for data."""
        with self.world.lock:
            wanted = [
                (each, each.volume.id, each.device, int(each.volume.size))
                for each in self._attachments(instance)
                if each.status in ("attaching", "attached")
            ]
        return tuple(
            VolumeSpec(volume_id, device, self._data(volume_id, gib))
            for _, volume_id, device, gib in wanted
        )

    def _attachments(self, instance: LocalInstance) -> list[Any]:
        """Without the root's."""
        volumes = instance.ec2_backend.volumes
        return [
            volumes[block.volume_id].attachment
            for device, block in instance.block_device_mapping.items()
            if device != instance.root_device_name
        ]

    # ---- below: on the clock's workers

    def _plug(self, volume: LocalVolume, attachment: Any) -> None:
        began = time.monotonic()
        instance = attachment.instance
        with instance.power:
            with self.world.lock:
                if volume.attachment is not attachment:
                    return
                machine = instance.machine if instance.state == "running" else None
            if machine is not None and attachment.status == "attaching":
                try:
                    machine.attach(self._spec(volume, attachment))
                except Exception:
                    # EC2 shows such a volume as attaching, for ever.
                    log.exception("%s cannot be attached", volume.id)
                    return
        self._after(began, self._is_plugged, volume, attachment)

    def _is_plugged(self, volume: LocalVolume, attachment: Any) -> None:
        with self.world.lock:
            if volume.attachment is attachment and attachment.status == "attaching":
                _put(attachment, "attached")

    def _unplug(self, volume: LocalVolume, attachment: Any) -> None:
        began = time.monotonic()
        instance = attachment.instance
        with instance.power:
            with self.world.lock:
                if volume.attachment is not attachment:
                    return
                machine, forced = instance.machine, attachment.forced
            if machine is not None:
                spec = self._spec(volume, attachment)
                try:
                    machine.detach(spec, forced)
                except VolumeBusy:
                    with self.world.lock:
                        _put(attachment, "busy")
                    self.world.clock.later(_AGAIN, self._unplug, volume, attachment)
                    return
        self._after(began, self._is_unplugged, volume, attachment)

    def _is_unplugged(self, volume: LocalVolume, attachment: Any) -> None:
        with self.world.lock:
            if volume.attachment is attachment:
                volume.ec2_backend.detach_volume(
                    volume.id, attachment.instance.id, attachment.device
                )

    def _tell_size(self, volume: LocalVolume, growing: Future[None]) -> None:
        growing.result()
        attachment = volume.attachment
        if attachment is None:
            return
        with attachment.instance.power:
            machine = attachment.instance.machine
            if volume.attachment is attachment and machine is not None:
                machine.resized(self._spec(volume, attachment))

    def _deleted(self, volume: LocalVolume) -> None:
        with self.world.lock:
            if volume.id in volume.ec2_backend.volumes:
                volume.ec2_backend.delete_volume(volume.id)

    def _spec(self, volume: LocalVolume, attachment: Any) -> VolumeSpec:
        data = self._data(volume.id, int(volume.size))
        return VolumeSpec(volume.id, attachment.device, data)

    def _data(self, volume_id: str, gib: int) -> Path:
        return self.world.volumes.open(volume_id, gib)

    def _ripening(self, work: Future[None] | None) -> Ripening:
        return Ripening(self.world.settings.volume_seconds, work)

    def _after(self, began: float, call: Any, *args: Any) -> None:
        """When the time that such a change takes is over."""
        took = time.monotonic() - began if began else 0.0
        left = self.world.settings.volume_seconds - took
        self.world.clock.later(left, call, *args)


def _put(attachment: Any, status: str) -> None:
    """In both places where AWS shows it."""
    attachment.status = status
    block = attachment.instance.block_device_mapping.get(attachment.device)
    if block is not None:
        block.status = status
