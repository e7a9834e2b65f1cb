"""A real JupyterHub with a real proxy, which tests may kill and start again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp

import ec2spawner
from ec2spawner.core.saved_state import from_dict
from ec2spawner.core.state import ServerState
from ec2spawner.demo.ports import free_ports
from localec2 import LocalCloudProcess
from localec2.client import MachineInfo

from .warm import Forked

CONFIG = Path(__file__).with_name("hub_config_for_tests.py")
TINY_SERVER = Path(__file__).with_name("tiny_server.py")
TINY_COMMAND = [sys.executable, str(TINY_SERVER)]
ADMIN_TOKEN = "0" * 40
#: for who runs all tests here with ``internal_ssl`` (CONTRIBUTING.md)
ENCRYPTED = bool(os.environ.get("EC2SPAWNER_TESTS_INTERNAL_SSL"))
_CERTIFICATES = "internal-ssl"


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those have started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


@cache
def _made_before() -> Path:
    """Where the certificates of the first hub are: to make them takes a second."""
    return Path(tempfile.mkdtemp(prefix="internal-ssl-"))


class HubProcess:
    """One hub: its folder, its ports and its database outlive its process.

    :param settings: traits of EC2Spawner
    :param hub_settings: traits of JupyterHub
    :param idle_timeout: seconds after which an idle server stops; 0 for never
    :param culler: who sees to that, as ``setup()`` has it
    :param code: more lines of configuration
    :param patience: seconds that a start may take on a busy computer
    :param base_url: where the Hub is below its address, as ``/jupyter``
    :param config: in place of the tests' own jupyterhub_config.py
    :param encrypted: by ``internal_ssl``
    """

    def __init__(
        self,
        folder: Path,
        cloud: LocalCloudProcess,
        settings: dict[str, Any] | None = None,
        hub_settings: dict[str, Any] | None = None,
        idle_timeout: int = 0,
        culler: str = "machine",
        code: str = "",
        patience: int = 60,
        base_url: str = "",
        config: Path = CONFIG,
        encrypted: bool = ENCRYPTED,
    ) -> None:
        self.folder = folder
        self.cloud = cloud
        self.log_path = folder / "hub.log"
        self.patience = patience
        self.config = config
        world = cloud.control.resources()
        self.encrypted = encrypted
        port, hub_port, claim_port, proxy_api_port = free_ports(4)
        self.url = f"http://127.0.0.1:{port}{base_url}"
        scheme = "https" if encrypted else "http"
        self.hub_api = f"{scheme}://127.0.0.1:{hub_port}{base_url}/hub/api"
        #: where machines claim
        self.machines_api = self.hub_api
        if encrypted:
            self.machines_api = f"https://127.0.0.1:{claim_port}{base_url}/hub/api"
            made = _made_before() / _CERTIFICATES
            if made.exists() and "trusted_alt_names" not in (hub_settings or {}):
                shutil.copytree(made, folder / _CERTIFICATES)
        options = {
            "bind_url": self.url,
            "hub_port": hub_port,
            "proxy_api_url": f"http://127.0.0.1:{proxy_api_port}",
            "admin_token": ADMIN_TOKEN,
            "idle_timeout": idle_timeout,
            "culler": culler,
            "internal_ssl": encrypted,
            "hub": hub_settings or {},
            "code": code,
            "spawner": {
                "region": cloud.region,
                "endpoint_url": cloud.endpoint_url,
                "image": world.image_id,
                "subnets": list(world.subnet_ids.values()),
                "security_groups": [world.security_group_id],
                # AWS's price list is not to be had here.
                "prices_region": "",
                **({"claim_port": claim_port} if encrypted else {}),
                # So every machine shows who it is when it claims.
                "identity_certificates": {
                    cloud.region: cloud.control.identity_certificate()
                },
                # Machines that are processes are whoever runs the tests.
                "claims_as_root": cloud.control.settings()["machines"] != "process",
                "poll_interval": 1,
                "fast_interval": 0.2,
                "slow_interval": 1,
                "start_timeout": patience,
                "http_timeout": 20,
                "profile_list": [
                    {
                        "display_name": "Small",
                        "description": "2 CPUs, 2 GiB",
                        "ec2spawner_override": {"instance_type": "t3.small"},
                    },
                    {
                        "display_name": "Large",
                        "ec2spawner_override": {"instance_type": "t3.large"},
                    },
                ],
                **(settings or {}),
            },
        }
        (folder / "options.json").write_text(json.dumps(options))
        self._log_begins = 0
        self._process: Forked | None = None
        self._family: list[int] = []

    @property
    def log(self) -> str:
        """All that it has said, or what it has since ``begin_log()``."""
        return self.log_path.read_bytes()[self._log_begins :].decode(errors="replace")

    def begin_log(self) -> None:
        self._log_begins = self.log_path.stat().st_size

    @property
    def story(self) -> str:
        """The log without the questions that tests ask all the time."""
        lines = self.log.splitlines()
        return "\n".join(line for line in lines if "(tests@" not in line)

    def launch(self) -> None:
        """Start the process, and do not wait for it."""
        argv = ["jupyterhub", "-f", str(self.config)]
        environment = self.environment()
        self._process = Forked(argv, self.folder, environment, self.log_path)

    def environment(self) -> dict[str, str]:
        """Of this hub's programs."""
        bin_folder = str(Path(sys.executable).parent)
        return {
            "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]]),
            "HOME": str(self.folder),
            # What this test imports, and not what else may be installed.
            "PYTHONPATH": str(Path(ec2spawner.__file__).parent.parent),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    async def start(self, timeout: float = 60) -> None:
        """Start it and wait until it answers through its proxy."""
        self.launch()
        await self.wait_until(self.healthy, timeout, "the hub is healthy")
        assert self._process is not None
        # A Hub that kills itself has no children any more whom one could ask for.
        self._family = descendants(self._process.pid)
        made = _made_before() / _CERTIFICATES
        if self.encrypted and not made.exists():
            shutil.copytree(self.folder / _CERTIFICATES, made)

    async def healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the hub ended:\n{self.log[-4000:]}"
        try:
            async with aiohttp.ClientSession() as session:
                async with session.get(f"{self.url}/hub/health") as answer:
                    return answer.status == 200
        except aiohttp.ClientError:
            return False

    def exit_code(self, timeout: float = 30) -> int:
        """Wait until it ends by itself."""
        assert self._process is not None
        return self._process.wait(timeout)

    def kill(self) -> None:
        """SIGKILL the Hub and all that it started on this computer, at once."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an admin does. Machines stay."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        # Its services have sessions of their own, and would outlive it.
        family = {*self._family, *descendants(self._process.pid)}
        self._family = []
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def tls(self) -> ssl.SSLContext | bool:
        """What aiohttp asks the Hub and servers with: as the Hub itself does."""
        if not self.encrypted:
            return True
        ours = self.folder / _CERTIFICATES
        context = ssl.create_default_context(cafile=ours / "hub-ca_trust.crt")
        pair = ours / "hub-internal" / "hub-internal"
        context.load_cert_chain(f"{pair}.crt", f"{pair}.key")
        return context

    def server_url(self, machine: MachineInfo) -> str:
        """Where its server listens, past the proxy."""
        return f"http{'s' * self.encrypted}://{machine.private_ip}:8888"

    async def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the Hub's API with all rights, past the proxy."""
        headers = {"Authorization": f"token {ADMIN_TOKEN}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.request(
                method, self.hub_api + path, json=body, ssl=self.tls
            ) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if text else None

    async def server(self, user: str, name: str = "") -> dict[str, Any] | None:
        """The model of a server, state included, or None when it is stopped."""
        status, model = await self.api("GET", f"/users/{user}")
        assert status == 200, model
        found: dict[str, Any] | None = model["servers"].get(name)
        return found

    async def start_server(
        self, user: str, name: str = "", options: Any = None
    ) -> tuple[int, Any]:
        """Ask for a server as a script would. Returns when the Hub answers."""
        await self.api("POST", f"/users/{user}")
        path = f"/users/{user}/servers/{name}" if name else f"/users/{user}/server"
        body = {} if options is None else {"user_options": options}
        return await self.api("POST", path, body)

    async def ready_server(
        self, user: str, name: str = "", timeout: float | None = None
    ) -> Any:
        """Start a server, wait until it is ready, and return its model."""
        status, answer = await self.start_server(user, name)
        assert status in (201, 202), answer
        return await self.wait_ready(user, name, timeout)

    async def wait_ready(
        self, user: str, name: str = "", timeout: float | None = None
    ) -> Any:
        async def ready() -> Any:
            model = await self.server(user, name)
            return model if model and model["ready"] else None

        return await self.wait_until(
            ready, timeout or self.patience, f"{user}'s server is ready"
        )

    async def wait_gone(
        self, user: str, name: str = "", timeout: float | None = None
    ) -> None:
        async def gone() -> bool:
            model = await self.server(user, name)
            return model is None or model["stopped"]

        await self.wait_until(
            gone, timeout or self.patience, f"{user}'s server is gone"
        )

    async def stop_server(self, user: str, name: str = "") -> None:
        path = f"/users/{user}/servers/{name}" if name else f"/users/{user}/server"
        status, answer = await self.api("DELETE", path)
        assert status in (202, 204), answer
        await self.wait_gone(user, name)

    async def forget_users(self) -> None:
        """Stop all servers and delete all users: it is as good as new."""
        _, users = await self.api("GET", "/users")
        for user in users:
            for name, server in user["servers"].items():
                if not server["stopped"]:
                    await self.stop_server(user["name"], name)
            status, answer = await self.api("DELETE", f"/users/{user['name']}")
            assert status == 204, answer

    async def wait_until(self, check: Any, timeout: float, what: str) -> Any:
        """Wait until an async check gives something true, and return that."""
        end = time.monotonic() + timeout
        while True:
            if found := await check():
                return found
            assert time.monotonic() < end, f"not so: {what}\n{self.story[-6000:]}"
            await asyncio.sleep(0.1)

    def saved_state(self, user: str) -> dict[str, Any]:
        """What the database remembers of a user's default server."""
        with sqlite3.connect(self.folder / "jupyterhub.sqlite") as db:
            row = db.execute(
                "select s.state from spawners s join users u on u.id = s.user_id "
                "where u.name = ? and s.name = ''",
                (user,),
            ).fetchone()
        saved: dict[str, Any] = json.loads(row[0]) if row and row[0] else {}
        return saved

    def remembers(self, user: str) -> ServerState:
        """The same, as the product reads it."""
        return from_dict(self.saved_state(user))
