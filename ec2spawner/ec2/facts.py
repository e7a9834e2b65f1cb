"""What EC2 says of images, instance types and subnets, as plain data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
