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
import uuid
from collections.abc import Callable
from pathlib import Path

from .. import marked
from ..vpc import VpcNetwork, until_in_namespace
from . import cgroups
from .base import Ending, MachineSpec
from .marks import MARKER, MarkedMachine

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

    def power_off(self) -> None:
        for pid in self._init():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, _POWER_BUTTON)

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
        layers = f"lowerdir={self._root},upperdir={folder}/disk,workdir={folder}/work"
        with open(self.console_log, "ab") as console:
            return subprocess.Popen(
                [
                    *("unshare", "--net", "--mount", "--"),
                    *("sh", "-c", _LAUNCHER, "launcher", layers, f"{folder}/root"),
                    *("systemd-nspawn", "--quiet", "--boot"),
                    f"--directory={folder}/root",
                    f"--machine={self.spec.instance_id}",
                    f"--network-interface={_INTERFACE}",
                    f"--bind-ro={folder}/hypervisor:/sys/hypervisor",
                    *("--keep-unit", "--register=no", "--link-journal=no"),
                    *("--resolv-conf=off", "--timezone=off", "--console=read-only"),
                    # For init: cloud-init does not look for EC2 in containers
                    # unless it is told that this may be one.
                    *("ds=ec2", "ci.ds=Ec2"),
                ],
                env={
                    "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
                    MARKER: self.marker,
                },
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

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

    def _ending(self, status: int) -> Ending:
        return Ending.REBOOT if status == _REBOOT else Ending.SHUTDOWN

    def _clean_up(self) -> None:
        for group in cgroups.cloud_groups(self.spec.cloud_id):
            marked.remove_folder(str(group / self.spec.instance_id))
