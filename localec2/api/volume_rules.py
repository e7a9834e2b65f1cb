"""What EC2 refuses about volumes and snapshots that moto lets through.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import re
import time
from typing import Any

from ..errors import AwsError
from ..requests.request import ApiRequest
from .tag_rules import check_tags

#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html
_DEVICE = re.compile(r"(?:/dev/)?(?:sd|xvd)([a-z]{1,2}(?:[1-9]|1[0-5])?)$")

#: modifications of one volume in 24 hours
#: https://github.com/awslabs/data-on-eks/pull/1106
_MODIFICATIONS = 4


def slot(device: str) -> str | None:
    """Where a volume is plugged in: /dev/sdf and /dev/xvdf are one. None: nowhere."""
    found = _DEVICE.match(device)
    return found.group(1) if found else None


def check_create(request: ApiRequest, backend: Any) -> None:
    zone = request.get("AvailabilityZone")
    if not zone:
        raise AwsError(
            "MissingParameter",
            "The request must contain the parameter AvailabilityZone",
        )
    if zone not in [z.name for z in backend.describe_availability_zones()]:
        raise AwsError("InvalidZone.NotFound", f"The zone '{zone}' does not exist.")
    _one_machine(request)
    snapshot_id = request.get("SnapshotId")
    if snapshot_id:
        snapshot = completed_snapshot(snapshot_id, backend)
        size = request.number("Size", snapshot.volume_size)
        if size < snapshot.volume_size:
            raise AwsError("InvalidParameterValue", too_small(size, snapshot))
        request.rewrite({"Size": str(size)})
    for _, tags in request.tag_specifications():
        check_tags(tags)


def completed_snapshot(snapshot_id: str, backend: Any) -> Any:
    snapshot = backend.snapshots.get(snapshot_id)
    if snapshot is None:
        raise AwsError(
            "InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist."
        )
    if snapshot.status != "completed":
        raise AwsError(
            "IncorrectState",
            f"Snapshot is in invalid state - {snapshot.status}",
        )
    return snapshot


def too_small(size: int, snapshot: Any) -> str:
    return (
        f"Volume of size {size}GB is smaller than snapshot '{snapshot.id}', "
        f"expect size >= {snapshot.volume_size}GB"
    )


def check_attach(request: ApiRequest, backend: Any, instance: Any) -> None:
    volume = _volume(request, backend)
    device = request.get("Device") or ""
    if volume.attachment is not None:
        raise AwsError("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.status != "available":
        raise AwsError("IncorrectState", f"{volume.id} is not 'available'.")
    if _is_changing(volume):
        raise AwsError(
            "OperationNotPermitted",
            f"Cannot attach volume {volume.id} when it is in modification state: "
            "MODIFYING",
        )
    if volume.availability_zone != instance.availability_zone:
        raise AwsError(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{volume.id}' is not in the same availability zone as "
            f"instance '{instance.id}'",
        )
    if instance.state not in ("running", "stopped"):
        raise AwsError("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
    if not device:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter device"
        )
    if slot(device) is None:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({device}) for parameter device is invalid. {device} is not a "
            "valid EBS device name.",
        )
    if slot(device) in [slot(each) for each in instance.block_device_mapping]:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{device}' for unixDevice. Attachment point {device} is "
            "already in use",
        )


def check_detach(request: ApiRequest, backend: Any) -> Any:
    """The volume that can be detached."""
    volume = _volume(request, backend)
    attachment = volume.attachment
    if attachment is None:
        raise AwsError(
            "IncorrectState", f"Volume '{volume.id}' is in the 'available' state."
        )
    instance = attachment.instance
    asked = request.get("InstanceId") or instance.id, request.get("Device")
    if asked != (instance.id, asked[1] and attachment.device):
        raise AwsError(
            "InvalidAttachment.NotFound",
            f"Volume '{volume.id}' is not attached to instance '{asked[0]}'.",
        )
    root = attachment.device == instance.root_device_name
    if root and instance.state not in ("stopped", "terminated"):
        raise AwsError(
            "OperationNotPermitted",
            f"Unable to detach root volume '{volume.id}' from instance "
            f"'{instance.id}'",
        )
    return volume


def check_delete(request: ApiRequest, backend: Any) -> Any:
    """The volume that can be deleted."""
    volume = _volume(request, backend)
    if volume.attachment is not None:
        raise AwsError(
            "VolumeInUse",
            f"Volume {volume.id} is currently attached to "
            f"{volume.attachment.instance.id}",
        )
    if volume.status not in ("available", "error"):
        raise AwsError("IncorrectState", f"{volume.id} is not 'available'.")
    return volume


def check_modify(request: ApiRequest, backend: Any) -> None:
    volume = _volume(request, backend)
    _one_machine(request)
    if volume.status not in ("available", "in-use"):
        raise AwsError("IncorrectState", f"{volume.id} is not 'available'.")
    if request.number("Size", volume.size) < volume.size:
        raise AwsError(
            "InvalidParameterValue",
            "New size cannot be smaller than existing size",
        )
    if _is_changing(volume):
        raise AwsError(
            "IncorrectModificationState",
            f"Volume {volume.id} is in modification state: MODIFYING",
        )
    day_ago = time.monotonic() - 24 * 3600
    if len([at for at in volume.modified_at if at > day_ago]) >= _MODIFICATIONS:
        raise AwsError(
            "VolumeModificationRateExceeded",
            "You've reached the maximum modification rate per volume limit: "
            f"{_MODIFICATIONS} modifications in 24 hours.",
        )


def check_snapshot(request: ApiRequest, backend: Any) -> None:
    volume = _volume(request, backend)
    if volume.status not in ("available", "in-use"):
        raise AwsError("IncorrectState", f"{volume.id} is not 'available'.")
    for _, tags in request.tag_specifications():
        check_tags(tags)


def _one_machine(request: ApiRequest) -> None:
    if request.flag("MultiAttachEnabled"):
        raise AwsError("UnsupportedOperation", "The local EC2 lacks Multi-Attach.")


def _is_changing(volume: Any) -> bool:
    return any(m.modification_state == "modifying" for m in volume.modifications)


def _volume(request: ApiRequest, backend: Any) -> Any:
    volume_id = request.get("VolumeId") or ""
    volume = backend.volumes.get(volume_id)
    if volume is None:
        raise AwsError(
            "InvalidVolume.NotFound", f"The volume '{volume_id}' does not exist."
        )
    return volume
