"""The data volumes of a machine: which of its devices is to be mounted where."""

from __future__ import annotations

import time

from ..claim.messages import DataVolume
from ..core.errors import EC2SpawnError, Reason
from .context import Server

_SECONDS = 60.0


async def volumes_to_mount(spawner: Server) -> list[DataVolume]:
    """What the machine is to mount.

    EC2 makes the volumes with the machine, and only a listing says their ids.

    :raises EC2SpawnError: when none does in time
    """
    devices = spawner.state.data_devices
    end = time.monotonic() + _SECONDS
    inventory = spawner.fleet.inventory
    while True:
        machine = inventory.get(spawner.state.instance_id)
        known = machine.volumes if machine is not None else {}
        if all(known.get(device) for device in devices.values()):
            return [
                DataVolume(known[device], device, path)
                for path, device in devices.items()
            ]
        if time.monotonic() > end:
            raise EC2SpawnError(
                "The data volumes of this server do not show up. Try again.",
                reason=Reason.CLOUD,
                log_message=f"EC2 does not list the volumes of {', '.join(devices)} "
                f"on machine {spawner.state.instance_id}",
            )
        await inventory.next(max(end - time.monotonic(), 1))
