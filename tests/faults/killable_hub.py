"""A Hub that dies where it is told, and what must be so after it is back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from localec2 import LocalControl

from ..hub.conftest import MakeHub, living
from ..hub.hub_process import HubProcess
from .kill_at_step import LEDGER

HARNESS = Path(__file__).with_name("kill_at_step.py")
LOAD = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("kill_at_step", {str(HARNESS)!r})
kill_at_step = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kill_at_step)
kill_at_step.watch()
"""
# Looks for what it may have launched, for 15 s; then two sweeps, and a busy computer.
SETTINGS = {"sweep_interval": 1, "sweep_grace": 3, "stop_timeout": 5}
STATED_SECONDS = 60.0
BY_ITSELF_SECONDS = 70.0
# What a Hub asks EC2 by itself, and books, at its own times: once stands for all. The
# homes' own questions of EC2 are among the first.
BY_ITSELF = (
    LEDGER,
    "call: DescribeInstances",
    "call: DescribeInstanceStatus",
    "call: DescribeVolumes",
    "call: DescribeSnapshots",
    "call: DescribeNetworkInterfaces",
    "call: DescribeAddresses",
)


@dataclass(frozen=True)
class Step:
    """One moment of a Hub: ``name`` for the ``number``-th time, before or after."""

    name: str
    number: int
    when: str

    def __str__(self) -> str:
        return f"{self.when} {self.name} ({self.number})"


class KillableHub:
    """A Hub that is killed at a step while it starts or stops a server."""

    def __init__(self, make_quick_hub: MakeHub, ec2: LocalControl) -> None:
        self.hub: HubProcess = make_quick_hub(settings=SETTINGS, code=LOAD)
        self.ec2 = ec2
        self.users = 0

    async def steps_of(self, what: str) -> list[Step]:
        """Every step that a Hub takes to start or to stop a server."""
        user = await self._user_who_will(what)
        self._order({"name": ""})
        await self._do(what, user)
        self._order(None)
        lines = (self.hub.folder / "steps.jsonl").read_text().splitlines()
        if what == "start":
            await self.hub.stop_server(user)
        steps = dict.fromkeys(Step(**json.loads(line)) for line in lines)
        return [s for s in steps if s.name not in BY_ITSELF or s.number == 1]

    async def die(self, what: str, **at: Any) -> str:
        """Kill the Hub at a step, start it again, and check all that it promises.

        :param at: what the step must be like: any of the fields of ``Step``
        :returns: what became of the server
        """
        user = await self._killed(what, at)
        async with self._one_machine_at_most():
            await self.hub.start()
            became = await self._settled(user)
            if became == "gone":
                await self.hub.ready_server(user)
            assert len(living(self.ec2)) == 1
            await self.hub.stop_server(user)
            await self.hub.wait_until(
                self._nothing_lives, STATED_SECONDS, "every machine has ended"
            )
        return became

    async def _killed(self, what: str, at: dict[str, Any]) -> str:
        for _ in range(2):
            dead = None
            user = await self._user_who_will(what)
            self._order(at)
            try:
                await self._do(what, user)
                if at.get("name") in BY_ITSELF:
                    dead = await self._dead_in_its_own_time()
            except aiohttp.ClientError:
                dead = await asyncio.to_thread(self.hub.exit_code)
            assert dead in (None, -9), f"the Hub ended by itself: {dead}"
            self._order(None)
            # What it has started does not die with it.
            self.hub.kill()
            if dead is not None:
                return user
            # Some steps are taken only by a Hub that is new, as it remembers images.
            await self.hub.start()
            if what == "start":
                await self.hub.stop_server(user)
        raise AssertionError(f"no Hub has come to this step: {at}")

    async def _dead_in_its_own_time(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return await asyncio.to_thread(self.hub.exit_code, BY_ITSELF_SECONDS)
        return None

    async def _user_who_will(self, what: str) -> str:
        self.users += 1
        user = f"user-{self.users}"
        await self.hub.api("POST", f"/users/{user}")
        if what == "stop":
            await self.hub.ready_server(user)
        return user

    async def _do(self, what: str, user: str) -> None:
        if what == "start":
            await self.hub.ready_server(user)
        else:
            await self.hub.stop_server(user)

    def _order(self, die: dict[str, Any] | None) -> None:
        orders = self.hub.folder / "orders.json"
        if die is None:
            orders.unlink()
            return
        (self.hub.folder / "steps.jsonl").unlink(missing_ok=True)
        new = orders.with_suffix(".new")
        new.write_text(json.dumps({"die": die}))
        new.replace(orders)

    async def _settled(self, user: str) -> str:
        """Wait for the stated time: the server is ready, or nothing of it is left."""

        async def settled() -> str:
            model = await self.hub.server(user)
            if model and model["ready"]:
                return "adopted"
            stopped = model is None or model["stopped"]
            return "gone" if stopped and await self._nothing_lives() else ""

        found: str = await self.hub.wait_until(
            settled, STATED_SECONDS, "the server is adopted or ended"
        )
        return found

    async def _nothing_lives(self) -> bool:
        return not await asyncio.to_thread(living, self.ec2)

    @contextlib.asynccontextmanager
    async def _one_machine_at_most(self) -> AsyncIterator[None]:
        async def watch() -> None:
            while True:
                there = await asyncio.to_thread(living, self.ec2)
                assert len(there) <= 1, f"two machines for one server: {there}"
                await asyncio.sleep(0.2)

        watching = asyncio.ensure_future(watch())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
