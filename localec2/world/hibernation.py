"""What EC2 demands of machines that are to hibernate, and of those that do.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
"""

from __future__ import annotations

import time
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

from ..errors import AwsError
from ..requests.request import ApiRequest
from .instance import LocalInstance

_MIB_PER_GIB = 1024
#: of Linux machines; the guide's "Limitations"
_MOST_MEMORY = 150 * _MIB_PER_GIB


def check_launch(request: ApiRequest, image: Any | None, kind: str | None) -> None:
    """Refuse a launch that is to hibernate and cannot."""
    if image is None or kind is None:
        return
    if not request.flag("HibernationOptions.Configured"):
        return
    options = "InstanceMarketOptions"
    ending = request.get(f"{options}.SpotOptions.InstanceInterruptionBehavior")
    spot = request.get(f"{options}.MarketType") == "spot"
    if spot and ending not in (None, "hibernate"):
        raise AwsError(
            "InvalidParameterCombination",
            "A Spot Instance that is configured for hibernation cannot have the "
            f"interruption behavior '{ending}'.",
        )
    about = INSTANCE_TYPES[kind]
    memory = int(about["MemoryInfo"]["SizeInMiB"])
    if not about.get("HibernationSupported") or memory >= _MOST_MEMORY:
        raise _unsupported(f"the instance type '{kind}' does not support hibernation")
    root = _root(request, image)
    if not (root.get("Ebs.Encrypted") == "true" or image.ebs_snapshot.encrypted):
        raise _unsupported("the root volume is not encrypted")
    size = int(root.get("Ebs.VolumeSize") or image.ebs_snapshot.volume_size)
    if size * _MIB_PER_GIB < memory:
        raise _unsupported(
            f"the root volume has {size} GiB, and the memory of {kind} is {memory} MiB"
        )


def _root(request: ApiRequest, image: Any) -> dict[str, str]:
    disks = request.groups("BlockDeviceMapping")
    named = (d for d in disks if d.get("DeviceName") == image.root_device_name)
    return next(named, {})


def _unsupported(why: str) -> AwsError:
    return AwsError(
        "UnsupportedHibernationConfiguration",
        f"The instance cannot be configured for hibernation: {why}.",
    )


def check_stop(instance: LocalInstance, ready_after: float) -> None:
    """Refuse to hibernate a machine that cannot, or cannot yet.

    https://github.com/aws-solutions/instance-scheduler-on-aws/issues/510
    """
    if not instance.may_hibernate:
        raise AwsError(
            "UnsupportedHibernationConfiguration",
            "The instance can't be hibernated because it was not configured at launch "
            f"for hibernation: {instance.id}",
        )
    booted_at = instance.booted_at
    if instance.state == "running" and time.monotonic() < booted_at + ready_after:
        raise AwsError(
            "UnsupportedOperation",
            "Instance is not ready to hibernate yet, retry in a few minutes",
        )
