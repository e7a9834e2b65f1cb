"""A machine of the local EC2 that is a plain process tree, without systemd."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import Callable

from ..commands import LOG_LINES
from ..preload import LOG, PID
from ..preloaded import Preloaded
from ..start import PROCESS_MACHINE, folders
from ..words import Failed
from .idle.sampler import Whose

# Where the local EC2 puts the volumes of such a machine.
DEVICES = "EC2SPAWNER_LOCAL_DEVICES"


class ProcessHost:
    """A machine of the local EC2: the server is a child, the account is nobody's."""

    def __init__(self, again: bool) -> None:
        self.home = os.path.expanduser("~")
        self.run_folder, self.disk_folder, _ = folders()
        self.log_path = os.path.join(self.run_folder, LOG)
        self.pid_path = os.path.join(self.run_folder, PID)
        self.preloaded = Preloaded(self.run_folder, again)
        #: as on other machines Jupyter's notes of a run end with the boot
        self.runtime_folder = os.path.join(self.run_folder, "jupyter")
        os.makedirs(self.runtime_folder, mode=0o700, exist_ok=True)
        self.people_folder = self.run_folder + "-people"
        self.tls_folder = self.run_folder + "-tls"
        self.server: subprocess.Popen[bytes] | None = None

    def settle_in(self) -> None:
        """Nothing to do: whoever updates this computer leaves machines alone."""

    def terminated(self) -> None:
        """The machine shuts down: here the server is not told by anybody else."""
        self.stop()

    def home_owner(self, volume_id: str) -> int:
        """Nobody: here all belongs to one account."""
        return 0

    def explain(self, home: str, volume_id: str, why: str, account: str) -> None:
        """Not here: a folder can always be used."""

    def move_in(
        self,
        volume_id: str,
        account: str,
        home: str,
        seed: str,
        tell: Callable[[str], None],
    ) -> str:
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

    def account(self, name: str, uid: int) -> str:
        return self.home

    def whose(self, account: str) -> Whose:
        """What carries the mark of this machine: beside it there is this computer."""
        mark = b"%s=%s" % (
            PROCESS_MACHINE.encode(),
            os.environ[PROCESS_MACHINE].encode(),
        )
        return Whose(lambda process: mark in environment(process.pid), alone=False)

    def as_user(self, account: str, command: list[str]) -> list[str]:
        """Here all is of one account."""
        return command

    def numbers(self, account: str) -> tuple[int, int]:
        """Here all is done by one account."""
        return os.getuid(), os.getgid()

    def close_metadata(self, account: str) -> None:
        """Not here: the server is a process like the agent, of the same account."""

    def open_metadata(self) -> None:
        """It is open."""

    def start(
        self, command: list[str], env: dict[str, str], account: str, home: str
    ) -> None:
        if self.preloaded.become(account, command, env, home):
            return
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
        with open(self.pid_path, "w") as file:
            file.write(str(self.server.pid))

    def exit_code(self) -> int | None:
        """None while the server runs."""
        if self.server:
            return self.server.poll()
        # A child of the program that this process was before it slept, or none.
        try:
            with open(self.pid_path) as file:
                pid, status = os.waitpid(int(file.read()), os.WNOHANG)
        except (FileNotFoundError, ValueError, ChildProcessError):
            return 1
        if not pid:
            return None
        if os.WIFSIGNALED(status):
            return -os.WTERMSIG(status)
        return os.WEXITSTATUS(status)

    def log(self) -> str:
        with open(self.log_path, errors="replace") as f:
            return "".join(f.readlines()[-LOG_LINES:])

    def stop(self) -> None:
        if self.exit_code() is not None:
            return
        with open(self.pid_path) as file:
            os.kill(int(file.read()), signal.SIGTERM)
        while self.exit_code() is None:
            time.sleep(0.02)


def environment(pid: int) -> list[bytes]:
    """What a process was started with; empty for this one, and for another's."""
    if pid == os.getpid():
        return []
    try:
        with open("/proc/%i/environ" % pid, "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def wait_for_volume(volume_id: str, what: str) -> str:
    """The folder that is a volume, once it is there."""
    deadline = time.monotonic() + 60
    volume = os.path.join(os.environ[DEVICES], volume_id)
    while not os.path.isdir(volume):
        if time.monotonic() > deadline:
            raise Failed("%s, %s, does not show up" % (what, volume_id))
        time.sleep(0.1)
    return volume
