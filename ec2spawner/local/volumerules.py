"""What EC2 refuses about volumes that moto lets through.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from typing import Any

from .errors import AwsError
from .request import ApiRequest
from .tagrules import check_tags


def check_create(request: ApiRequest, backend: Any) -> None:
    zone = request.get("AvailabilityZone")
    if not zone:
        raise AwsError(
            "MissingParameter",
            "The request must contain the parameter AvailabilityZone",
        )
    if zone not in [z.name for z in backend.describe_availability_zones()]:
        raise AwsError("InvalidZone.NotFound", f"The zone '{zone}' does not exist.")
    for _, tags in request.tag_specifications():
        check_tags(tags)


def check_attach(request: ApiRequest, backend: Any) -> None:
    volume = _volume(request, backend)
    instance = backend.get_instance(request.get("InstanceId") or "")
    device = request.get("Device") or ""
    if volume.attachment is not None:
        raise AwsError("VolumeInUse", f"{volume.id} is already attached to an instance")
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
    if device in instance.block_device_mapping:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{device}' for unixDevice. Attachment point {device} is "
            "already in use",
        )


def check_detach(request: ApiRequest, backend: Any) -> None:
    volume = _volume(request, backend)
    attachment = volume.attachment
    if attachment is None:
        raise AwsError(
            "IncorrectState", f"Volume '{volume.id}' is in the 'available' state."
        )
    instance = attachment.instance
    asked = request.get("InstanceId")
    if asked and asked != instance.id:
        raise AwsError(
            "InvalidAttachment.NotFound",
            f"Volume '{volume.id}' is not attached to instance '{asked}'.",
        )
    root = attachment.device == instance.root_device_name
    if root and instance.state not in ("stopped", "terminated"):
        raise AwsError(
            "OperationNotPermitted",
            f"Unable to detach root volume '{volume.id}' from instance "
            f"'{instance.id}'",
        )
    # moto needs both; on AWS they are optional.
    request.rewrite({"InstanceId": instance.id, "Device": attachment.device})


def _volume(request: ApiRequest, backend: Any) -> Any:
    return backend.get_volume(request.get("VolumeId") or "")
