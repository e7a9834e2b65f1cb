"""What machines of one kind stand on: their network, their metadata service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..metadata.service import MetadataService, SharedMetadataService
from ..net.addresses import LoopbackNetwork
from ..net.firewall import Policy
from ..net.vpc import METADATA_ADDRESS, VpcNetwork
from ..roots import disks, roots
from ..roots.recipe import recipe_for
from ..settings import BOOTED, LocalSettings
from . import cgroups, limits
from .base import Ending, Machine, MachineSpec, NoMachine
from .nspawn import NspawnMachine
from .process import ProcessMachine
from .qemu import QemuMachine


class Network(Protocol):
    """Where machines have their addresses."""

    @property
    def cidr(self) -> str: ...

    @property
    def hub_address(self) -> str:
        """Where machines reach what listens on this computer."""

    @property
    def enforces(self) -> bool:
        """Whether security groups and blackholes are in force."""

    def subnet_cidr(self, index: int) -> str: ...

    def enforce(self, policy: Policy) -> None:
        """Let this pass and nothing else, where it can be done."""

    def close(self) -> None: ...


class Ground(Protocol):
    """What machines of one kind need while their cloud runs."""

    network: Network
    metadata: MetadataService
    #: the settings of ``machines`` that it can stand
    kinds: tuple[str, ...]

    def machine(
        self, kind: str, spec: MachineSpec, ended: Callable[[Ending], None]
    ) -> Machine: ...

    def close(self) -> None: ...


class LoopbackGround:
    """For machines that are processes of this computer, or nothing at all."""

    kinds: tuple[str, ...] = ("process", "none")

    def __init__(self) -> None:
        self.network: Network = LoopbackNetwork()
        self.metadata = MetadataService()

    def machine(
        self, kind: str, spec: MachineSpec, ended: Callable[[Ending], None]
    ) -> Machine:
        return (NoMachine if kind == "none" else ProcessMachine)(spec, ended)

    def close(self) -> None:
        self.metadata.close_all()
        self.network.close()


class BootedGround:
    """For machines that boot."""

    def __init__(self, kind: str, suite: str, cloud_id: str) -> None:
        self.kinds: tuple[str, ...] = (kind, "none")
        self._root = ready(kind, suite)
        self._limits = limits.raised()
        self._vpc = VpcNetwork(cloud_id)
        self.network: Network = self._vpc
        try:
            self.metadata: MetadataService = SharedMetadataService(
                METADATA_ADDRESS, self._vpc.inside
            )
        except BaseException:
            self._vpc.close()
            raise

    def machine(
        self, kind: str, spec: MachineSpec, ended: Callable[[Ending], None]
    ) -> Machine:
        if kind == "none":
            return NoMachine(spec, ended)
        if kind == "qemu":
            image = disks.image_of(self._root)
            return QemuMachine(spec, ended, self._vpc, self._root, image)
        return NspawnMachine(spec, ended, self._vpc, self._root)

    def close(self) -> None:
        self.metadata.close_all()
        self._vpc.close()
        self._limits.close()


def ready(
    kind: str, suite: str, tell: Callable[[str], None] = lambda text: None
) -> Path:
    """The root for machines of a kind, with all that is made of it once for all.

    :param tell: is told what is being done, when it takes long
    :raises CannotBoot: when machines of this kind cannot boot here
    """
    roots.check_needs(kind)
    root = roots.ready(recipe_for(suite), tell)
    if kind == "qemu":
        disks.kernel_of(root)
        disks.image_of(root, tell)
    return root


def ground_for(settings: LocalSettings, cloud_id: str) -> Ground:
    """:raises CannotBoot: when machines of this kind cannot boot here"""
    if settings.machines in BOOTED:
        return BootedGround(settings.machines, settings.suite, cloud_id)
    return LoopbackGround()


def traces(kind: str, cloud_id: str) -> list[Path]:
    """Folders outside the cloud's own that machines of this kind may leave."""
    return cgroups.cloud_groups(cloud_id) if kind in BOOTED else []
