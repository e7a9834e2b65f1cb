"""A Jupyter server of any version that has the kit, without a Hub around it."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page

from ec2spawner.claim.agent.work.people.told import People
from ec2spawner.demo.ports import free_ports

ME = (os.getuid(), os.getgid())
#: what the Hub says in these tests
TOLD: dict[str, Any] = {
    "bar": "Medium, {cost} USD so far, stops after 1 h idle",
    "cost": 0.45,
    "rate": 0.53,
    "heading": "Your machine",
    "details": [{"text": "Medium (m7i.xlarge)."}],
    "actions": [],
    "notices": [],
    "announced": {},
    "close": "Close",
    "more": "More",
    "away": "No word from this machine",
    "asked": "That is on its way.",
    "failed": "That could not be done.",
}


#: what is ours in a page; the rest has faults of its own
OURS = ["#ec2spawner-bar", ".jp-Dialog-content", ".Toastify__toast"]
THEME = "lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"


async def check_ours(page: Page) -> None:
    """axe finds nothing wrong in what we show."""
    shown = [[each] for each in OURS if await page.locator(each).count()]
    results = await Axe().run(page, context={"include": shown})
    assert not results.response["violations"], results.generate_report()


async def settled(toast: Locator) -> None:
    """It has slid in."""
    where = await toast.bounding_box()
    while where != (where := await toast.bounding_box()):
        await toast.page.wait_for_timeout(50)


class JupyterWithKit:
    """One that runs, and the folder where it and an agent leave word."""

    def __init__(self, url: str, people: People, log: Path) -> None:
        self.url, self.people, self.log = url, people, log

    @property
    def said(self) -> dict[str, Any]:
        with open(self.people.said_path) as file:
            found: dict[str, Any] = json.load(file)
            return found

    def tell(self, **changes: Any) -> None:
        self.people.tell({**TOLD, **changes})


@contextmanager
def jupyter(
    folder: Path, kit: dict[str, str], python: str, module: str
) -> Iterator[JupyterWithKit]:
    """Start one, and end it with all that it has started.

    :param module: what starts it, ``jupyterlab`` or ``notebook``
    """
    people, log = People(str(folder / "people")), folder / "jupyter.log"
    (folder / "home").mkdir(parents=True)
    env = people.welcome({"kit": kit, "told": TOLD}, {}, ME)
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        env[f"JUPYTER_{name}"] = str(folder / name)
    env |= {"HOME": str(folder / "home"), "PATH": os.environ["PATH"]}
    (port,) = free_ports(1)
    options = ["--no-browser", "--allow-root", "--ServerApp.token=", f"--port={port}"]
    command = [python, "-m", module, *options, "--ServerApp.ip=127.0.0.1"]
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, cwd=folder / "home", env=env, stdout=file, stderr=file
        )
    try:
        wait_for(url, server, log)
        yield JupyterWithKit(url, people, log)
    finally:
        server.terminate()
        server.wait(20)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError):
            with urllib.request.urlopen(f"{url}/api", timeout=5) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.2)
    raise AssertionError(f"no server at {url}:\n{log.read_text()[-4000:]}")
