"""What rest and hibernation are worth: a server's next start, against a fresh launch.

Three users stop and start their JupyterLab again and again on one local EC2: one gets
a fresh machine each time, one wakes a machine that was stopped, one a machine that
hibernated. Booted machines (root) are what it is about; with processes, which boot
nothing, it shows the price of everything else.

AWS's own time, to place a machine and to read its memory from disk, is not in these
seconds: on AWS it is added to each way.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ec2spawner.demo.needs import search_path
from ec2spawner.demo.ports import free_ports
from localec2 import LocalCloudProcess, LocalSettings

from .results import Row

#: user -> what becomes of the machine
WAYS = {"fresh": "terminate", "woken": "stop", "resumed": "hibernate"}
PATIENCE = 600

CONFIG = """
import json
c = get_config()
o = json.load(open("options.json"))
c.JupyterHub.bind_url = o["public"]
c.JupyterHub.hub_bind_url = o["hub"]
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.traefik_api_url = o["proxy_api"]
c.TraefikProxy.traefik_api_password = c.TraefikProxy.traefik_api_username = "bench"
c.TraefikProxy.extra_static_config = {"global": {"checkNewVersion": False}}
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "bench", "api_token": o["token"]}]
c.JupyterHub.load_roles = [
    {"name": "bench", "scopes": ["admin:users", "admin:servers"], "services": ["bench"]}
]
c.JupyterHub.spawner_class = "ec2"
for name, value in o["spawner"].items():
    setattr(c.EC2Spawner, name, value)
"""


class Hub:
    """A JupyterHub of its own process, by its API."""

    def __init__(self, cloud: LocalCloudProcess, folder: Path) -> None:
        world = cloud.control.resources()
        public, hub, api = free_ports(3)
        self._token = secrets.token_hex(16)
        self._api = f"http://{cloud.hub_address}:{hub}/hub/api"
        profiles = [
            {"display_name": user, "ec2spawner_override": {"on_stop": on_stop}}
            for user, on_stop in WAYS.items()
        ]
        options = {
            "public": f"http://127.0.0.1:{public}/",
            "hub": f"http://{cloud.hub_address}:{hub}/",
            "proxy_api": f"http://127.0.0.1:{api}",
            "token": self._token,
            "spawner": {
                "region": cloud.region,
                "endpoint_url": cloud.endpoint_url,
                "image": world.image_id,
                "subnets": list(world.subnet_ids.values()),
                "security_groups": [world.security_group_id],
                "instance_type": "t3.small",
                "root_volume_size": 20,
                "fast_interval": 0.2,
                "profile_list": profiles,
            },
        }
        (folder / "options.json").write_text(json.dumps(options))
        (folder / "config.py").write_text(CONFIG)
        with open(folder / "hub.log", "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", "config.py"],
                cwd=folder,
                env={
                    "PATH": search_path(),
                    "HOME": str(folder),
                    "AWS_ACCESS_KEY_ID": "any",
                    "AWS_SECRET_ACCESS_KEY": "any",
                    "AWS_EC2_METADATA_DISABLED": "true",
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(60)

    def start(self, user: str) -> float:
        """Seconds from the request until the Hub says that the server is ready."""
        began = time.perf_counter()
        options = {"user_options": {"profile": user}}
        self.call("POST", f"/users/{user}/server", options)
        wait_until(lambda: self._server(user).get("ready"))
        return time.perf_counter() - began

    def stop(self, user: str) -> None:
        self.call("DELETE", f"/users/{user}/server")
        wait_until(lambda: not self._server(user))

    def _server(self, user: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/users/{user}")["servers"]
        server: dict[str, Any] = found.get("", {})
        return server

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self._api + path,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"token {self._token}"},
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError("the hub has ended")
        try:
            return bool(self.call("GET", "/"))
        except (urllib.error.URLError, OSError):
            return False


def wait_until(check: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(str(check))
        time.sleep(0.05)


@contextlib.contextmanager
def a_hub(machines: str) -> Iterator[tuple[LocalCloudProcess, Hub]]:
    settings = LocalSettings(machines=machines, stop_grace_seconds=60)
    with tempfile.TemporaryDirectory() as folder, LocalCloudProcess(settings) as cloud:
        hub = Hub(cloud, Path(folder))
        try:
            yield cloud, hub
        finally:
            hub.close()


def measure(cloud: LocalCloudProcess, hub: Hub, rounds: int) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {user: [] for user in WAYS}
    calls: dict[str, list[str]] = {user: [] for user in WAYS}
    for user in WAYS:
        hub.call("POST", f"/users/{user}")
        hub.start(user)
    # Taking turns: what else this computer does falls on all of them alike.
    for _ in range(rounds):
        for user in WAYS:
            before = {m.instance_id for m in cloud.control.machines("running")}
            hub.stop(user)
            (machine,) = before - {
                m.instance_id for m in cloud.control.machines("running")
            }
            wait_until(
                lambda: cloud.control.machine(machine).state
                in ("stopped", "terminated")
            )
            cloud.control.clear_requests()
            seconds[user].append(hub.start(user))
            asked = [r.action for r in cloud.control.requests()]
            calls[user] += [a for a in asked if not a.startswith("Describe")]
    return {
        user: {
            "seconds, median": round(statistics.median(seconds[user]), 2),
            "RunInstances": calls[user].count("RunInstances"),
        }
        for user in WAYS
    }


def run(quick: bool) -> Iterator[Row]:
    machines, rounds = ("process", 1) if quick else ("nspawn", 5)
    with a_hub(machines) as (cloud, hub):
        found = measure(cloud, hub, rounds)
    for user, how in (("woken", "was stopped"), ("resumed", "hibernated")):
        for key, unit in (("seconds, median", "s"), ("RunInstances", "RunInstances")):
            yield Row(
                f"the next start of a server whose machine {how}",
                unit,
                found[user][key],
                found["fresh"][key],
                "a fresh machine",
            )
