"""The machine as the steps use it: its console, and commands on it."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from typing import Any

HERE = "/var/lib/ec2spawner-build"
#: who runs what is not ours: an account without rights
ACCOUNT = "ec2spawner-build"
SERVER = "/opt/jupyter"
PYTHONS = "/opt/python"
UV = HERE + "/uv"
_LINES = 15


class Failed(Exception):
    """The build cannot go on; the text says why."""


class Machine:
    """The machine of one build."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self._began = time.time()
        #: where the repository's packages go
        self.env = "/opt/envs/" + plan["name"]
        self.python = self.env + "/bin/python"
        # Proxies and certificates, where a network needs them, are the base image's.
        os.environ.update(
            HOME=HERE + "/home",
            UV_PYTHON_INSTALL_DIR=PYTHONS,
            UV_NO_PROGRESS="1",
            DEBIAN_FRONTEND="noninteractive",
        )

    def say(self, step: str, text: str = "") -> None:
        """A line of the console, by which the build is followed."""
        words = " ".join(text.split())[:300]
        seconds = int(time.time() - self._began)
        head = "ec2spawner-build %s %s %d" % (self.plan["key"][:12], step, seconds)
        print((head + " " + words).rstrip(), flush=True)

    def run(self, *command: str, root: bool = False, stdin: str = "") -> str:
        """Run a command, as root or as an account without rights; what it printed."""
        account = None if root else pwd.getpwnam(ACCOUNT)

        def drop() -> None:
            if account is not None:
                os.setgroups([])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)

        done = subprocess.run(
            command,
            preexec_fn=drop,
            cwd=HERE + "/home" if account else "/",
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            errors="replace",
            # What root has made in it nobody else could use.
            env={**os.environ, "UV_CACHE_DIR": HERE + ("/root" if root else "/cache")},
        )
        if done.returncode:
            lines = [line for line in done.stdout.splitlines() if line.strip()][-15:]
            for line in lines:
                self.say("log", line)
            what = " ".join(command[:3])
            raise Failed("%s ended with %d: %s" % (what, done.returncode, lines[-1:]))
        return done.stdout

    def give(self, folder: str, account: str) -> None:
        self.run("chown", "-R", "-h", "%s:" % account, folder, root=True)

    def pip(self, what: str, env: str) -> list[str]:
        """uv's command, for the environment in a folder."""
        first, *others = self.plan["indexes"]
        command = [UV, "pip", what, "--python", env + "/bin/python"]
        command += ["--default-index", first, "--index-strategy", "unsafe-best-match"]
        for url in others:
            command += ["--index", url]
        return command

    @property
    def wanted_version(self) -> str:
        """The Hub's major version."""
        return str(self.plan["hub"]).partition(".")[0]

    def server_version(self) -> str:
        """The major version of the server that this machine has; empty for none."""
        try:
            said = self.run(SERVER + "/bin/jupyterhub-singleuser", "--version")
        except (OSError, Failed):
            return ""
        return said.partition(".")[0].strip()
