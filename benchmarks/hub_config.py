"""jupyterhub_config.py of the hubs in benchmarks; what varies is in options.json."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner

from benchmarks.usual_spawner import UsualSpawner

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821
options = json.loads(Path("options.json").read_text())

_PAUSE = 0.005


class Lag:
    """How late the event loop is. SIGUSR2 writes what there is, and begins anew."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._task = asyncio.ensure_future(self._measure())
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR2, self._write)

    async def _measure(self) -> None:
        while True:
            wanted = time.perf_counter() + _PAUSE
            await asyncio.sleep(_PAUSE)
            self._late.append(time.perf_counter() - wanted)

    def _write(self) -> None:
        late, self._late = self._late, []
        part = Path("lag.part")
        part.write_text(json.dumps({"late": late, "cpu": time.process_time()}))
        part.rename("lag.json")


class NullProxy(Proxy):  # type: ignore[misc]
    """Routes to nowhere: what a proxy costs is none of the spawner's business."""

    should_start = False
    routes: dict[str, Any] = {}
    lag: Lag | None = None

    async def get_all_routes(self) -> dict[str, Any]:
        NullProxy.lag = NullProxy.lag or Lag()
        return dict(self.routes)

    async def add_route(self, routespec: str, target: str, data: Any) -> None:
        route = {"routespec": routespec, "target": target, "data": data}
        self.routes[routespec] = route

    async def delete_route(self, routespec: str) -> None:
        self.routes.pop(routespec, None)


class TrivialSpawner(Spawner):  # type: ignore[misc]
    """The least that a spawner can be: its servers are always there."""

    async def start(self) -> None:
        await asyncio.sleep(3600)

    async def poll(self) -> None:
        return None

    async def stop(self, now: bool = False) -> None:
        pass


names = {"nothing": TrivialSpawner, "usual": UsualSpawner}
kind = options["kind"]
c.JupyterHub.spawner_class = names.get(kind, kind)
c.JupyterHub.proxy_class = NullProxy
c.JupyterHub.bind_url = options["public"]
c.JupyterHub.hub_bind_url = options["hub"]
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.cleanup_servers = False
# The Hub answers when it has looked at every server.
c.JupyterHub.init_spawners_timeout = -1
c.JupyterHub.concurrent_spawn_limit = 0
# A request for a server is answered at once, and not when it is ready.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.log_level = "WARN"
c.JupyterHub.services = [{"name": "bench", "api_token": options["token"]}]
c.JupyterHub.load_roles = [
    {"name": "bench", "scopes": ["admin:users", "admin:servers"], "services": ["bench"]}
]
place = {"ec2": c.EC2Spawner, "simple": c.SimpleLocalProcessSpawner}
place["usual"] = c.UsualSpawner
for name, value in options["spawner"].items():
    setattr(place[kind], name, value)
