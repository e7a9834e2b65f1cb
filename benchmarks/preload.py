"""JupyterLab's own part of a start, imported ahead of its orders or not."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from ec2spawner.claim.agent import preloader
from ec2spawner.demo.ports import free_ports

from .results import Row

_PREFIX = "/user/ada/"
_THAN = "a plain start"


class _Hub(BaseHTTPRequestHandler):
    """As much of a Hub as a server asks before it answers."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"version": "6"}).encode())

    do_POST = do_GET

    def log_message(self, *about: object) -> None:
        """Nobody reads it."""


def run(quick: bool) -> Iterator[Row]:
    waits, rounds = ((1.0,), 1) if quick else ((0.0, 1.0, 2.0, 5.0), 5)
    hub = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    api = f"http://127.0.0.1:{hub.server_port}/hub/api"
    for wait in waits:
        # Taking turns: what else this computer does falls on both alike.
        took = [(_seconds(api, wait), _seconds(api, None)) for _ in range(rounds)]
        ahead, plain = (median(each) for each in zip(*took))
        what = f"orders {wait:g} s after the machine is up: to JupyterLab's answer"
        yield Row(what, "s", ahead, plain, _THAN, "0.3 times" if wait else "")


def _seconds(api: str, wait: float | None) -> float:
    """From its orders until it answers.

    :param wait: seconds that it had before them; None for a plain start
    """
    program = shutil.which("jupyterhub-singleuser", path=Path(sys.executable).parent)
    assert program is not None, "it is installed with JupyterHub"
    with tempfile.TemporaryDirectory() as folder:
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}{_PREFIX}"
        env = _environment(api, url, folder)
        command = [program, "--allow-root"]
        orders = Path(folder) / "orders"
        with orders.open("w") as held:
            if wait is None:
                began = time.perf_counter()
                running = _process(command, env, folder)
            else:
                fcntl.flock(held, fcntl.LOCK_EX)
                ahead = [sys.executable, preloader.__file__, str(orders), program]
                base = {"PATH": os.environ["PATH"], "HOME": folder}
                running = _process(ahead, base, "/")
                time.sleep(wait)
                began = time.perf_counter()
                told = {"command": command, "env": env, "folder": folder}
                json.dump(told, held)
                held.close()
            with _ended(running):
                _answers(url + "api")
                return time.perf_counter() - began


def _environment(api: str, url: str, folder: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "JUPYTER_RUNTIME_DIR": folder + "/run",
        "JUPYTERHUB_API_TOKEN": "token",
        "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_ACTIVITY_URL": api + "/users/ada/activity",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": "[]",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": _PREFIX + "oauth_callback",
        "JUPYTERHUB_SERVICE_PREFIX": _PREFIX,
        "JUPYTERHUB_SERVICE_URL": url,
        "JUPYTERHUB_USER": "ada",
    }


def _process(
    command: list[str], env: dict[str, str], folder: str
) -> subprocess.Popen[bytes]:
    none = subprocess.DEVNULL
    return subprocess.Popen(command, env=env, cwd=folder, stdout=none, stderr=none)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.01)
