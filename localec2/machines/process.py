"""Process machines: a process tree on its own loopback address.

Starts in a fraction of a second on any Linux computer, without root. It runs as the
calling user: that is a property of this kind of machine, as are a shared kernel, file
system and network stack.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from ..processes.marked import MARKER
from . import boot
from .base import Ending, VolumeSpec
from .marks import MarkedMachine

#: how long a machine waits for its own processes when it shuts itself down, seconds
_OWN_GRACE = 5
#: names the folder that has a link for every attached volume, by its id
DEVICES_VARIABLE = "EC2SPAWNER_LOCAL_DEVICES"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# "now" and "+0" at once, "+N" in N minutes, -c calls off what waits.
_SHUTDOWN = """#!/bin/sh
# {name} of this process machine: tells the machine's init.
run='{run}'; sig={sig}; wait=0
for arg in "$@"; do
  case "$arg" in
    -c) kill "$(cat "$run/shutdown.pid")" 2>/dev/null; exit 0 ;;
    -r|--reboot) sig=USR2 ;;
    +*) wait=$(( ${{arg#+}} * 60 )) ;;
  esac
done
if [ "$wait" -gt 0 ]; then
  ( sleep "$wait"; kill -s "$sig" "$(cat "$run/boot.pid")" ) >/dev/null 2>&1 &
  echo $! > "$run/shutdown.pid"
else
  kill -s "$sig" "$(cat "$run/boot.pid")"
fi
"""


# Units of this computer's own systemd would be this computer's: what is to be done to a
# machine, such as cleaning it for an image, would be done to it.
_NO_SYSTEMD = """#!/bin/sh
echo "a process machine has no systemd: start it as nspawn or qemu" >&2
exit 1
"""


class ProcessMachine(MarkedMachine):
    """A process tree under ``boot.py``, all of it carrying the machine's marker."""

    def _launch(self) -> subprocess.Popen[bytes]:
        self._prepare()
        with open(self.console_log, "ab") as console:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    boot.__file__,
                    str(self.spec.folder),
                    str(_OWN_GRACE),
                ],
                env=self._environment(),
                cwd=self.spec.folder / "home",
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def _ending(self, status: int) -> Ending:
        return Ending.REBOOT if status == boot.REBOOT else Ending.SHUTDOWN

    def _press_power_button(self) -> None:
        self.thaw()
        if self._process is not None:
            # The init passes it on and ends when everything has ended.
            self._process.send_signal(signal.SIGTERM)

    def power_off(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGUSR1)

    def attach(self, volume: VolumeSpec) -> None:
        link = self._devices / volume.volume_id
        with contextlib.suppress(FileExistsError):
            link.symlink_to(volume.data)

    def detach(self, volume: VolumeSpec, force: bool = False) -> None:
        # A folder is never mounted. What has a file open there keeps it.
        (self._devices / volume.volume_id).unlink(missing_ok=True)

    @property
    def _devices(self) -> Path:
        return self.spec.folder / "devices"

    def _prepare(self) -> None:
        folder = self.spec.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The root file system's /run and /tmp do not outlive a power-off.
        for name in ("run", "tmp", "devices"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in ("run", "tmp", "devices", "home", "bin", "etc/jupyter"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        for volume in self.spec.volumes:
            self.attach(volume)
        for name, number in (
            ("shutdown", "USR1"),
            ("poweroff", "USR1"),
            ("reboot", "USR2"),
        ):
            shim = folder / "bin" / name
            shim.write_text(_SHUTDOWN.format(name=name, run=folder / "run", sig=number))
            shim.chmod(0o755)
        (folder / "bin" / "systemd-run").write_text(_NO_SYSTEMD)
        (folder / "bin" / "systemd-run").chmod(0o755)
        config = folder / "etc" / "jupyter" / "jupyter_server_config.json"
        config.write_text(json.dumps({"ServerApp": {"allow_root": os.geteuid() == 0}}))

    def _environment(self) -> dict[str, str]:
        """From scratch: a machine knows nothing of who started the cloud."""
        folder = self.spec.folder
        path = [str(folder / "bin"), *self.spec.path_prefix]
        # Of a virtual environment both are its own, not the base Python's.
        path += [str(Path(sys.executable).parent), str(Path(sys.prefix) / "bin")]
        path += _SYSTEM_PATH.split(":")
        return {
            "PATH": os.pathsep.join(dict.fromkeys(path)),
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.spec.metadata_url,
            "JUPYTER_CONFIG_PATH": str(folder / "etc" / "jupyter"),
            DEVICES_VARIABLE: str(self._devices),
            MARKER: self.marker,
        }
