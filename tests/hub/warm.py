"""Hubs, and commands, forked from a process that has imported JupyterHub already.

Importing is most of a Hub's start, and tests start many. What is forked is as much a
Hub as any: a process of its own, in a session of its own, that can be killed.

Run as ``python -m tests.hub.warm`` it is that process: a request is a line of JSON on
its standard input, and so is the answer on its standard output.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import random
import select
import subprocess
import sys
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

# What a Hub of the tests imports before it answers.
_MODULES = (
    "jupyterhub.app",
    "jupyterhub.auth",
    "jupyterhub.authenticators.shared",
    "jupyterhub_traefik_proxy.consul",
    "jupyterhub_traefik_proxy.etcd",
    "jupyterhub_traefik_proxy.fileprovider",
    "jupyterhub_traefik_proxy.redis",
    "tornado.simple_httpclient",
    "toml",
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "boto3",
    "botocore.handlers",
    "botocore.signers",
    "ec2spawner.spawner",
    "ec2spawner.admin.app",
)
# The modules whose ``main()`` the programs are.
_PROGRAMS = {"jupyterhub": "jupyterhub.app", "ec2spawner": "ec2spawner.cli"}


class WarmProcess:
    """The process that has imported everything, one for each process of tests."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._process.kill)

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@cache
def warm_process() -> WarmProcess:
    return WarmProcess()


class Forked:
    """A program's process, with as much of ``subprocess.Popen`` as tests need.

    :param argv: ``jupyterhub`` or ``ec2spawner``, and its words
    :param log: the file for what it says, and for its complaints without ``errors``
    """

    def __init__(
        self,
        argv: list[str],
        cwd: Path,
        env: dict[str, str],
        log: Path,
        errors: Path | None = None,
    ):
        self._warm = warm_process()
        files = {"log": str(log), "errors": str(errors or log)}
        self.pid: int = self._warm.ask(argv=argv, cwd=str(cwd), env=env, **files)
        self._fd = os.pidfd_open(self.pid)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        if self._code is None and select.select([self._fd], [], [], timeout)[0]:
            self._code = self._warm.ask(exit_of=self.pid)
            os.close(self._fd)
        return self._code


def _serve() -> None:
    for module in _MODULES:
        import_module(module)
    # What each Hub works out alike, before it answers or at its first launch.
    import_module("sqlalchemy.orm").configure_mappers()
    user_data = import_module("ec2spawner.claim.user_data").user_data
    user_data("launch", "nonce", "http://127.0.0.1", 1)
    import_module("boto3").Session("id", "secret").client("ec2", "us-west-2")
    # Who looks through all of this for garbage also gets a copy of it.
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        if "exit_of" in request:
            _, status = os.waitpid(request["exit_of"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if not answer:
                _become(**request)
        print(json.dumps(answer), flush=True)


def _become(
    argv: list[str], cwd: str, env: dict[str, str], log: str, errors: str
) -> None:
    code = 1
    try:
        os.setsid()
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in ((1, log), (2, errors)):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            os.dup2(os.open(path, flags, 0o644), number)
        random.seed()
        sys.argv = argv
        import_module(_PROGRAMS[argv[0]]).main()
        code = 0
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else bool(e.code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
