"""What machines of one kind stand on: their network, their metadata service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .addresses import LoopbackNetwork
from .firewall import Policy
from .machines import cgroups, limits, roots
from .machines.base import Ending, Machine, MachineSpec, NoMachine
from .machines.nspawn import NspawnMachine
from .machines.process import ProcessMachine
from .metadata import MetadataService, SharedMetadataService
from .settings import BOOTED
from .vpc import METADATA_ADDRESS, VpcNetwork


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

    kinds: tuple[str, ...] = (*BOOTED, "none")

    def __init__(self, cloud_id: str) -> None:
        self._root = roots.ready()
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
        return NspawnMachine(spec, ended, self._vpc, self._root)

    def close(self) -> None:
        self.metadata.close_all()
        self._vpc.close()
        self._limits.close()


def ground_for(kind: str, cloud_id: str) -> Ground:
    """:raises CannotBoot: when machines of this kind cannot boot here"""
    return BootedGround(cloud_id) if kind in BOOTED else LoopbackGround()


def traces(kind: str, cloud_id: str) -> list[Path]:
    """Folders outside the cloud's own that machines of this kind may leave."""
    return cgroups.cloud_groups(cloud_id) if kind in BOOTED else []
