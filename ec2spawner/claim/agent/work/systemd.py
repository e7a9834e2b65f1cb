"""A real machine: the server is a unit of systemd."""

from __future__ import annotations

import os
import pwd
import subprocess
from typing import Callable

from ..commands import LOG_LINES, run_lines, write_private
from ..metadata_lock import FIRST, open_again
from ..preload import USERADD
from ..preloaded import Preloaded
from ..service import RUNTIME, SERVER, write_server_unit, write_text
from ..start import RUN_FOLDER
from ..unpack import INSTALLED
from ..words import Failed, say
from . import data, metadata_closed
from .home import explain, mount, owner, settle
from .idle.sampler import Whose

# needrestart restarts whatever uses a library that was updated, and Ubuntu updates by
# itself: not what people work in (needrestart's README, "override_rc").
NEEDRESTART = "/etc/needrestart"
SPARED = "$nrconf{override_rc}{qr(^ec2spawner-)} = 0;\n"


class SystemdHost:
    """A real machine: the server is a systemd unit of an unprivileged account."""

    run_folder = RUN_FOLDER
    disk_folder = os.path.dirname(INSTALLED)
    runtime_folder = "/run/" + RUNTIME
    # Beside the other, which is root's alone.
    people_folder = RUN_FOLDER + "-people"
    tls_folder = RUN_FOLDER + "-tls"

    def __init__(self, again: bool) -> None:
        self.preloaded = Preloaded(self.run_folder, again)

    def settle_in(self) -> None:
        """See to it that no update of the system restarts what people work in."""
        if os.path.isdir(NEEDRESTART):
            os.makedirs(NEEDRESTART + "/conf.d", exist_ok=True)
            write_text(NEEDRESTART + "/conf.d/ec2spawner.conf", SPARED)

    def terminated(self) -> None:
        """The server is a service of its own, and goes on without us."""

    def home_owner(self, volume_id: str) -> int:
        """Mount the user's volume; whose files are on it, as a uid, or 0.

        :raises Unusable: when it cannot be mounted, or is no home
        """
        mount(volume_id)
        return owner()

    def explain(self, home: str, volume_id: str, why: str, account: str) -> None:
        """Leave word in a home that is not the user's own."""
        explain(home, volume_id, why, account)

    def move_in(
        self,
        volume_id: str,
        account: str,
        home: str,
        seed: str,
        tell: Callable[[str], None],
    ) -> str:
        """Where the home is, now that its volume is mounted."""
        settle(account, home, seed, tell)
        return home

    def mount_data(self, volumes: list[dict[str, str]], home: str) -> None:
        for each in volumes:
            data.mount(each["volume_id"], each["device"], each["mount_path"])

    def account(self, name: str, uid: int) -> str:
        """The home directory of an account, which is made unless the image has it.

        :param uid: the number that it is to have; one of the image's own programs, or
            one that another account has, is not given
        """
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            pass
        else:
            early = self.preloaded.made_account(name)
            if not early or uid == who.pw_uid or not is_free(uid):
                return who.pw_dir
            # It was made before anybody knew whose files it would have.
            self.preloaded.forget()
            self.stop()
            run_lines(["userdel", "--remove", name], say)
        log = ""
        for more in [["--uid", str(uid)]] * is_free(uid) + [[]]:
            code, log = run_lines(USERADD + more + [name], say)
            if not code:
                return pwd.getpwnam(name).pw_dir
        raise Failed("cannot make the account %s" % name, log)

    def as_user(self, account: str, command: list[str]) -> list[str]:
        """A command of ours, run with no more rights than the account has."""
        return ["runuser", "-u", account, "--"] + command

    def numbers(self, account: str) -> tuple[int, int]:
        """The uid and the gid of an account."""
        who = pwd.getpwnam(account)
        return who.pw_uid, who.pw_gid

    def whose(self, account: str) -> Whose:
        """The account's; and the machine is for nobody else."""
        uid = pwd.getpwnam(account).pw_uid
        return Whose(lambda process: process.uid == uid, alone=True)

    def close_metadata(self, account: str) -> None:
        """Keep the account's processes from the metadata service, or raise Failed."""
        metadata_closed.close(account)

    def open_metadata(self) -> None:
        """It was closed while nobody knew what the orders would say."""
        open_again()

    def start(
        self, command: list[str], env: dict[str, str], account: str, home: str
    ) -> None:
        # Others systemd drops, and writes with their value to the journal: a disk.
        for name in {n for n in env if not (n.isidentifier() and n.isascii())}:
            say("no service can have a variable named %r: left out" % name)
            env = {n: value for n, value in env.items() if n != name}
        if self.preloaded.become(account, command, env, home):
            return
        env_file = self.run_folder + "/server.env"
        lines = ["%s=%s\n" % (n, quote_env(value)) for n, value in sorted(env.items())]
        write_private(env_file, "".join(lines))
        write_server_unit(account, home, command, env_file)
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
        if shown.get("ActiveState") not in ("inactive", "failed") or is_stopping():
            return None
        status = int(shown.get("ExecMainStatus", 1))
        # Negative for a signal, as subprocess has it (waitid(2): CLD_EXITED is 1).
        return status if shown.get("ExecMainCode") == "1" else -status

    def log(self) -> str:
        show = ["journalctl", "-u", SERVER, "-o", "cat", "--no-pager", "-n"]
        return subprocess.check_output(show + [str(LOG_LINES)]).decode(errors="replace")

    def stop(self) -> None:
        subprocess.call(["systemctl", "stop", SERVER])


def is_free(uid: int) -> bool:
    """Whether an account of a person may have this number."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return uid >= FIRST
    return False


def is_stopping() -> bool:
    """The machine shuts down or reboots, and its services are ended in order."""
    asked = ["systemctl", "is-system-running"]
    said = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return said.stdout.strip() == b"stopping"


def quote_env(value: str) -> str:
    """A value for systemd's EnvironmentFile (systemd.exec, "EnvironmentFile=")."""
    if "\0" in value:
        raise Failed("an environment variable of the orders holds a NUL")
    for char in '\\"`$':
        value = value.replace(char, "\\" + char)
    return '"%s"' % value
