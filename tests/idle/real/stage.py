"""A stage for one scene: a machine of its own, and a person who comes to it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page

from ec2spawner.core.state import LastStop
from ec2spawner.demo.visitor import Visitor
from localec2 import LocalControl
from tests.hub.hub_process import HubProcess
from tests.machine.guest import Guest

ACCOUNT = "jovyan"
_PROMPT_SECONDS = 30


class Stage:
    """What somebody can do with a server of theirs, in few words.

    :param stack: closed when the scene is over
    """

    def __init__(
        self,
        name: str,
        hub: HubProcess,
        ec2: LocalControl,
        browser: Browser,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        self.name, self.hub, self.stack = name, hub, stack
        self._ec2, self._browser = ec2, browser
        self.visitor = Visitor(hub.url, name, "any")

    async def begin(self, profile: str) -> None:
        """Log in, choose, and wait until the server is ready."""
        await self.stack.enter_async_context(self.visitor)
        await self.visitor.log_in()
        await self.visitor.choose(profile)
        await self.visitor.ready(timeout=self.hub.patience)

    # -- from outside ----------------------------------------------------------

    @property
    def guest(self) -> Guest:
        machine = self.hub.remembers(self.name).current.instance_id
        return Guest(self._ec2.machine(machine))

    async def root(self, line: str) -> str:
        """What a command of root prints, past everything."""
        return await asyncio.to_thread(self.guest.run, line)

    async def write(self, name: str, text: str) -> None:
        """A file in the home, which nobody has typed."""
        packed = base64.b64encode(text.encode()).decode()
        file = f"/home/{ACCOUNT}/{name}"
        await self.root(f"echo {packed} | base64 -d > {file}; chown {ACCOUNT} {file}")

    async def until(self, line: str, seconds: float) -> None:
        """Until a command of root prints something."""
        end = time.monotonic() + seconds
        while not await self.root(f"{line} || true"):
            assert time.monotonic() < end, f"not in {seconds:.0f} s: {line}"
            await asyncio.sleep(0.5)

    async def runs(self, program: str, seconds: float, who: str = ACCOUNT) -> None:
        """Until a program of somebody's runs, as a regular expression."""
        await self.until(f"pgrep -u {who} -f '{program}'", seconds)

    def other_computer(self, program: str, port: int) -> str:
        """Run a program of Python's beside the machine; where it answers."""
        running = subprocess.Popen([sys.executable, "-c", program])
        self.stack.callback(running.wait)
        self.stack.callback(running.kill)
        return f"http://{self.hub.cloud.hub_address}:{port}/"

    @property
    def last_stop(self) -> LastStop | None:
        return self.hub.remembers(self.name).last_stop

    async def is_there(self) -> bool:
        return bool((await self.hub.server(self.name) or {}).get("ready"))

    # -- a terminal of Jupyter's, of which the tab is closed again -----------------

    @contextlib.asynccontextmanager
    async def terminal(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """One that is at its prompt."""
        await self.visitor.open_lab()
        api = self.visitor.server_url("", "api/terminals")
        async with self.visitor._open.post(api, headers=self._headers(api)) as answer:
            name = (await answer.json())["name"]
        async with await self.socket(f"terminals/websocket/{name}") as socket:
            kind = ""
            while kind != "stdout":
                packet = await asyncio.wait_for(socket.receive(), _PROMPT_SECONDS)
                kind = json.loads(packet.data)[0]
            yield socket

    async def types(self, *lines: str, seconds: float = 2) -> None:
        """One line after the other, each with so many seconds to do what it does."""
        async with self.terminal() as socket:
            for line in lines:
                await socket.send_json(["stdin", line])
                if len(line) > 1 or line.isprintable():
                    await socket.send_json(["stdin", "\r"])
                await asyncio.sleep(seconds)

    async def socket(self, path: str, **more: Any) -> aiohttp.ClientWebSocketResponse:
        url = self.visitor.server_url("", path)
        origin = str(self.visitor.public_url.origin())
        return await self.visitor._open.ws_connect(url, origin=origin, **more)

    async def kernels_socket(self, session: str, **more: Any) -> Any:
        """As a page has one with a kernel that it has just used."""
        _, kernel = await self.visitor.run_cell("1 + 1")
        path = f"api/kernels/{kernel}/channels?session_id={session}"
        return await self.socket(path, **more)

    async def hold(
        self, socket: aiohttp.ClientWebSocketResponse, answers: bool = False
    ) -> None:
        """Leave it open until the scene is over.

        :param answers: it answers pings, as a browser does
        """
        self.stack.push_async_callback(socket.close)
        if answers:
            self.keeps(socket.receive, 0.1)

    def _headers(self, url: Any) -> Any:
        return self.visitor._headers({"Sec-Fetch-Mode": "cors"}, url)

    # -- kernels, without a page ---------------------------------------------------

    async def cell(self, code: str, kernel: str | None = None) -> str:
        """Run it to its end; the kernel."""
        return (await self.visitor.run_cell(code, kernel_id=kernel, timeout=120))[1]

    async def begin_cell(self, code: str, seconds: float = 4) -> None:
        """Begin to run it in a new kernel, and close the tab after so many seconds."""
        with contextlib.suppress(TimeoutError):
            await self.visitor.run_cell(code, timeout=seconds + 8)

    # -- pages -------------------------------------------------------------------

    async def page(self, kit: bool = True) -> Page:
        """JupyterLab in a Chromium, until the scene is over.

        :param kit: without it the page is as one that cannot load our extension
        """
        context = await self._browser.new_context()
        self.stack.push_async_callback(context.close)
        page = await context.new_page()
        page.set_default_timeout(120_000)
        if not kit:
            await page.route(re.compile("ec2spawner/static/"), lambda r: r.abort())
        await page.goto(f"{self.hub.url}/hub/login?next=/hub/home")
        await page.get_by_label("Username").fill(self.name)
        await page.get_by_label("Password").fill("any")
        await page.get_by_role("button", name="Sign in").click()
        await page.goto(f"{self.hub.url}/user/{self.name}/lab")
        bar = page.locator("#ec2spawner-bar" if kit else "#jp-main-dock-panel")
        await bar.wait_for()
        return page

    def keeps(self, doing: Callable[[], Awaitable[Any]], seconds: float) -> None:
        """Do it again and again, until the scene is over."""

        async def again() -> None:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    await doing()
                await asyncio.sleep(seconds)

        self.stack.callback(asyncio.ensure_future(again()).cancel)

    async def get(self, path: str) -> tuple[int, str]:
        """As a link in a page would."""
        return await self.visitor._get(self.visitor.server_url("", path))

    async def ask(self, **what: Any) -> None:
        """What a page of ours asks for: ``human=True``, ``keep=seconds``."""
        await self.visitor.open_lab()
        url = self.visitor.server_url("", "ec2spawner/ask")
        post = self.visitor._open.post(url, json=what, headers=self._headers(url))
        async with post as answer:
            answer.raise_for_status()

    # -- ssh ---------------------------------------------------------------------

    async def ssh(self, command: str = "") -> subprocess.Popen[bytes]:
        """Log in over ssh, with a terminal; that stays until the scene is over."""
        await self.root(
            "test -e /root/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N '' "
            f"-f /root/.ssh/id_ed25519; d=/home/{ACCOUNT}/.ssh; mkdir -p $d; "
            f"cp /root/.ssh/id_ed25519.pub $d/authorized_keys; chown -R {ACCOUNT} $d"
        )
        to = ["-o", "StrictHostKeyChecking=no", f"{ACCOUNT}@127.0.0.1"]
        inside = ["nsenter", f"--target={self.guest.init}", "--all", "--wd=/", "--"]
        session = subprocess.Popen(
            [*inside, "ssh", "-tt", *to, *([command] if command else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.stack.callback(session.wait)
        self.stack.callback(session.kill)
        await self.until(f"pgrep -u {ACCOUNT} sshd", _PROMPT_SECONDS)
        return session


def type_into(session: subprocess.Popen[bytes], text: str) -> None:
    """As somebody does who sits before a terminal."""
    assert session.stdin is not None
    session.stdin.write(text.encode())
    session.stdin.flush()
