"""A real JupyterHub in this process, which can die between any two steps.

It is JupyterHub's own application with its own handlers, its own database and our own
spawner. Only the network is short: requests go to its handlers, not through sockets.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from jupyterhub.app import JupyterHub
from jupyterhub.proxy import Proxy
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config import Config

from ec2spawner.core.ids import hub_id_from_cookie_secret
from ec2spawner.fleet import runtime

from ..hub.hub_process import ADMIN_TOKEN
from .virtual_client import Client
from .virtual_database import READ_ONLY, watch_commits
from .virtual_time import Stopped, VirtualLoop

if TYPE_CHECKING:
    from .virtual_machine import VirtualMachine
    from .virtual_world import World

#: the Hub in whose name this process works
acting = SimpleNamespace(hub=None)
# Their tasks must never be collected: that would run what a dead process does not.
_dead: list[Any] = []


class MemoryProxy(Proxy):  # type: ignore[misc]
    """Routes that outlive the Hub, as those of a proxy that runs by itself do."""

    should_start = False

    async def get_all_routes(self) -> dict[str, Any]:
        routes: dict[str, Any] = acting.hub.routes
        return dict(routes)

    async def add_route(self, routespec: str, target: str, data: Any) -> None:
        if acting.hub.proxy_is_down:
            raise ConnectionError("the proxy does not answer")
        acting.hub.routes[routespec] = {
            "routespec": routespec,
            "target": target,
            "data": data,
        }

    async def delete_route(self, routespec: str) -> None:
        acting.hub.routes.pop(routespec, None)


class Hub:
    """One hub: its database and its proxy outlive its lives."""

    def __init__(self, world: World, folder: Path, settings: dict[str, Any]) -> None:
        self.world = world
        self.number = len(world.hubs)
        self.folder = folder
        self.settings = settings
        self.cookie_secret = secrets.token_bytes(32)
        self.routes: dict[str, Any] = {}
        self.proxy_is_down = False
        self.machines: list[VirtualMachine] = []
        self.app: Any = None
        self.loop: VirtualLoop | None = None
        #: only what we write is refused, and not what JupyterHub does
        self.only_ours = False
        #: commits until its database becomes read-only for a while, None for never
        self.commits_left: int | None = None
        self.read_only_until = 0.0
        self._refusal = READ_ONLY
        self.ours = False
        #: steps until it dies, None for never
        self.steps_left: int | None = None
        #: how the steps begin that count
        self.deadly = ""
        self.steps: list[str] = []
        #: what the product keeps in its process; here many Hubs share one
        self.runtime = runtime.HubRuntime()
        self.doomed = False
        self.last_call = ""
        #: the call that is about to be sent has been noted
        self.has_noted = False
        #: for how long boto3 has waited in vain for the answer to the last call
        self.waited = 0.0
        #: is told of each event as it happens: ``order_of_events.py``
        self.observer: Callable[[str, dict[str, str]], None] | None = None

    # Life and death.

    @property
    def alive(self) -> bool:
        return self.app is not None

    def start(self) -> None:
        """Begin a life, or die at the step that is ordered, or of its database."""
        assert not self.alive
        self.doomed = False
        self.runtime = runtime.HubRuntime()
        self.loop = VirtualLoop(
            self.world.events, lambda: self.doomed, self._seconds_of_last_call
        )
        self.loop.set_exception_handler(self._complain)
        try:
            self.run(self._start())
        except SQLAlchemyError:
            # JupyterHub ends when its database takes nothing at its start.
            assert self.world.time.now < self.read_only_until
            self.kill()
        for machine in self.machines:
            if machine.on:
                self.meet(machine)

    async def _start(self) -> None:
        config = Config()
        hub, spawner = config.JupyterHub, config.EC2Spawner
        hub.spawner_class = "ec2"
        hub.proxy_class = MemoryProxy
        hub.authenticator_class = "dummy"
        config.Authenticator.allow_all = True
        hub.cookie_secret = self.cookie_secret
        hub.hub_ip = "127.0.0.1"
        hub.hub_port = 8081
        spawner.prices_file = str(self.folder / "prices.json")
        hub.db_url = f"sqlite:///{self.folder / 'jupyterhub.sqlite'}"
        hub.allow_named_servers = True
        hub.log_level = logging.CRITICAL
        hub.services = [{"name": "tests", "api_token": ADMIN_TOKEN}]
        hub.load_roles = [
            {
                "name": "tests",
                "scopes": ["admin:users", "admin:servers", "admin:server_state"],
                "services": ["tests"],
            }
        ]
        for name, value in self.settings.items():
            setattr(spawner, name, value)
        app = self.app = JupyterHub(config=config)
        app.init_logging = lambda: None
        app.log = self.world.log
        await app.initialize([])
        app._start_future.set_result(None)
        await app.proxy.check_routes(app.users, app._service_map)

    def kill(self) -> None:
        """SIGKILL: nothing that was going on goes on, nothing is tidied up."""
        if not self.alive:
            return
        assert self.loop is not None
        self.doomed = True
        if db := getattr(self.app, "db", None):  # else it died before it had any
            engine = db.get_bind()
            db.close()
            engine.dispose()
        tasks = asyncio.all_tasks(self.loop)
        _dead.append((self.loop, self.app, tasks, self.runtime))
        self.loop = self.app = None
        self.steps_left = None

    @property
    def hub_id(self) -> str:
        return hub_id_from_cookie_secret(self.cookie_secret)

    # Steps.

    def _seconds_of_last_call(self) -> float:
        waited, self.waited = self.waited, 0.0
        return waited or self.world.seconds.get(self.last_call, 0.05)

    def _complain(self, loop: Any, context: dict[str, Any]) -> None:
        if not self.doomed:
            loop.default_exception_handler(context)

    def step(self, name: str) -> None:
        """A commit or a call is about to be, or has just been."""
        if self.doomed:
            raise Stopped
        if name.startswith("before "):
            self.last_call = name.split()[1]
        self.steps.append(name)
        if self.steps_left is not None and name.startswith(self.deadly):
            self.steps_left -= 1
            if self.steps_left < 0:
                self.doomed = True
                raise Stopped

    def refuse_writes(
        self, after: int, seconds: float, refusal: str = READ_ONLY
    ) -> None:
        """Its database is read-only, or full, after so many commits, for so long."""
        self.commits_left, self._read_only_seconds = after, seconds
        self._refusal = refusal

    def take_writes(self) -> None:
        """Its database takes everything from now on."""
        self.commits_left, self.read_only_until = None, 0.0

    def refusal(self, begins: bool) -> str:
        """With what its database refuses a write; empty when it takes it.

        :param begins: it is the first write of a transaction
        """
        if self.only_ours and not self.ours:
            return ""
        if self.commits_left is not None and begins:
            self.commits_left -= 1
            if self.commits_left < 0:
                self.commits_left = None
                self.read_only_until = self.world.time.now + self._read_only_seconds
        return self._refusal if self.world.time.now < self.read_only_until else ""

    def note(self, what: str, sent: dict[str, str] | None = None) -> None:
        """Something has been done, or is about to be, that others can see."""
        if self.doomed:
            return
        self.world.note(f"hub {self.number}", what, sent or {})
        if self.observer is not None:
            self.observer(what, sent or {})

    # What others do with it.

    def run(self, work: Any) -> Any:
        """Let this Hub live until the work is done. None when it died meanwhile."""
        assert self.loop is not None
        acting.hub = self
        runtime._current = self.runtime
        asyncio.set_event_loop(self.loop)
        try:
            task = self.loop.create_task(work)
            self.loop.run_until_complete(task)
            return task.result()
        except Stopped:
            self.kill()
            return None

    def run_until(self, moment: float) -> None:
        """Live until then, or do at once what is overdue."""
        self.run(asyncio.sleep(max(0.0, moment - self.world.time.now)))

    def pass_time(self, seconds: float) -> None:
        until = self.world.time.now + seconds
        if self.alive:
            self.run_until(until)
        self.world.wait_until(until)

    def pass_until(self, check: Callable[[], Any], seconds: float) -> None:
        """Live until something is so, which must be within this time."""
        until = self.world.time.now + seconds
        while not check():
            assert self.world.time.now < until, f"not so after {seconds} s"
            self.pass_time(2)

    def meet(self, machine: VirtualMachine) -> None:
        """A machine of this hub is on."""
        if machine not in self.machines:
            self.machines.append(machine)
        if self.alive and self.loop is not None and not self.world.silent:
            self.loop.create_task(machine.live())

    def check_routes(self) -> None:
        """As JupyterHub does every five minutes."""
        self.run(self.app.proxy.check_routes(self.app.users, self.app._service_map))

    async def click(self, user: str) -> int:
        """A user asks for a server. Returns what the Hub says: 201, 202, ..."""
        await self.request("POST", f"/hub/api/users/{user}", None, ADMIN_TOKEN)
        uri = f"/hub/api/users/{user}/server"
        return (await self.request("POST", uri, None, ADMIN_TOKEN))[0]

    @property
    def spawners(self) -> dict[str, Any]:
        """Whose -> spawner, of the servers that this life of the Hub knows.

        Whose is "alice", or "alice/lab" of a named server.
        """
        return {
            "/".join(filter(None, (user.name, spawner.name))): spawner
            for user in self.app.users.values()
            for spawner in user.spawners.values()
        }

    @property
    def fleets(self) -> list[Any]:
        return list(self.runtime.fleets)

    def serving(self) -> dict[str, str]:
        """Whose -> machine, of servers that are ready, routed there, and answer."""
        found = {}
        for name, spawner in self.spawners.items():
            machine = self.world.machine(spawner.context.launch.instance_id)
            target = self.routes.get(f"/user/{name}/", {}).get("target", "")
            there = machine is not None and machine.serving
            if spawner.ready and there and machine.address in target:
                found[name] = spawner.context.launch.instance_id
        return found

    def call(
        self, method: str, path: str, body: Any = None, token: str = ADMIN_TOKEN
    ) -> tuple[int, Any]:
        """A request to the Hub's API; (0, None) when the Hub died of it."""
        answer = self.run(self.request(method, "/hub/api" + path, body, token))
        if answer is None:
            return 0, None
        status, text = answer
        return status, json.loads(text) if text else None

    async def request(
        self,
        method: str,
        uri: str,
        body: Any,
        token: str = "",
        address: str = "127.0.0.1",
        port: int = 700,
    ) -> tuple[int, str]:
        if not self.alive:
            return 503, ""
        self.note(f"{method} {uri}")
        client = Client(address, port)
        await client.ask(self.app.tornado_application, method, uri, body, token)
        self.note(f"{client.status} {method} {uri}")
        return client.status, client.body.decode()


