"""CreateImage, of machines with disks, CopyImage, and what becomes of images.

Like AWS it takes everything along: nothing of the machine that it is made of is
cleaned up, neither keys and logs nor the machine id, and every attached volume becomes
part of the image. cloud-init notices another instance id and does its first-boot work
again.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/creating-an-ami-ebs.html
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any, Protocol

from ..errors import AwsError
from ..requests.client_tokens import ClientTokens
from ..requests.request import ApiRequest
from ..world.describe import check_ids
from ..world.images import ImageLife
from ..world.instance import LocalInstance
from .instance_actions import done, xml
from .tag_rules import check_tags

utc = datetime.timezone.utc

#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
_NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}$")


class World(Protocol):
    backend: Any
    image_life: ImageLife
    tokens: ClientTokens

    def region(self, name: str) -> World | None: ...

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


def copy_image(request: ApiRequest, world: World) -> bytes:
    """From this or another Region into this one. Unlike CreateImage it takes a name
    that is in use: https://github.com/hashicorp/packer/issues/2123

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html
    """
    for needed in ("SourceRegion", "SourceImageId", "Name"):
        if not request.get(needed):
            raise AwsError(
                "MissingParameter", f"The request must contain the parameter {needed}"
            )
    asked, token = dict(request.params), request.get("ClientToken") or ""
    if token and (known := world.tokens.recall("CopyImage", token, "", asked)):
        return known.body
    name = request.get("Name") or ""
    _check_spelling(name)
    source = _source(request, world)
    tags = _tags(request)
    if request.flag("CopyImageTags"):
        user_tags = {tag["key"]: tag["value"] for tag in source.get_tags()}
        tags["image"] = {**user_tags, **tags.get("image", {})}
    description = request.get("Description") or ""
    image = world.image_life.copy(source, name, description, tags)
    body = xml("CopyImage", f"<imageId>{image.id}</imageId>")
    if token:
        kind = "text/xml;charset=UTF-8"
        world.tokens.remember("CopyImage", token, "", asked, kind, body, [])
    return body


def _source(request: ApiRequest, world: World) -> Any:
    """The image that is to be copied."""
    where, image_id = request.get("SourceRegion") or "", request.get("SourceImageId")
    region = world.region(where)
    if region is None:
        raise AwsError("InvalidParameterValue", f"The region {where} does not exist")
    image = region.backend.amis.get(image_id)
    if image is None:
        raise _unknown(image_id)
    if image.state != "available":
        raise _unavailable(image)
    return image


def enable_image_deprecation(request: ApiRequest, world: World) -> bytes:
    """The owner still finds it and can launch it, and so can who knows its id.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageDeprecation.html
    """
    image = _image(request, world)
    try:
        text = (request.get("DeprecateAt") or "").replace("Z", "+00:00")
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue", "DeprecateAt must be a time as in ISO 8601"
        ) from None
    at = (at if at.tzinfo else at.replace(tzinfo=utc)).astimezone(utc)
    if at < datetime.datetime.now(utc):
        raise AwsError("InvalidParameterValue", "DeprecateAt must be in the future")
    # Seconds are rounded to the nearest minute.
    at = (at + datetime.timedelta(seconds=30)).replace(second=0, microsecond=0)
    image.deprecation_time = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return done("EnableImageDeprecation")


def disable_image_deprecation(request: ApiRequest, world: World) -> bytes:
    _image(request, world).deprecation_time = None
    return done("DisableImageDeprecation")


def modify_image_attribute(request: ApiRequest, world: World) -> None:
    """moto does it; not to an image that is not there yet.

    https://github.com/SUSE-Enceladus/ec2imgutils/issues/45
    """
    image = _image(request, world)
    if image.state != "available":
        raise _unavailable(image)


def _image(request: ApiRequest, world: World) -> Any:
    image = world.backend.amis.get(request.get("ImageId"))
    if image is None:
        raise _unknown(request.get("ImageId"))
    return image


def _unknown(image_id: str | None) -> AwsError:
    return AwsError(
        "InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist"
    )


def _unavailable(image: Any) -> AwsError:
    return AwsError(
        "InvalidAMIID.Unavailable",
        f"The AMI ID '{image.id}' is currently {image.state} and may not be used for "
        "this operation",
    )


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


def _check_spelling(name: str) -> None:
    if not _NAME.match(name):
        raise AwsError(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain "
            "letters, numbers, '(', ')', '.', '-', '/' and '_'",
        )


def _check_name(name: str, backend: Any) -> None:
    _check_spelling(name)
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
    "CopyImage": copy_image,
    "EnableImageDeprecation": enable_image_deprecation,
    "DisableImageDeprecation": disable_image_deprecation,
    "ModifyImageAttribute": modify_image_attribute,
    "DeregisterImage": deregister_image,
}
