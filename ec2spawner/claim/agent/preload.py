"""The server, imported while the machine waits for its orders.

Importing is most of a server's start. A process of its account does that meanwhile
(`preloader`), and becomes the server when it is told what to start: under systemd as
the main process of the server's own unit, as ever.
"""

from __future__ import annotations

import fcntl
import json
import os
import pkgutil
import pwd
import shutil
import subprocess
import threading
from typing import Any

from .commands import write_private
from .metadata_lock import FIRST
from .service import SERVER, write_server_unit
from .words import Failed, say

#: in the folder of a boot: what runs, for the program that comes with the orders
NOTE = "preload"
#: where a process machine keeps its server's number, and what that prints
PID, LOG = "server.pid", "server.log"
USERADD = ["useradd", "--create-home", "--shell", "/bin/bash"]


class Preload(threading.Thread):
    """What gets it going, beside the claim. No start fails by it.

    :param config: has what the Hub is going to start, unless there is no use in it: the
        account, its uid or 0, the program, and on which path it is looked for
    """

    def __init__(self, config: dict[str, Any], run_folder: str, systemd: bool) -> None:
        super().__init__(daemon=True)
        self.wish: dict[str, Any] = config.get("preload") or {}
        self.run_folder, self.systemd = run_folder, systemd

    def run(self) -> None:
        try:
            if self.wish:
                self.begin()
        except Exception as e:
            say("the server is not imported ahead: %s" % e)

    def end(self) -> None:
        """From now on it is known whether there is one."""
        if self.ident:
            self.join()

    def begin(self) -> None:
        """:raises Exception: when this image does not allow it"""
        account, made = self.wish["account"], False
        command = self.command()
        if self.systemd:
            made = make_account(account, self.wish["uid"])
            who = pwd.getpwnam(account)
            if who.pw_uid < FIRST:
                raise Failed("%s may be a program's account" % account)
            owner = who.pw_uid, who.pw_gid
        else:
            owner = os.getuid(), os.getgid()
        # The account's own, from the moment that others may be in it.
        folder = self.run_folder + "-" + NOTE
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder, 0o700)
        program, orders = folder + "/preloader.py", folder + "/orders"
        write_private(program, source())
        write_private(orders, "")
        fd = os.open(orders, os.O_WRONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.set_inheritable(fd, True)
        for path in (program, orders, folder):
            os.chown(path, *owner)
        note = {"account": account, "made": made, "fd": fd, "folder": folder}
        write_private(os.path.join(self.run_folder, NOTE), json.dumps(note))
        self.start_process(command[:-1] + [program, orders, command[-1]])

    def command(self) -> list[str]:
        """The server's Python, with its options, and the server's program."""
        path = os.pathsep.join(self.wish["path"] + [os.environ.get("PATH", "")])
        program = shutil.which(self.wish["program"], path=path)
        if program is None:
            raise Failed("there is no %s on this image" % self.wish["program"])
        with open(program, "rb") as file:
            first = file.readline(4096).decode(errors="replace")
        words = first[2:].split(None, 1)
        if first[:3] != "#!/" or "python" not in os.path.basename(words[0]):
            raise Failed("%s is no program of a Python" % program)
        return [word.strip() for word in words] + [program]

    def start_process(self, command: list[str]) -> None:
        if self.systemd:
            write_server_unit(self.wish["account"], "/", command)
            subprocess.check_call(["systemctl", "restart", SERVER])
            return
        with open(os.path.join(self.run_folder, LOG), "ab") as log:
            server = subprocess.Popen(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with open(os.path.join(self.run_folder, PID), "w") as file:
            file.write(str(server.pid))


def source() -> str:
    """The program, which the server's own Python runs."""
    found = pkgutil.get_data(__package__, "preloader.py")
    assert found is not None, "it travels with this file"
    return found.decode()


def make_account(name: str, uid: int) -> bool:
    """Make it as the orders will have it made; False when the image has it."""
    try:
        pwd.getpwnam(name)
        return False
    except KeyError:
        number = ["--uid", str(uid)] if uid else []
        subprocess.check_call(USERADD + number + [name])
        return True