@functools.lru_cache(maxsize=None)
def watch_steps() -> None:
    """Tell every Hub of its commits and calls. Once per process."""
    from botocore import handlers

    def refusal(begins: bool) -> str | None:
        return str(acting.hub.refusal(begins)) if acting.hub is not None else None

    def commits() -> bool:
        hub = acting.hub
        if hub is not None:
            hub.step("commit")
        return hub is not None

    def committed() -> None:
        if hub := acting.hub:
            hub.step("after commit")
            hub.note("commit")

    def calls(request: Any, event_name: str, **rest: Any) -> None:
        if hub := acting.hub:
            if hub.has_noted:
                hub.has_noted = False
                return
            action = event_name.split(".")[-1]
            hub.step("before " + action)
            sent = dict(parse_qsl(request.body or ""))
            hub.note(action, sent)
            hub.world.faults.asked(hub, action, sent)
            hub.world.late.on_its_way(hub, action, request)

    def called(event_name: str, **rest: Any) -> None:
        if hub := acting.hub:
            hub.step("after " + event_name.split(".")[-1])

    watch_commits(refusal, commits, committed)
    for service in ("ec2", "ssm"):
        handlers.BUILTIN_HANDLERS.append((f"before-send.{service}", calls))
        handlers.BUILTIN_HANDLERS.append((f"response-received.{service}", called))
