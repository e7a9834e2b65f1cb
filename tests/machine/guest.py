"""A look into a machine from outside, past everything that could be in the way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from localec2.client import MachineInfo


class Guest:
    """A machine that has booted, as its own root sees it."""

    def __init__(self, machine: MachineInfo) -> None:
        self.machine = machine

    @property
    def console(self) -> str:
        log = self.machine.console_log  # none before it is switched on
        return Path(log).read_text(errors="replace") if log else ""

    @property
    def disk(self) -> Path:
        """What the machine has written to its root disk."""
        return Path(self.machine.folder or "") / "disk"

    @property
    def init(self) -> int:
        """Its process 1, as this computer numbers it."""
        for pid in self.machine.pids:
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            for line in status.splitlines():
                if line.startswith("NSpid:") and line.split()[2:] == ["1"]:
                    return pid
        raise LookupError(f"{self.machine.instance_id} has no process 1")

    def run(self, *command: str, check: bool = True) -> str:
        """What a command of root prints; a single word is a shell's line."""
        if len(command) == 1:
            command = ("sh", "-c", *command)
        enter = ["nsenter", f"--target={self.init}", "--all", "--wd=/", "--"]
        done = subprocess.run(
            [*enter, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if check:
            assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def main_pid(self, unit: str) -> int:
        """The process of a unit, as the machine numbers it; 0 when there is none."""
        return int(self.run("systemctl", "show", unit, "-p", "MainPID", "--value"))

    @property
    def ordered(self) -> dict[str, str]:
        """The environment that its server was ordered to have."""
        orders = json.loads(self.run("cat /run/ec2spawner/orders"))
        environment: dict[str, str] = orders["env"]
        return environment

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "-u", unit, "-o", "cat", "--no-pager")
