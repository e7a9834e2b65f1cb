"""What every kind of machine can do."""

from __future__ import annotations

import abc
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


class Ending(enum.Enum):
    """How a machine ended by itself."""

    #: its operating system shut down, or its init process is gone
    SHUTDOWN = "shutdown"
    #: it wants to boot again
    REBOOT = "reboot"


class VolumeBusy(Exception):
    """A volume is not let go of by its machine: it is mounted there."""


def nvme_serial(volume_id: str) -> str:
    """The serial number of a volume's NVMe disk: its id without the dash.

    https://docs.aws.amazon.com/ebs/latest/userguide/identify-nvme-ebs-device.html
    """
    return volume_id.replace("-", "")


@dataclass(frozen=True)
class VolumeSpec:
    """A volume as its machine gets it."""

    volume_id: str
    #: its name in AttachVolume or in the block device mapping, such as ``/dev/sdf``
    device: str
    #: what it holds: a file of its size in bytes, or a folder for process machines.
    #: It outlives machines, and is only ever on one.
    data: Path

    @property
    def serial(self) -> str:
        """The serial number of its NVMe disk."""
        return nvme_serial(self.volume_id)


@dataclass(frozen=True)
class MachineSpec:
    """What a machine is told at power-on. Everything else it asks IMDS."""

    cloud_id: str
    instance_id: str
    private_ip: str
    mac: str
    metadata_url: str
    #: the machine's own folder: its disk, console log and run-time files
    folder: Path
    path_prefix: tuple[str, ...] = ()
    #: seconds by which its clock is wrong at power-on, where it has one of its own
    clock_offset: float = 0.0
    #: the id of the volume that is its disk
    root_volume_id: str = ""
    #: the volumes that are attached at power-on, without the root volume
    volumes: tuple[VolumeSpec, ...] = ()
    #: what its disk begins with on the first boot: what `Machine.save_disk` has saved,
    #: newest first, over the root. Empty: the root alone.
    image: tuple[Path, ...] = ()
    #: the root; None: the one that machines of its kind have by default
    root: Path | None = None
    #: what lies between both: its way out, which belongs to neither
    outside: Path | None = None


class Machine(abc.ABC):
    """One machine. Calls block; the cloud makes them on worker threads."""

    def __init__(self, spec: MachineSpec, ended: Callable[[Ending], None]) -> None:
        """``ended`` is called, on a thread of the machine's own, when it ends by
        itself: not after `stop`, `destroy` or `crash`."""
        self.spec = spec
        self.ended = ended

    @property
    def console_log(self) -> Path:
        """What the machine writes to its serial console."""
        return self.spec.folder / "console.log"

    @abc.abstractmethod
    def start(self) -> None:
        """Power on, with the disk as it is. Raises when it cannot boot."""

    @abc.abstractmethod
    def stop(self, grace: float) -> None:
        """Press the power button, wait ``grace`` seconds, then cut the power."""

    @abc.abstractmethod
    def crash(self) -> None:
        """Everything is dead at once; the machine does not report it."""

    @abc.abstractmethod
    def freeze(self) -> None:
        """Everything stands still and can go on."""

    @abc.abstractmethod
    def thaw(self) -> None:
        """Go on after `freeze`."""

    def hibernate(self) -> None:
        """Nothing of it runs until `resume`; what it had in memory is kept."""
        self.freeze()

    def resume(self) -> None:
        """Go on after `hibernate`."""
        self.thaw()

    @abc.abstractmethod
    def power_off(self) -> None:
        """Shut down as if somebody on the machine had typed ``poweroff``."""

    @abc.abstractmethod
    def destroy(self, grace: float, keep_disk: bool = False) -> None:
        """Power off for good and remove the disk."""

    @abc.abstractmethod
    def pids(self) -> list[int]:
        """Processes of this computer that are this machine."""

    # Volumes come and go while it is switched on. At power-on they are in the spec.
    # On a machine that is off, or dead, these three do nothing and raise nothing.

    def attach(self, volume: VolumeSpec) -> None:
        """Plug in a volume; once more is no error."""

    def detach(self, volume: VolumeSpec, force: bool = False) -> None:
        """Unplug it: afterwards the machine does not write to it any more.

        :raises VolumeBusy: when it is in use there and not ``force``
        """

    def resized(self, volume: VolumeSpec) -> None:
        """The file of an attached volume has grown: let the machine see that."""

    def save_disk(self, folder: Path) -> None:
        """Copy what it has written to its disk, for an image made of it.

        ``folder`` is not there yet. Process machines have no disk: they make an empty
        one.
        """
        folder.mkdir(parents=True)

    @classmethod
    def pids_of(cls, machines: Sequence[Machine]) -> dict[str, list[int]]:
        """The same for many machines of this kind: instance id -> processes."""
        return {each.spec.instance_id: each.pids() for each in machines}


class NoMachine(Machine):
    """An instance without a machine: for measurements with thousands of them."""

    def start(self) -> None:
        pass

    def stop(self, grace: float) -> None:
        pass

    def crash(self) -> None:
        pass

    def freeze(self) -> None:
        pass

    def thaw(self) -> None:
        pass

    def power_off(self) -> None:
        self.ended(Ending.SHUTDOWN)

    def destroy(self, grace: float, keep_disk: bool = False) -> None:
        pass

    def pids(self) -> list[int]:
        return []
