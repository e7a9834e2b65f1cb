"""QEMU machines: a whole computer with a kernel, a firmware and disks of its own.

Slow where the processor cannot help, which is nearly always so inside of another
virtual machine. What it has and containers lack: boot, kernel, DMI, NVMe, ACPI.

https://www.qemu.org/docs/master/system/invocation.html
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..net.vpc import VpcNetwork
from ..processes.marked import MARKER
from ..roots import disks, roots
from .base import Ending, MachineSpec, VolumeBusy, VolumeSpec, nvme_serial
from .marks import MarkedMachine
from .qmp import Qmp, QmpError

#: how long a machine may take until it lets go of a volume
_LET_GO_SECONDS = 60
_MEMORY = "1024M"
#: for how many disks there is room, the first of them the root's
_PORTS = 8
_KERNEL_OPTIONS = (
    f"root=LABEL={disks.LABEL} rootfstype=ext4 rw console=ttyS0 net.ifnames=0 "
    # Not needed by a machine that nobody attacks, and dear to an emulated processor.
    "nokaslr mitigations=off audit=0 apparmor=0 nowatchdog quiet loglevel=4"
)


def accelerator(cpuinfo: str, kvm: Path = Path("/dev/kvm")) -> list[str]:
    """QEMU's options for the processor: this computer's own, or an emulated one.

    Only where the processor says that it can: elsewhere ``/dev/kvm`` may be there, and
    an ordinary kernel hangs on it. For the same reason never "KVM, or else".
    """
    if re.search(r"\b(vmx|svm)\b", cpuinfo) and os.access(kvm, os.W_OK):
        return ["-accel", "kvm", "-cpu", "host"]
    # The oldest processor and one of it: newer ones and more of them are slower.
    return ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "qemu64,-svm"]


class QemuMachine(MarkedMachine):
    """A QEMU process, told what to do over its monitor.

    :param root: what the machine's disk begins with
    :param image: a disk image of it
    """

    def __init__(
        self,
        spec: MachineSpec,
        ended: Callable[[Ending], None],
        network: VpcNetwork,
        root: Path,
        image: Path,
    ) -> None:
        super().__init__(spec, ended)
        self._network = network
        self._root = root
        self._image = image
        self._monitor: Qmp | None = None
        #: volume -> the port it is plugged in at
        self._ports: dict[str, int] = {}

    @property
    def _disk(self) -> Path:
        return self.spec.folder / "disk.qcow2"

    def power_off(self) -> None:
        # Not waited for: a frozen machine gets it when it goes on.
        if self._monitor is not None:
            with contextlib.suppress(QmpError):
                self._monitor.send("system_powerdown")

    def attach(self, volume: VolumeSpec) -> None:
        with self._lock:
            monitor = self._running()
            if monitor is None or volume.serial in self._ports:
                return
            port = self._free_port()
            monitor.ask("blockdev-add", _backend(volume))
            try:
                monitor.ask("device_add", _device(volume, port))
            except QmpError:
                monitor.ask("blockdev-del", {"node-name": _node(volume)})
                raise
            self._ports[volume.serial] = port

    def detach(self, volume: VolumeSpec, force: bool = False) -> None:
        with self._lock:
            monitor = self._running()
            if monitor is None or volume.serial not in self._ports:
                return
            monitor.forget("DEVICE_DELETED")
            monitor.ask("device_del", {"id": volume.serial})
            # The machine is asked to let go, and may be too busy to.
            gone = monitor.wait_for(
                "DEVICE_DELETED", _LET_GO_SECONDS, device=volume.serial
            )
            if not gone and self._running() is not None:
                raise VolumeBusy(
                    f"{self.spec.instance_id} does not let go of {volume.volume_id}"
                )
            with contextlib.suppress(QmpError):  # the machine has ended meanwhile
                monitor.ask("blockdev-del", {"node-name": _node(volume)})
            del self._ports[volume.serial]

    def resized(self, volume: VolumeSpec) -> None:
        """Nothing: QEMU's NVMe disks keep their size until the next power-on."""

    def save_disk(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        shutil.copyfile(self._disk, folder / self._disk.name)

    def _launch(self) -> subprocess.Popen[bytes]:
        folder = self.spec.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._disk.exists():
            disks.make_disk(self._disk, self._image, self.spec.image)
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            tap = self._network.open_tap(self.spec.mac, self.spec.private_ip)
            try:
                with open(folder / "qemu.log", "ab") as log:
                    process = subprocess.Popen(
                        self._command(tap, theirs.fileno()),
                        env={"PATH": roots.search_path(), MARKER: self.marker},
                        cwd="/",
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        pass_fds=(tap, theirs.fileno()),
                        start_new_session=True,
                    )
            finally:
                os.close(tap)
            undo.pop_all()
        self._monitor = Qmp(ours)
        return process

    def _connect(self, process: subprocess.Popen[bytes]) -> None:
        assert self._monitor is not None
        try:
            self._monitor.ask("qmp_capabilities")
        except QmpError as error:
            said = (self.spec.folder / "qemu.log").read_text(errors="replace")
            raise RuntimeError(f"{error}: {said[-1000:].strip()}") from error

    def _ending(self, status: int) -> Ending:
        assert self._monitor is not None
        self._monitor.until_over()
        ends = self._monitor.events("SHUTDOWN")
        reset = ends and ends[-1]["reason"] == "guest-reset"
        return Ending.REBOOT if reset else Ending.SHUTDOWN

    def _clean_up(self) -> None:
        self._ports.clear()
        if self._monitor is not None:
            self._monitor.close()

    def _running(self) -> Qmp | None:
        """The monitor of a machine that is on."""
        on = self._process is not None and self._process.poll() is None
        return self._monitor if on else None

    def _free_port(self) -> int:
        used = self._ports.values()
        free = [port for port in range(1, _PORTS) if port not in used]
        if not free:
            raise RuntimeError(f"{self.spec.instance_id} has no room for a volume")
        return free[0]

    def _command(self, tap: int, monitor: int) -> list[str]:
        kernel, initrd = disks.kernel_of(self._root)
        # A comma separates options, two are one.
        log = str(self.console_log).replace(",", ",,")
        return [
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config"),
            *("-display", "none", "-machine", "q35", "-m", _MEMORY, "-smp", "1"),
            *accelerator(Path("/proc/cpuinfo").read_text()),
            *_clock(self.spec.clock_offset),
            *_dmi(self.spec.instance_id),
            *("-kernel", str(kernel), "-initrd", str(initrd)),
            *("-append", _KERNEL_OPTIONS),
            *("-chardev", f"file,id=console,path={log},append=on"),
            *("-serial", "chardev:console"),
            # A reboot comes back to us: the machine is started again with what EC2
            # says about it then.
            "-no-reboot",
            *("-chardev", f"socket,id=monitor,fd={monitor}"),
            *("-mon", "chardev=monitor,mode=control"),
            *("-netdev", f"tap,id=network,fd={tap}"),
            *("-device", f"virtio-net-pci,netdev=network,mac={self.spec.mac},romfile="),
            *("-device", "virtio-rng-pci"),
            *self._slots(),
            *self._root_disk(),
            *self._volumes(),
        ]

    @staticmethod
    def _slots() -> list[str]:
        ports = (f"id=port{n},chassis={n},slot={n}" for n in range(_PORTS))
        return [part for p in ports for part in ("-device", f"pcie-root-port,{p}")]

    def _root_disk(self) -> list[str]:
        # Nobody needs what a crash of this computer would lose.
        fast = {"no-flush": True}
        backend = {
            "driver": "qcow2",
            "node-name": "root",
            "cache": fast,
            "file": {"driver": "file", "filename": str(self._disk), "cache": fast},
        }
        serial = nvme_serial(self.spec.root_volume_id)
        return _disk_options(backend, _nvme("root", serial, 0))

    def _volumes(self) -> list[str]:
        """Those that are there at power-on."""
        found: list[str] = []
        self._ports.clear()
        for volume in self.spec.volumes:
            port = self._ports[volume.serial] = self._free_port()
            found += _disk_options(_backend(volume), _device(volume, port))
        return found


def _clock(offset: float) -> list[str]:
    """A clock that is wrong by so many seconds, and runs on as it should."""
    now = datetime.datetime.now(datetime.timezone.utc)
    shown = now + datetime.timedelta(seconds=offset)
    return ["-rtc", f"base={shown:%Y-%m-%dT%H:%M:%S}"]


def _dmi(instance_id: str) -> list[str]:
    """What the firmware says, by which cloud-init finds out where it is.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
    """
    identity = "ec2" + str(uuid.uuid5(uuid.NAMESPACE_OID, instance_id))[3:]
    maker = "manufacturer=Amazon EC2"
    tables = [
        "type=0,vendor=Amazon EC2,version=1.0",
        f"type=1,{maker},uuid={identity},serial={identity}",
        f"type=2,{maker},asset={instance_id}",
        f"type=3,{maker},asset=Amazon EC2",
    ]
    return [part for table in tables for part in ("-smbios", table)]


def _node(volume: VolumeSpec) -> str:
    return f"data-{volume.serial}"[:31]  # QEMU's limit


def _backend(volume: VolumeSpec) -> dict[str, Any]:
    file = {"driver": "file", "filename": str(volume.data)}
    return {"driver": "raw", "node-name": _node(volume), "file": file}


def _device(volume: VolumeSpec, port: int) -> dict[str, Any]:
    return {**_nvme(_node(volume), volume.serial, port), "id": volume.serial}


def _nvme(node: str, serial: str, port: int) -> dict[str, Any]:
    # At most 20 characters, as the standard has it.
    serial = serial[:20] or node
    return {"driver": "nvme", "serial": serial, "drive": node, "bus": f"port{port}"}


def _disk_options(backend: dict[str, Any], device: dict[str, Any]) -> list[str]:
    return ["-blockdev", json.dumps(backend), "-device", json.dumps(device)]
