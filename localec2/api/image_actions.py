"""CreateImage, of machines with disks, and DeregisterImage.

Like AWS it takes everything along: nothing of the machine that it is made of is
cleaned up, neither keys and logs nor the machine id, and every attached volume becomes
part of the image. cloud-init notices another instance id and does its first-boot work
again.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/creating-an-ami-ebs.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from ..errors import AwsError
from ..requests.request import ApiRequest
from ..world.describe import check_ids
from ..world.images import ImageLife
from ..world.instance import LocalInstance
from .instance_actions import xml
from .tag_rules import check_tags

#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
_NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}$")


class World(Protocol):
    backend: Any
    image_life: ImageLife

    def instances(self, ids: list[str]) -> list[LocalInstance]: ...


def create_image(request: ApiRequest, world: World) -> bytes:
    instance_id = request.get("InstanceId") or ""
    check_ids([instance_id])
    (instance,) = world.instances([instance_id])
    name = request.get("Name") or ""
    _check_name(name, world.backend)
    tags = _tags(request)
    if instance.state not in ("running", "stopped"):
        raise AwsError(
            "IncorrectInstanceState",
            f"Instance '{instance.id}' is not in a state from which an image can be "
            "made: it must be 'running' or 'stopped'.",
        )
    without = [
        disk.get("DeviceName", "")
        for disk in request.groups("BlockDeviceMapping")
        if "NoDevice" in disk
    ]
    image = world.image_life.create(
        instance,
        name,
        request.get("Description") or "",
        not request.flag("NoReboot"),
        tags,
        without,
    )
    return xml("CreateImage", f"<imageId>{image.id}</imageId>")


def deregister_image(request: ApiRequest, world: World) -> bytes:
    """With its snapshots, if that is asked for, and no other image needs them.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html
    """
    backend, image_id = world.backend, request.get("ImageId") or ""
    image = backend.amis.get(image_id)
    backend.deregister_image(image_id)
    results = ""
    if image is not None and request.flag("DeleteAssociatedSnapshots"):
        needed = {id for other in backend.amis.values() for id in _snapshots(other)}
        for id in _snapshots(image):
            code = "skipped" if id in needed else "success"
            if code == "success":
                backend.delete_snapshot(id)
            results += (
                f"<item><snapshotId>{id}</snapshotId>"
                f"<returnCode>{code}</returnCode></item>"
            )
    return xml(
        "DeregisterImage",
        "<return>true</return>"
        f"<deleteSnapshotResultSet>{results}</deleteSnapshotResultSet>",
    )


def _snapshots(image: Any) -> list[str]:
    disks = image.block_device_mappings
    return [disk["Ebs"]["SnapshotId"] for disk in disks]


def _check_name(name: str, backend: Any) -> None:
    if not _NAME.match(name):
        raise AwsError(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain "
            "letters, numbers, '(', ')', '.', '-', '/' and '_'",
        )
    for image in backend.amis.values():
        if image.name == name:
            raise AwsError(
                "InvalidAMIName.Duplicate",
                f"AMI name {name} is already in use by AMI {image.id}",
            )


def _tags(request: ApiRequest) -> dict[str, dict[str, str]]:
    """Tags by kind of resource."""
    found: dict[str, dict[str, str]] = {}
    for kind, tags in request.tag_specifications():
        if kind not in ("image", "snapshot"):
            raise AwsError(
                "InvalidParameterValue", f"'{kind}' is not a valid taggable resource"
            )
        check_tags(tags)
        found[kind] = dict(tags)
    return found


#: action -> its answer
ACTIONS: dict[str, Callable[[ApiRequest, Any], bytes | None]] = {
    "CreateImage": create_image,
    "DeregisterImage": deregister_image,
}
