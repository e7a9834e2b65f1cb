"""A machine of the local EC2 that is a plain process tree, without systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from .commands import LOG_LINES
from .words import Failed

# Where the local EC2 puts the volumes of such a machine.
DEVICES = "EC2SPAWNER_LOCAL_DEVICES"


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

    def move_in(self, volume_id: str, account: str, home: str, seed: str) -> str:
        """Where the user's volume is: here it is a folder."""
        volume = wait_for_volume(volume_id, "the home")
        place = os.path.join(volume, "home")
        if not os.path.isdir(place):
            unfinished = place + ".new"
            shutil.rmtree(unfinished, ignore_errors=True)
            if seed:
                shutil.copytree(seed, unfinished, symlinks=True)
            else:
                os.mkdir(unfinished)
            os.rename(unfinished, place)
        return place

    def mount_data(self, volumes: list[dict[str, str]], home: str) -> None:
        """Nobody but root can mount: here they are links below the home."""
        for each in volumes:
            path = os.path.join(home, each["mount_path"].lstrip("/"))
            volume = wait_for_volume(each["volume_id"], "the data volume")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.islink(path):
                os.unlink(path)
            os.symlink(volume, path)

    def account(self, name: str) -> str:
        return self.home

    def close_metadata(self, account: str) -> None:
        """Not here: the server is a process like the agent, of the same account."""

    def start(
        self, command: list[str], env: dict[str, str], account: str, home: str
    ) -> None:
        self.stop()
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
            self.server.wait()


def wait_for_volume(volume_id: str, what: str) -> str:
    """The folder that is a volume, once it is there."""
    deadline = time.monotonic() + 60
    volume = os.path.join(os.environ[DEVICES], volume_id)
    while not os.path.isdir(volume):
        if time.monotonic() > deadline:
            raise Failed("%s, %s, does not show up" % (what, volume_id))
        time.sleep(0.1)
    return volume
