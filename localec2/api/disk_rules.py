"""Block device mappings of a launch: what EC2 refuses, and what it fills in.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
"""

from __future__ import annotations

from typing import Any

from ..errors import AwsError
from ..requests.request import ApiRequest
from .volume_rules import completed_snapshot, slot, too_small


def check_disks(request: ApiRequest, image: Any | None, backend: Any) -> None:
    """Write into the request what the image and EC2 add to it: the root volume, which
    is always there and no smaller than its snapshot, and the image's data volumes."""
    disks = request.groups("BlockDeviceMapping")
    if image is None or not (disks or image.data):
        return
    names = [disk.get("DeviceName", "") for disk in disks]
    for name in names:
        if slot(name) is None:
            raise AwsError("InvalidBlockDeviceMapping", f"Invalid device name {name}")
    if len({slot(name) for name in names}) != len(names):
        raise AwsError(
            "InvalidBlockDeviceMapping", "A device name is used more than once."
        )
    of_image = _of_image(image)
    for name in of_image:
        if name not in names:
            disks.append({"DeviceName": name})
    changes: dict[str, str] = {}
    for number, disk in enumerate(disks, 1):
        name = disk["DeviceName"]
        if "NoDevice" not in disk:
            disk = {**of_image.get(name, {}), **disk}
        if name == image.root_device_name:
            _check_root(disk, image)
            disk.pop("Ebs.SnapshotId", None)  # it has no data of its own
        else:
            _check_data(disk, backend)
        for key, value in disk.items():
            changes[f"BlockDeviceMapping.{number}.{key}"] = value
    request.rewrite(changes)


def _of_image(image: Any) -> dict[str, dict[str, str]]:
    """What the image says about each of its devices, as a request would."""
    return {
        mapping["DeviceName"]: {
            "Ebs.SnapshotId": mapping["Ebs"]["SnapshotId"],
            "Ebs.VolumeSize": str(mapping["Ebs"]["VolumeSize"]),
            "Ebs.DeleteOnTermination": str(
                mapping["Ebs"]["DeleteOnTermination"]
            ).lower(),
        }
        for mapping in image.block_device_mappings
    }


def _check_root(disk: dict[str, str], image: Any) -> None:
    snapshot = image.ebs_snapshot
    if int(disk.get("Ebs.VolumeSize", snapshot.volume_size)) < snapshot.volume_size:
        size = disk["Ebs.VolumeSize"]
        raise AwsError("InvalidBlockDeviceMapping", too_small(int(size), snapshot))


def _check_data(disk: dict[str, str], backend: Any) -> None:
    """A volume that is made for the machine; its size when that is left to EC2."""
    snapshot_id, size = disk.get("Ebs.SnapshotId"), disk.get("Ebs.VolumeSize")
    if snapshot_id:
        snapshot = completed_snapshot(snapshot_id, backend)
        if size is not None and int(size) < snapshot.volume_size:
            raise AwsError("InvalidBlockDeviceMapping", too_small(int(size), snapshot))
        disk["Ebs.VolumeSize"] = size or str(snapshot.volume_size)
    elif not size and "NoDevice" not in disk:
        raise AwsError(
            "MissingParameter",
            "The request must contain the parameter size or snapshotId",
        )
