"""A JupyterHub that a benchmark starts: with thousands of servers, if it likes."""

from __future__ import annotations

import datetime
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ec2spawner.core.ids import secret_hash
from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import Launch, Phase, ServerState
from ec2spawner.demo.ports import free_ports

from .stub_ec2 import Stub
from .stub_rows import instance_id

HUB = "benchmark"
CONFIG = Path(__file__).with_name("hub_config.py")
_PATIENCE = 600


def machine_address(number: int) -> str:
    """Where a machine is, on this computer: each has an address of its own."""
    return f"127.{number >> 16 & 255 | 16}.{number >> 8 & 255}.{number & 255}"


def machine_key(number: int) -> str:
    return f"key-of-{number:09}"


def user(number: int) -> str:
    return f"user-{number:05}"


class BenchHub:
    """One Hub in a folder of its own, by its API. Its proxy leads nowhere.

    :param kind: of its spawner: ``ec2``, ``simple``, ``usual``, or ``nothing``
    :param spawner: traits of that
    :param servers: how many run already when it starts, on machines of the stub
    :param users: how many more users there are, who have none
    :param port: where each of these servers answers
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        spawner: Mapping[str, Any],
        servers: int = 0,
        users: int = 0,
        port: int = 0,
    ) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.token = secrets.token_hex(16)
        public, hub = free_ports(2)
        self.api = f"http://127.0.0.1:{hub}/hub/api"
        self._port = port
        options = {
            "kind": kind,
            "public": f"http://127.0.0.1:{public}/",
            "hub": f"http://127.0.0.1:{hub}/",
            "token": self.token,
            "spawner": dict(spawner),
        }
        (folder / "options.json").write_text(json.dumps(options))
        self._fill(servers, users, kind == "ec2")
        self._process: subprocess.Popen[bytes] | None = None

    def _fill(self, servers: int, users: int, ours: bool) -> None:
        """What a Hub that ran before has left in the database."""
        from jupyterhub import orm, roles

        url = f"sqlite:///{self.folder / 'jupyterhub.sqlite'}"
        logging.getLogger("alembic").setLevel(logging.WARNING)
        db = orm.new_session_factory(url)()
        for role in roles.get_default_roles():
            roles.create_role(db, role)
        of_users = orm.Role.find(db, "user")
        started = datetime.datetime(2026, 11, 1, 8)
        for number in range(servers + users):
            row = orm.User(name=user(number), created=started)
            row.roles.append(of_users)
            if number < servers:
                state = to_dict(_state(number, self._port)) if ours else {}
                server = orm.Server(
                    ip=machine_address(number), port=self._port, base_url="/"
                )
                spawner = orm.Spawner(name="", state=state, server=server)
                spawner.started = started
                row._orm_spawners.append(spawner)
            db.add(row)
        db.commit()
        db.close()

    def start(self) -> float:
        """Seconds until it answers, and has looked at every server."""
        began = time.perf_counter()
        with open(self.folder / "hub.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)],
                cwd=self.folder,
                env={
                    **os.environ,
                    "PYTHONPATH": str(Path(__file__).parent.parent),
                    "AWS_ACCESS_KEY_ID": "any",
                    "AWS_SECRET_ACCESS_KEY": "any",
                    "AWS_EC2_METADATA_DISABLED": "true",
                    "no_proxy": "127.0.0.1",
                },
                stdout=log,
                stderr=log,
            )
        while not self._answers():
            if self._process.poll() is not None:
                log_text = (self.folder / "hub.log").read_text()
                raise RuntimeError(f"the hub has ended:\n{log_text[-3000:]}")
            time.sleep(0.05)
        return time.perf_counter() - began

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def megabytes(self) -> float:
        """What the Hub's process has in memory."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self) -> float:
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def lag(self, seconds: float) -> list[float]:
        """How late its event loop was in the time to come, sorted, in milliseconds."""
        self._written()
        time.sleep(seconds)
        return sorted(late * 1000 for late in self._written()["late"])

    def _written(self) -> dict[str, Any]:
        assert self._process is not None
        path = self.folder / "lag.json"
        path.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGUSR2)
        while not path.exists():
            time.sleep(0.02)
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def seconds_to_ready(self, name: str) -> float:
        """From the request for a user's server until the Hub says that it is ready."""
        began = time.perf_counter()
        self.call("POST", f"/users/{name}/server", {})
        self._wait_until(name, lambda servers: servers.get("", {}).get("ready"))
        return time.perf_counter() - began

    def stop(self, name: str) -> None:
        self.call("DELETE", f"/users/{name}/server")
        self._wait_until(name, lambda servers: not servers)

    def _wait_until(self, name: str, check: Callable[[Any], Any]) -> None:
        end = time.monotonic() + _PATIENCE
        while not check(self.ask(f"/users/{name}")["servers"]):
            if time.monotonic() > end:
                raise TimeoutError((self.folder / "hub.log").read_text()[-3000:])
            time.sleep(0.02)

    def call(self, method: str, path: str, body: Any = None) -> int:
        """:returns: the HTTP status"""
        return self._request(method, path, body)[0]

    def ask(self, path: str) -> Any:
        return json.loads(self._request("GET", path)[1])

    def _request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        request = urllib.request.Request(
            self.api + path,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"token {self.token}"},
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, b""

    def _answers(self) -> bool:
        try:
            return self.call("GET", "/") == 200
        except (urllib.error.URLError, OSError):
            return False


def stub_hub(
    folder: Path, stub: Stub, kind: str, servers: int, users: int = 0, **traits: Any
) -> BenchHub:
    """A Hub whose machines are those of the stub."""
    ours = {
        "hub_id": HUB,
        "region": stub.region,
        "endpoint_url": stub.endpoint_url,
        "image": "ami-0123456789abcdef0",
        "subnets": ["subnet-0123456789abcdef0"],
        "security_groups": ["sg-0123456789abcdef0"],
        "instance_type": "t3.small",
        "home": "none",
        "prices_region": "",
        "max_machines": 0,
        "start_timeout": _PATIENCE,
        **traits,
    }
    port = int(stub.endpoint_url.rpartition(":")[2])
    return BenchHub(folder, kind, ours if kind == "ec2" else {}, servers, users, port)


def _state(number: int, port: int) -> ServerState:
    launch = Launch(
        f"launch-{number:09}",
        f"launch-{number:09}",
        Phase.READY,
        client_token=f"token-{number}",
        launched_at=time.time() - 3600,
        region="us-west-2",
        instance_id=instance_id(number),
        private_ip=machine_address(number),
        machine_key_hash=secret_hash(machine_key(number)),
        port=port,
        zone="us-west-2a",
        instance_type="t3.small",
        market="on-demand",
        image_id="ami-0123456789abcdef0",
        claimed_at=time.time() - 3500,
        ordered_at=time.time() - 3500,
        ready_at=time.time() - 3500,
    )
    return ServerState(f"server-{number:09}", launch=launch)
