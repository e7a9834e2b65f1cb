"""The volumes that EC2 makes together with a machine. Pure."""

from __future__ import annotations

import re
from typing import Any

from ..core.errors import EC2SpawnError, Reason
from ..ec2.facts import Image
from ..settings import LaunchSettings

# EC2 user guide, "Device names for volumes". The home has /dev/sdf.
_DATA_LETTERS = "ghijklmnop"
_DATA_DEVICE = re.compile(r"/dev/(?:sd|xvd)([a-z])\d*")


def root_volume(settings: LaunchSettings, image: Image) -> dict[str, Any]:
    """The machine's own disk, as a block device mapping of RunInstances."""
    ebs: dict[str, Any] = {
        "VolumeType": "gp3",
        "DeleteOnTermination": True,
    }
    # Memory that is written to it must be, too: EC2 demands it.
    if settings.root_volume_encrypted or settings.on_stop == "hibernate":
        # Never False: EC2 refuses that for an image that is encrypted itself.
        ebs["Encrypted"] = True
    if settings.root_volume_size:
        ebs["VolumeSize"] = settings.root_volume_size
    return {"DeviceName": image.root_device, "Ebs": ebs}


def data_devices(settings: LaunchSettings, image: Image) -> dict[str, str]:
    """The device of each data volume: mount path -> name in the launch request.

    :raises EC2SpawnError: when the image's own volumes leave too few
    """
    found = map(_DATA_DEVICE.fullmatch, image.devices)
    taken = {match[1] for match in found if match}
    free = [f"/dev/sd{letter}" for letter in _DATA_LETTERS if letter not in taken]
    paths = [volume["mount_path"] for volume in settings.data_volumes]
    if len(paths) > len(free):
        raise EC2SpawnError(
            "There are too many data volumes for this server's image. Please tell "
            "your hub's admin.",
            reason=Reason.CONFIG,
            log_message=f"image {image.id} has volumes of its own, which leave room "
            f"for {len(free)} of the {len(paths)} data_volumes",
        )
    return dict(zip(paths, free))


def data_volumes(settings: LaunchSettings, image: Image) -> list[dict[str, Any]]:
    """The data volumes, as block device mappings of RunInstances."""
    devices = data_devices(settings, image)
    return [
        {
            "DeviceName": devices[volume["mount_path"]],
            # Encrypted as the snapshot is, when nothing is said of it.
            "Ebs": {
                "SnapshotId": volume["snapshot_id"],
                "VolumeType": "gp3",
                "DeleteOnTermination": True,
            },
        }
        for volume in settings.data_volumes
    ]
