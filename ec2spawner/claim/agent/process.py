"""A machine of the local EC2 that is a plain process tree, without systemd."""

from __future__ import annotations

import os
import shutil
import subprocess

from .commands import LOG_LINES


class ProcessHost:
    """A machine of the local EC2: the server is a child, the account is nobody's."""

    def __init__(self) -> None:
        self.home = os.path.expanduser("~")
        self.run_folder = os.path.join(self.home, ".ec2spawner")
        self.disk_folder = os.path.join(self.home, ".ec2spawner-disk")
        # Here the agent is the first process of a boot, and this folder a disk.
        shutil.rmtree(self.run_folder, ignore_errors=True)
        self.log_path = os.path.join(self.run_folder, "server.log")
        self.server: subprocess.Popen[bytes] | None = None

    def renew_agent(self, script: str) -> None:
        """Nothing to do: here the user-data runs at every boot."""

    def account(self, name: str) -> str:
        return self.home

    def close_metadata(self, account: str) -> None:
        """Not here: the server is a process like the agent, of the same account."""

    def start(
        self, command: list[str], env: dict[str, str], account: str, home: str
    ) -> None:
        with open(self.log_path, "ab") as log:
            self.server = subprocess.Popen(
                command,
                cwd=home,
                env=dict(os.environ, **env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        return self.server.poll() if self.server else None

    def log(self) -> str:
        with open(self.log_path, errors="replace") as f:
            return "".join(f.readlines()[-LOG_LINES:])

    def stop(self) -> None:
        if self.server and self.server.poll() is None:
            self.server.terminate()
