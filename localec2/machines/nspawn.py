"""Booted machines: Debian with its own systemd and cloud-init, by systemd-nspawn.

The kernel is this computer's. Everything above it is the machine's: processes, files,
network, init, accounts, console. Its disk is a layer over a root that all share.

Facts that the details rest on are in `docs/howto/real-machines.md`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from ..net.vpc import VpcNetwork, until_in_namespace
from ..processes import marked
from ..processes.marked import MARKER
from . import cgroups, devices
from .base import Ending, MachineSpec, VolumeBusy, VolumeSpec
from .loops import Loop
from .marks import MarkedMachine
from .volume_store import copy_tree

#: exit status of systemd-nspawn when the machine wants to boot again
_REBOOT = 133
#: what systemd takes for the power button (systemd(1), SIGRTMIN+4)
_POWER_BUTTON = signal.SIGRTMIN + 4
_INTERFACE = "ens5"

# In a mount namespace of its own, so that the mounts end with the machine. It waits
# for its network. /sys is read-only: else systemd-nspawn waits for a udev that is not
# there. /run/systemd/nspawn is hidden: it leaves folders there.
_LAUNCHER = """
read -r go || exit 1
set -e
mount -t overlay ec2spawner-machine "$2" -o "$1"
mount -o remount,bind,ro /sys
mount -t tmpfs ec2spawner-machine /run/systemd/nspawn
shift 2
exec "$@" < /dev/null
"""


class NspawnMachine(MarkedMachine):
    """A container that boots like a machine.

    :param root: what every machine's disk begins with
    """

    def __init__(
        self,
        spec: MachineSpec,
        ended: Callable[[Ending], None],
        network: VpcNetwork,
        root: Path,
    ) -> None:
        super().__init__(spec, ended)
        self._network = network
        self._root = root
        #: what is plugged in, by volume id
        self._loops: dict[str, Loop] = {}

    def attach(self, volume: VolumeSpec) -> None:
        with self._lock:
            if volume.volume_id in self._loops:
                return
            init = self._running_init()
            if init is None:
                return
            loop = Loop(volume.data)
            try:
                devices.run_inside(init, devices.plug_script(volume, loop.device))
            except BaseException:
                loop.close()
                if not self._is_on():
                    return  # it ended meanwhile
                raise
            self._loops[volume.volume_id] = loop

    def detach(self, volume: VolumeSpec, force: bool = False) -> None:
        with self._lock:
            loop = self._loops.get(volume.volume_id)
            if loop is None:
                return
            if loop.in_use():
                if not force:
                    raise VolumeBusy(f"{volume.volume_id} is mounted")
                devices.tear_off(self.pids(), loop.device)
            init = self._running_init()
            if init is None:
                return  # it lets go of everything when it ends
            devices.run_inside(init, devices.unplug_script(volume))
            del self._loops[volume.volume_id]
            loop.close()

    def resized(self, volume: VolumeSpec) -> None:
        with self._lock:
            loop = self._loops.get(volume.volume_id)
            if loop is not None:
                loop.grown()

    def save_disk(self, folder: Path) -> None:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy_tree(self.spec.folder / "disk", folder, "--reflink=auto")

    def power_off(self) -> None:
        end = time.monotonic() + 10
        while self._is_on() and time.monotonic() < end:
            for pid in self._init():
                with contextlib.suppress(OSError):
                    if _listens(pid, _POWER_BUTTON):
                        os.kill(pid, _POWER_BUTTON)
                        return
            # Not yet: it would miss it.
            time.sleep(0.02)

    def _launch(self) -> subprocess.Popen[bytes]:
        folder = self.spec.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("root", "disk", "work", "hypervisor"):
            (folder / name).mkdir(mode=0o755, exist_ok=True)
        # How instances tell that they are on EC2 when they cannot read DMI:
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
        identity = uuid.uuid5(uuid.NAMESPACE_OID, self.spec.instance_id)
        (folder / "hypervisor" / "uuid").write_text(f"ec2{str(identity)[3:]}\n")
        Path("/run/systemd/nspawn").mkdir(parents=True, exist_ok=True)
        lower = ":".join(str(each) for each in self._lower())
        layers = f"lowerdir={lower},upperdir={folder}/disk,workdir={folder}/work"
        try:
            plug = self._plug_all()
        except BaseException:
            self._clean_up()
            raise
        with open(self.console_log, "ab") as console:
            return subprocess.Popen(
                [
                    *("unshare", "--net", "--mount", "--"),
                    *("sh", "-c", _LAUNCHER, "launcher", layers, f"{folder}/root"),
                    *("systemd-nspawn", "--quiet"),
                    f"--directory={folder}/root",
                    f"--machine={self.spec.instance_id}",
                    f"--network-interface={_INTERFACE}",
                    f"--bind-ro={folder}/hypervisor:/sys/hypervisor",
                    *("--keep-unit", "--register=no", "--link-journal=no"),
                    *("--resolv-conf=off", "--timezone=off", "--console=read-only"),
                    # Its volumes are there before init is. cloud-init does not look for
                    # EC2 in containers unless init is told that this may be one.
                    *("/bin/sh", "-c", plug + 'exec /sbin/init "$@"', "init"),
                    *("ds=ec2", "ci.ds=Ec2"),
                ],
                env={
                    "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
                    MARKER: self.marker,
                    **cgroups.environment(),
                },
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def _lower(self) -> list[Path]:
        """The layers that its disk begins with, the uppermost first."""
        outside = [self.spec.outside] if self.spec.outside else []
        return [*self.spec.image, *outside, self.spec.root or self._root]

    def _plug_all(self) -> str:
        """Make the devices of its volumes; what it must do to have them."""
        script = ""
        for volume in self.spec.volumes:
            loop = self._loops[volume.volume_id] = Loop(volume.data)
            script += devices.plug_script(volume, loop.device)
        return script

    def _init(self) -> list[int]:
        """The machine's process 1, as this computer numbers it."""
        if self._process is None or self._process.poll() is not None:
            return []
        pid = self._process.pid
        found = []
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for child in children:
                for line in Path(f"/proc/{child}/status").read_text().splitlines():
                    if line.startswith("NSpid:") and line.split()[-1] == "1":
                        found.append(int(child))
        return found

    def _connect(self, process: subprocess.Popen[bytes]) -> None:
        until_in_namespace(process)
        cgroups.join(process.pid, self.spec.cloud_id, self.spec.instance_id)
        self._network.plug(process.pid, _INTERFACE, self.spec.mac, self.spec.private_ip)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()

    def _is_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _running_init(self, seconds: float = 20) -> int | None:
        """Its process 1 once that runs in the finished container; None when it is off.

        :raises TimeoutError: when it is not there in time
        """
        end = time.monotonic() + seconds
        while self._is_on():
            for pid in self._init():
                with contextlib.suppress(OSError):
                    # Before its exec it is still systemd-nspawn, and has no /dev.
                    command = Path(f"/proc/{pid}/cmdline").read_bytes()
                    if command and b"systemd-nspawn" not in command:
                        return pid
            if time.monotonic() > end:
                raise TimeoutError(f"{self.spec.instance_id} has no process 1")
            time.sleep(0.01)
        return None

    def _ending(self, status: int) -> Ending:
        return Ending.REBOOT if status == _REBOOT else Ending.SHUTDOWN

    def _clean_up(self) -> None:
        with self._lock:
            while self._loops:
                self._loops.popitem()[1].close(wait=30)
        for group in cgroups.cloud_groups(self.spec.cloud_id):
            marked.remove_folder(str(group / self.spec.instance_id))


def _listens(pid: int, signal_number: int) -> bool:
    """Whether a process has a handler for a signal, or keeps it until it is read."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("SigBlk", "SigCgt") and int(value, 16) >> signal_number - 1 & 1:
            return True
    return False
