"""The homes of one fleet: found, made, grown, discarded. Never given to another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from .ec2.clients import Clients
from .ec2.errors import EC2Error, admin_hint
from .ec2.inventory import Inventory
from .ec2.meanings import Kind
from .ec2.parts import Part, PartKind, delete_part
from .ec2.tags import create_tags
from .ec2.volumes import (
    Volume,
    attach_volume,
    create_volume,
    describe_volume,
    detach_volume,
    grow_volume,
    homes_of,
)
from .errors import EC2SpawnError, Reason
from .identity import ARCHIVE_TAG, DISCARD_TAG, HOME_TAG, HUB_TAG, digest

# EC2 user guide, "Device names for volumes": recommended for data volumes, on every
# kind of instance. What the machine sees is another name; the agent knows.
DEVICE = "/dev/sdf"
_POLL_SECONDS = 0.5
_REPEATS_WHEN_AMBIGUOUS = 3
# The machine is still pending; it has been attached by a call whose answer was lost;
# it is just being made larger.
_NOT_YET = ("IncorrectState", "VolumeInUse", "OperationNotPermitted")


@dataclass(frozen=True)
class HomeSpec:
    """What a new home is made of. ``size`` is in GiB."""

    owner: str
    size: int
    kms_key_id: str
    tags: Mapping[str, str]


class Homes:
    """Looks after the homes of one hub in one region."""

    def __init__(
        self, hub_id: str, clients: Clients, inventory: Inventory, log: logging.Logger
    ) -> None:
        self._hub_id = hub_id
        self._clients = clients
        self._inventory = inventory
        self._log = log
        # Two servers of one user must not make a home each.
        self.making: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def find(
        self,
        owner: str,
        volume_id: str,
        others: Callable[[], Collection[str]] = frozenset,
    ) -> Volume | None:
        """An owner's home: the one that the database names, else the one so tagged.

        A volume that was discarded is nobody's home. Where a home has moved, another
        server of its user may still name the volume that it moved from.

        :param volume_id: of the database; empty when it knows of none
        :param others: the volumes that the database knows as other owners' homes, who
            may have had the same name
        :raises EC2SpawnError: when the answer would be a guess, or the volume that
            the database names is lost
        :raises EC2Error: when EC2 does not answer
        """
        why = ""
        if volume_id:
            known, why = await self._known(volume_id)
            if known is not None:
                return known
        tagged = await self._tagged(owner, others)
        if volume_id and tagged is None:
            raise lost(volume_id, why)
        return tagged

    async def _tagged(
        self, owner: str, others: Callable[[], Collection[str]]
    ) -> Volume | None:
        found = await homes_of(self._clients.reading, self._hub_id, owner)
        if found:
            theirs = others()
            found = [volume for volume in found if volume.id not in theirs]
        if len(found) > 1:
            ids = ", ".join(sorted(volume.id for volume in found))
            raise EC2SpawnError(
                f"You have several homes ({ids}), and only your hub's admin can say "
                "which is the right one.",
                reason=Reason.HOME,
                log_message=f"Volumes {ids} all carry {HOME_TAG}={owner}: take the "
                "tag off all but one",
            )
        return found[0] if found else None

    async def _known(self, volume_id: str) -> tuple[Volume | None, str]:
        """The volume of that id; or None, and why it is no home of this hub."""
        try:
            volume = await describe_volume(self._clients.reading, volume_id)
        except EC2Error as e:
            if e.code != "InvalidVolume.NotFound":
                raise
            return None, "EC2 does not know it"
        if volume.gone:
            return None, f"it is {volume.state}"
        if volume.hub_id != self._hub_id:
            return None, "it has another hub's tag"
        if volume.discarded:
            return None, f"it was given up (tag {DISCARD_TAG} or {ARCHIVE_TAG})"
        return volume, ""

    async def make(self, spec: HomeSpec, zone: str, launch_id: str) -> Volume:
        """An owner's first home. Made once, however often a launch asks for it.

        :raises EC2Error: when EC2 refuses it
        """
        tags = {**spec.tags, HUB_TAG: self._hub_id, HOME_TAG: spec.owner}
        request = {
            "AvailabilityZone": zone,
            "Size": spec.size,
            "VolumeType": "gp3",
            "Encrypted": True,
            "TagSpecifications": [
                {
                    "ResourceType": "volume",
                    "Tags": [{"Key": k, "Value": v} for k, v in tags.items()],
                }
            ],
        }
        if spec.kms_key_id:
            request["KmsKeyId"] = spec.kms_key_id
        token = digest("home", spec.owner, launch_id, zone, length=40)
        for repeat in range(_REPEATS_WHEN_AMBIGUOUS):
            try:
                return await create_volume(self._clients.launching, request, token)
            except EC2Error as e:
                if e.kind is not Kind.AMBIGUOUS:
                    raise
                doubt = e
                await asyncio.sleep(0.5 * 2**repeat)
        raise doubt

    async def free(self, volume: Volume, mine: frozenset[str], timeout: float) -> None:
        """Wait until a home hangs on no machine, or on one of ``mine``.

        It is taken off a machine that is stopped: nobody writes to it there. From
        one that runs it is not.

        :param mine: ids of machines on which it may stay
        :raises EC2SpawnError: when another machine has it and keeps it
        """
        end = time.monotonic() + timeout
        while volume.attached_to and volume.attached_to not in mine:
            holder = await self._holder(volume.attached_to)
            if holder == "stopped" and volume.attachment == "attached":
                await self._take_off(volume)
            if holder in ("pending", "running") or time.monotonic() > end:
                raise _in_use(volume)
            await asyncio.sleep(_POLL_SECONDS)
            volume = await describe_volume(self._clients.reading, volume.id)

    async def _take_off(self, volume: Volume) -> None:
        try:
            await detach_volume(self._clients.launching, volume.id, volume.attached_to)
        except EC2Error as e:
            # The machine may be ending at this moment: look, and see.
            self._log.info("Home %s: %s", volume.id, admin_hint(e))

    async def _holder(self, instance_id: str) -> str:
        """The state of the machine that has a home; empty when EC2 shows none."""
        listing = await self._inventory.newer_than(time.monotonic(), 10)
        machine = listing.machines.get(instance_id) if listing else None
        return machine.state if machine else ""

    async def attach(self, volume_id: str, instance_id: str, timeout: float) -> None:
        """Attach a home to a machine; return when EC2 says that it is.

        A machine that is pending gets it as soon as it runs.

        :raises EC2SpawnError: when that takes longer than ``timeout`` seconds
        :raises EC2Error: when EC2 refuses it
        """
        end = time.monotonic() + timeout
        while True:
            volume = await describe_volume(self._clients.reading, volume_id)
            if volume.attached_to == instance_id and volume.attachment == "attached":
                return
            machine = self._inventory.get(instance_id)
            pending = machine is not None and machine.state == "pending"
            if volume.state == "available" and not pending:
                await self._attach_once(volume, instance_id)
            if time.monotonic() > end:
                raise EC2SpawnError(
                    f"Your home ({volume.id}) could not be attached to machine "
                    f"{instance_id} in time. Nothing is lost. Try again.",
                    reason=Reason.HOME,
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def _attach_once(self, volume: Volume, instance_id: str) -> None:
        try:
            await attach_volume(self._clients.launching, volume.id, instance_id, DEVICE)
        except EC2Error as e:
            if e.kind is Kind.FATAL and e.code not in _NOT_YET:
                raise
            self._log.info("Home %s: %s", volume.id, admin_hint(e))

    async def grow(self, volume: Volume, size: int) -> None:
        """Make a home as large as the settings say; a larger one stays as it is."""
        if volume.size >= size:
            return
        try:
            await grow_volume(self._clients.launching, volume.id, size)
        except EC2Error as e:
            # It is no reason to keep a user from working.
            self._log.warning("Home %s cannot grow now: %s", volume.id, admin_hint(e))

    async def all_of(
        self, owners: Collection[str], ids: Collection[str]
    ) -> list[Volume]:
        """The homes with one of these owners' tags, or one of these ids.

        :raises EC2Error: when EC2 does not answer
        """
        reading = self._clients.reading
        found = [v for o in owners for v in await homes_of(reading, self._hub_id, o)]
        for id in set(ids) - {v.id for v in found}:
            volume, _ = await self._known(id)
            found += [volume] if volume else []
        return found

    async def hand_over(self, volume_id: str, owner: str) -> None:
        """Make a home findable by its owner's new name.

        :raises EC2Error: when it cannot be tagged
        """
        await create_tags(self._clients.reading, [volume_id], {HOME_TAG: owner})

    async def archive(self, ids: Sequence[str]) -> None:
        """Give up homes, but for a snapshot, which the sweep makes of each.

        :raises EC2Error: when they cannot be tagged
        """
        tag = {ARCHIVE_TAG: str(int(time.time()))}
        await create_tags(self._clients.reading, ids, tag)

    async def discard(self, ids: Sequence[str]) -> None:
        """Give up volumes or snapshots of homes for good: tag them, then delete them.

        What is still in use is deleted by the sweep. So is all that is tagged when
        the Hub is killed in between.

        :raises EC2Error: when they cannot be tagged; then nothing is deleted
        """
        tag = {DISCARD_TAG: str(int(time.time()))}
        unknown = await create_tags(self._clients.reading, ids, tag)
        for id in ids:
            if id in unknown:
                continue
            try:
                await delete_part(self._clients.killing, Part(id, kind_of(id)))
            except EC2Error as e:
                self._log.info("%s is deleted later: %s", id, admin_hint(e))


def kind_of(id: str) -> PartKind:
    """Whether an id is a volume's or a snapshot's."""
    return PartKind.SNAPSHOT if id.startswith("snap-") else PartKind.VOLUME


def lost(volume_id: str, why: str) -> EC2SpawnError:
    return EC2SpawnError(
        f"Your home ({volume_id}) cannot be found. Nothing is started without it. "
        "Please tell your hub's admin.",
        reason=Reason.HOME,
        log_message=f"Home {volume_id}: {why}. A snapshot may have it; to begin with "
        "an empty home, delete the server's state",
    )


def _in_use(volume: Volume) -> EC2SpawnError:
    return EC2SpawnError(
        f"Your home ({volume.id}) is in use on machine {volume.attached_to}. Stop "
        "the server that runs there, then try again.",
        reason=Reason.HOME,
    )
