"""A process that imports the server before there are orders, and becomes it.

Runs in the server's own Python, as its account: ``preloader.py ORDERS PROGRAM``. The
agent holds a lock on ORDERS until it has written there what to start. What could differ
from a plain start is one, in this very process: whoever watches it sees the same
process, account, output and exit code either way.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import site
import sys
import time
import types
import wsgiref.handlers
from typing import Any, Dict, Iterator, List, NoReturn, Optional, Tuple

# What a JupyterLab of JupyterHub imports, in parts; one that is missing is not missed.
# None may keep what is the user's or the Hub's: jupyterhub.services.auth reads
# JUPYTERHUB_SERVICE_PREFIX when it is imported, jupyterlab.labhubapp sets a variable.
MODULES = (
    "jupyter_server.serverapp",
    "jupyterlab_server",
    "jupyter_server_terminals",
    "jupyter_lsp",
    "notebook_shim.shim",
    "jupyterlab.labapp",
    "jupyterhub.handlers.base",
    "jupyterhub.httpclient",
    "jupyterhub.log",
    "unittest.mock",
    "jupyter_server.services.api.handlers",
    "jupyter_server.services.contents.handlers",
    "jupyter_server.services.kernels.handlers",
    "jupyter_server.services.events.handlers",
    "jupyter_server.services.sessions.handlers",
    "jupyter_server.nbconvert.handlers",
    "jinja2.ext",
    "httpcore",
    "tornado.platform.asyncio",
    "IPython.core.interactiveshell",
)
# Python itself, and libraries in C, have read these before we could look.
EARLY = ("PYTHON", "LD_", "LANG", "LC_", "GLIBC_", "MALLOC_", "OPENSSL_", "SSL_")


class Plain(Exception):
    """Why a server has to be started as if nothing had been imported."""


class Watched(Dict[bytes, bytes]):
    """A copy of the environment that knows what was read of it, and how it was used."""

    def __init__(self, of: Dict[bytes, bytes]) -> None:
        super().__init__(of)
        self.read: Dict[bytes, Optional[bytes]] = {}
        self.misused = ""

    def __getitem__(self, name: bytes) -> bytes:
        self.read[name] = self.get(name)
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[bytes]:
        self.misused = "what it imports reads the whole environment"
        return super().__iter__()

    def __setitem__(self, name: bytes, value: bytes) -> None:
        self.misused = "what it imports changes the environment"
        super().__setitem__(name, value)

    def __delitem__(self, name: bytes) -> None:
        self.misused = "what it imports changes the environment"
        super().__delitem__(name)


def main() -> NoReturn:
    path, program = sys.argv[1:]
    with open(path) as orders:
        try:
            read, why_not = preload(program, orders), ""
        except Exception as e:
            read, why_not = {}, str(e) or repr(e)
        # Held until the agent has written them; or has died, and they are empty.
        fcntl.flock(orders, fcntl.LOCK_SH)
        told = json.loads(orders.read() or "null")
    os.unlink(path)
    if not told:
        sys.exit()
    command, before = told["command"], dict(os.environ)
    os.chdir(told["folder"])
    os.environ.update(told["env"])
    why_not = why_not or differs(read, before)
    if command[0] != program:
        why_not = "it is another program"
    if why_not:
        print("ec2spawner: a plain start of the server:", why_not, file=sys.stderr)
        os.execve(command[0], command, dict(os.environ))
    become(command)


def preload(program: str, orders: Any) -> Dict[bytes, Optional[bytes]]:
    """Import what the server will; no more once there are orders.

    :returns: what was read of the environment meanwhile
    :raises Exception: when the server cannot have what was imported
    """
    sys.path[0] = os.path.dirname(os.path.realpath(program))
    if has_own_packages():
        raise Plain("its account has packages of its own")
    environments: Tuple[Any, Any] = (os.environ, os.environb)
    plain = environments[0]._data
    watched = Watched(plain)
    for each in environments:
        each._data = watched
    try:
        for name in MODULES:
            if is_there(orders):
                break
            try:
                importlib.import_module(name)
            except ModuleNotFoundError:
                pass
    finally:
        for each in environments:
            each._data = plain
    if watched.misused:
        raise Plain(watched.misused)
    home = os.path.join(os.environ["HOME"], "")
    for name, module in list(sys.modules.items()):
        # There may be another home by then.
        file = str(getattr(module, "__file__", ""))
        if name != "__main__" and file.startswith(home):
            raise Plain("it is in the home")
    return watched.read


def is_there(orders: Any) -> bool:
    """Whether the agent has let go of the orders."""
    try:
        fcntl.flock(orders, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def has_own_packages() -> bool:
    """Whether this account has packages that Python would find before others."""
    site.USER_BASE = site.USER_SITE = None
    return bool(site.ENABLE_USER_SITE) and os.path.isdir(site.getusersitepackages())


def differs(read: Dict[bytes, Optional[bytes]], before: Dict[str, str]) -> str:
    """What a plain start would have done otherwise; empty when it is all the same.

    :param read: what was read before the environment was what it is now
    :param before: the environment of then
    """
    for name in {*before, *os.environ}:
        if before.get(name) != os.environ.get(name):
            if os.fsencode(name) in read or name.startswith(EARLY):
                return "what it imports depends on " + name
    return "its account has packages of its own" if has_own_packages() else ""


def become(command: List[str]) -> NoReturn:
    """Run a program of this Python as it runs a script."""
    program = command[0]
    time.tzset()
    # It keeps a copy.
    wsgiref.handlers.BaseHandler.os_environ = wsgiref.handlers.read_environ()
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as comm:
        comm.write(os.path.basename(program))
    with open(program, "rb") as file:
        code = compile(file.read(), program, "exec", dont_inherit=True)
    sys.argv = command
    script = sys.modules["__main__"] = types.ModuleType("__main__")
    script.__file__ = program
    exec(code, vars(script))
    sys.exit()


if __name__ == "__main__":
    main()
