"""Homes and machines: a home is taken off one and given to another, and grows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from ..core.errors import EC2SpawnError, Reason
from ..ec2.again import Looks, repeat_in_doubt
from ..ec2.clients import Clients
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.errors.kinds import Kind
from ..ec2.inventory import Inventory
from ..ec2.machines import Machine
from ..ec2.volumes import (
    Volume,
    attach_volume,
    describe_volume,
    detach_volume,
    grow_volume,
)
from .errors import in_use, not_attached
from .store import Homes

# EC2 user guide, "Device names for volumes": recommended for data volumes, on every
# kind of instance. What the machine sees is another name; the agent knows.
DEVICE = "/dev/sdf"
_POLL_SECONDS = 0.5
# A machine that is pending cannot have it yet; for so long that is believed.
_PENDING_SECONDS = 5.0
# The machine is still pending; it has been attached by a call whose answer was lost;
# it is just being made larger.
_NOT_YET = ("IncorrectState", "VolumeInUse", "OperationNotPermitted")
_PASSES = (Kind.AMBIGUOUS, Kind.THROTTLED, Kind.NOT_VISIBLE)


class Attaching:
    """Brings the homes of one fleet to its machines."""

    def __init__(
        self,
        clients: Clients,
        inventory: Inventory,
        homes: Homes,
        log: logging.Logger,
        end: Callable[[str, float], Awaitable[bool]],
    ) -> None:
        """``end`` ends a machine, and says whether EC2 has confirmed it in time."""
        self._clients = clients
        self._inventory = inventory
        self._homes = homes
        self._log = log
        self._end = end

    async def free(self, volume: Volume, mine: frozenset[str], timeout: float) -> None:
        """Wait until a home hangs on no machine, or on one of ``mine``.

        It is taken off a machine that is stopped: nobody writes to it there. One that
        hibernates is ended before. From one that runs it is not taken.

        :param mine: ids of machines on which it may stay
        :raises EC2SpawnError: when another machine has it and keeps it
        """
        end = time.monotonic() + timeout
        while volume.attached_to and volume.attached_to not in mine:
            holder = await self._holder(volume.attached_to)
            state = holder.state if holder else ""
            if holder and holder.hibernated:
                # In its memory the home is mounted: without it, or changed by
                # another, it would be damaged when that goes on.
                await self._end(holder.id, _POLL_SECONDS)
            elif state == "stopped" and volume.attachment == "attached":
                await self._take_off(volume)
            if state in ("pending", "running") or time.monotonic() > end:
                raise in_use(volume, holder)
            await asyncio.sleep(_POLL_SECONDS)
            volume = await describe_volume(self._clients.reading, volume.id)

    async def _take_off(self, volume: Volume) -> None:
        try:
            await detach_volume(self._clients.launching, volume.id, volume.attached_to)
        except EC2Error as e:
            # The machine may be ending at this moment: look, and see.
            self._log.info("Home %s: %s", volume.id, admin_hint(e))

    async def _holder(self, instance_id: str) -> Machine | None:
        """The machine that has a home; None when EC2 does not show it."""
        if await self._inventory.newer_than(time.monotonic(), 10) is None:
            return None
        try:
            return await self._inventory.look(instance_id)
        except EC2Error as e:
            self._log.info("The machine that has a home: %s", admin_hint(e))
            return None

    async def attach(self, volume_id: str, instance_id: str, timeout: float) -> None:
        """Attach a home to a machine; return when EC2 says that it is.

        A machine that is pending gets it as soon as it runs. A move of the home is
        given up first: what it has copied is not what the user will leave there.

        :raises EC2SpawnError: when that takes longer than ``timeout`` seconds, or when
            the home is another machine's
        :raises EC2Error: when EC2 refuses it
        """
        if volume_id in self._homes.moves_under_way:
            raise EC2SpawnError(
                f"Your home ({volume_id}) is on its way to another zone, for another "
                "of your servers. Wait until that one has started, or stop it.",
                reason=Reason.HOME,
            )
        async with self._homes.volume_locks[volume_id]:
            await self._give_up_move(volume_id)
            await self._attach(volume_id, instance_id, timeout)

    async def _give_up_move(self, volume_id: str) -> None:
        volume = await describe_volume(self._clients.reading, volume_id)
        if volume.move and not volume.heir:
            self._log.info("Home %s: its move is given up", volume_id)
            await self._homes.end_move(volume_id)
            await self._homes.shown(volume_id, lambda v: not v.move)
        elif volume.heir:
            raise EC2SpawnError(
                f"Your home ({volume_id}) has just moved to another zone. Try again.",
                reason=Reason.HOME,
            )

    async def _attach(self, volume_id: str, instance_id: str, timeout: float) -> None:
        try_anyway = _PENDING_SECONDS
        async for waited in Looks(_POLL_SECONDS, within=timeout):
            volume = await describe_volume(self._clients.reading, volume_id)
            if volume.attached_to == instance_id and volume.attachment == "attached":
                return
            if volume.attached_to not in ("", instance_id):
                if volume.attachment in ("attaching", "attached"):
                    holder = self._inventory.get(volume.attached_to)
                    raise in_use(volume, holder)
            machine = self._inventory.get(instance_id)
            pending = machine is not None and machine.state == "pending"
            # What is known of it may be old: now and then it is tried all the same.
            if volume.state == "available" and (not pending or waited >= try_anyway):
                try_anyway = waited + _PENDING_SECONDS
                await self._attach_once(volume, instance_id)
        raise not_attached(volume, instance_id)

    async def _attach_once(self, volume: Volume, instance_id: str) -> None:
        try:
            await attach_volume(self._clients.launching, volume.id, instance_id, DEVICE)
        except EC2Error as e:
            if e.kind not in _PASSES and e.code not in _NOT_YET:
                raise
            self._log.info("Home %s: %s", volume.id, admin_hint(e))

    async def grow(self, volume: Volume, size: int) -> None:
        """Make a home as large as the settings say; a larger one stays as it is."""
        if volume.size >= size:
            return

        async def once(repeat: int) -> None:
            try:
                await grow_volume(self._clients.launching, volume.id, size)
            except EC2Error as e:
                # The first has done it, and its answer was lost.
                if not (repeat and e.code == "IncorrectModificationState"):
                    raise

        try:
            await repeat_in_doubt(once, lambda e: e.kind in _PASSES)
        except EC2Error as e:
            # It is no reason to keep a user from working.
            self._log.warning("Home %s cannot grow now: %s", volume.id, admin_hint(e))
