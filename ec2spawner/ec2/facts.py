"""What EC2 says of images, instance types and subnets, as plain data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Image:
    """What a launch must know of an AMI."""

    id: str
    root_device: str
    architecture: str = ""
    #: all devices that it brings along, the root's among them
    devices: frozenset[str] = frozenset()
    #: GiB, 0 when EC2 does not say
    root_size: int = 0
    #: EC2's word: pending, available, ...
    state: str = "available"
    #: of its volumes, which a machine needs to be made of it
    snapshots: tuple[str, ...] = ()
    #: EBS and hvm, with the network driver of today's types (ENA)
    modern: bool = True
    #: from when on its maker advises against it, seconds since the epoch; 0 for never
    deprecated_at: float = 0.0
    #: it is of the Marketplace, whose terms somebody must have accepted
    marketplace: bool = False


def read_image(image: Mapping[str, Any]) -> Image:
    """Read one image of a DescribeImages answer."""
    root = image.get("RootDeviceName", "/dev/xvda")
    disks = {
        each.get("DeviceName", ""): each.get("Ebs", {})
        for each in image.get("BlockDeviceMappings", [])
    }
    return Image(
        id=image.get("ImageId", ""),
        root_device=root,
        architecture=str(image.get("Architecture", "")),
        devices=frozenset(disks),
        root_size=disks.get(root, {}).get("VolumeSize", 0),
        state=str(image.get("State", "available")),
        snapshots=tuple(d["SnapshotId"] for d in disks.values() if "SnapshotId" in d),
        modern=image.get("RootDeviceType", "ebs") == "ebs"
        and image.get("VirtualizationType", "hvm") == "hvm"
        and image.get("EnaSupport", True),
        deprecated_at=read_time(image.get("DeprecationTime", "")),
        marketplace=any(
            code.get("ProductCodeType") == "marketplace"
            for code in image.get("ProductCodes", [])
        ),
    )


def read_time(text: str) -> float:
    """Of an ISO time as EC2 writes it, seconds since the epoch; 0 for none."""
    try:
        # Python 3.10 does not know the Z.
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


@dataclass(frozen=True)
class TypeFacts:
    """What EC2 says of an instance type. ``memory`` is in GiB.

    :ivar gpus: each kind in words: ``NVIDIA T4 16 GiB``
    """

    architectures: frozenset[str] = frozenset()
    memory: float = 0.0
    can_hibernate: bool = False
    cpus: int = 0
    gpus: tuple[str, ...] = ()
    #: accounts on AWS's free plan may launch it
    is_free: bool = False


@dataclass(frozen=True)
class Region:
    """What EC2 says of types and subnets. What it does not say is not held against
    a candidate.

    :ivar architectures: of each instance type, ``x86_64`` and so on; an empty set
        for a type that the region does not have
    :ivar zones: of each subnet
    """

    architectures: Mapping[str, frozenset[str]] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, TypeFacts] = field(default_factory=dict)
