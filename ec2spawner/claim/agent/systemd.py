"""A real machine: the server is a unit of systemd."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

from . import data, metadata_lock
from .commands import LOG_LINES, run_lines, write_private
from .home import Unusable, explain, mount, settle
from .unpack import INSTALLED, refresh
from .words import Failed, say

SERVER_UNIT = "/run/systemd/system/ec2spawner-server.service"
SERVER = "ec2spawner-server.service"


class SystemdHost:
    """A real machine: the server is a systemd unit of an unprivileged account."""

    # A tmpfs: what is in it is of this boot, and on no disk.
    run_folder = "/run/ec2spawner"
    disk_folder = os.path.dirname(INSTALLED)

    def renew_agent(self, script: str) -> None:
        """Become the agent that the Hub has sent, when this boot has brought one.

        A machine that has rested, or that was made from another's image, wakes up
        with the agent of back then.
        """
        if refresh(INSTALLED, script):
            say("the user-data has brought another agent: it takes over")
            os.execv(sys.executable, [sys.executable, INSTALLED, "run"])

    def move_in(self, volume_id: str, account: str, home: str, seed: str) -> str:
        """Mount the user's volume; where the home is then.

        :raises Unusable: when it cannot be mounted; the home is the machine's then
        """
        try:
            mount(volume_id)
        except Unusable as e:
            explain(home, volume_id, str(e), account)
            raise
        settle(account, home, seed)
        return home

    def mount_data(self, volumes: list[dict[str, str]], home: str) -> None:
        for each in volumes:
            data.mount(each["volume_id"], each["device"], each["mount_path"])

    def account(self, name: str) -> str:
        try:
            return pwd.getpwnam(name).pw_dir
        except KeyError:
            add = ["useradd", "--create-home", "--shell", "/bin/bash", name]
            code, log = run_lines(add, lambda line: None)
            if code:
                raise Failed("cannot make the account %s" % name, log)
            return pwd.getpwnam(name).pw_dir

    def close_metadata(self, account: str) -> None:
        """Keep the account's processes from the metadata service, or raise Failed."""
        metadata_lock.close(account)

    def start(
        self, command: list[str], env: dict[str, str], account: str, home: str
    ) -> None:
        env_file = self.run_folder + "/server.env"
        lines = []
        for name, value in sorted(env.items()):
            # Others systemd drops, and writes with their value to the journal: a disk.
            if name.isidentifier() and name.isascii():
                lines.append("%s=%s\n" % (name, quote_env(value)))
            else:
                say("no service can have a variable named %r: left out" % name)
        write_private(env_file, "".join(lines))
        unit = [
            "[Unit]",
            "Description=Jupyter server of ec2spawner",
            "[Service]",
            "User=" + account,
            "WorkingDirectory=" + home.replace("%", "%%"),
            "EnvironmentFile=" + env_file,
            "ExecStart=" + " ".join(quote_exec(c) for c in command),
            "OOMPolicy=continue",
            "",
        ]
        with open(SERVER_UNIT, "w") as f:
            f.write("\n".join(unit))
        subprocess.check_call(["systemctl", "daemon-reload"])
        reset = ["systemctl", "reset-failed", SERVER]
        subprocess.call(reset, stderr=subprocess.DEVNULL)
        subprocess.check_call(["systemctl", "restart", SERVER])

    def exit_code(self) -> int | None:
        """None while the server runs."""
        show = ["systemctl", "show", SERVER, "-p"]
        text = subprocess.check_output(
            show + ["ActiveState,ExecMainCode,ExecMainStatus"]
        )
        shown = dict(line.split("=", 1) for line in text.decode().split())
        if shown.get("ActiveState") not in ("inactive", "failed"):
            return None
        status = int(shown.get("ExecMainStatus", 1))
        # Negative for a signal, as subprocess has it (waitid(2): CLD_EXITED is 1).
        return status if shown.get("ExecMainCode") == "1" else -status

    def log(self) -> str:
        show = ["journalctl", "-u", SERVER, "-o", "cat", "--no-pager", "-n"]
        return subprocess.check_output(show + [str(LOG_LINES)]).decode(errors="replace")

    def stop(self) -> None:
        subprocess.call(["systemctl", "stop", SERVER])


def quote_env(value: str) -> str:
    """A value for systemd's EnvironmentFile (systemd.exec, "EnvironmentFile=")."""
    if "\0" in value:
        raise Failed("an environment variable of the orders holds a NUL")
    for char in '\\"`$':
        value = value.replace(char, "\\" + char)
    return '"%s"' % value


def quote_exec(word: str) -> str:
    """A word for systemd's ExecStart= (systemd.service, "Command lines")."""
    word = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"%s"' % word.replace("%", "%%").replace("$", "$$").replace("\n", "\\n")
