"""People are told in every JupyterLab 4 and Notebook 7, the oldest and the newest."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.hub.conftest import eventually, living

from .conftest import keep, log_in
from .jupyter import THEME, check_ours, settled
from .test_in_jupyter import SETTINGS, people, tell

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: what is installed, and the page that shows it
VERSIONS = {
    "lab-4.0": (["jupyterlab==4.0.13", "jupyter-server==2.7.3"], "lab"),
    "lab-4.2": (["jupyterlab==4.2.7"], "lab"),
    "lab-newest": (["jupyterlab"], "lab"),
    "notebook-7.0": (["notebook==7.0.8"], "tree"),
    "notebook-7.2": (["notebook==7.2.3"], "tree"),
    "notebook-newest": (["notebook"], "tree"),
}


def installed(folder: Path, packages: list[str]) -> str:
    """What starts a server, of an environment of its own."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("there is no uv: install ec2spawner[image]")
    here = folder / "venv"
    make = [uv, "venv", "--python", sys.executable, str(here)]
    subprocess.run(make, check=True, capture_output=True)
    python = str(here / "bin" / "python")
    # Their old versions ask it for pkg_resources.
    wanted = [*packages, "setuptools<80", f"jupyterhub=={version('jupyterhub')}"]
    done = subprocess.run(
        [uv, "pip", "install", "--python", python, *wanted],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return str(here / "bin" / "jupyterhub-singleuser")


async def tell_until(toast: Locator, folder: Path, words: dict[str, Any]) -> None:
    """Again and again: what the Hub answers takes its place, whenever the agent has
    news for it, as when it has just begun, or somebody has come."""
    for _ in range(120):
        tell(folder, **words)
        if await toast.count():
            return
        await toast.page.wait_for_timeout(500)


@pytest.mark.parametrize("name", VERSIONS)
async def test_people_are_told_and_keep_their_machine(
    page, tmp_path, make_hub, ec2, name
):
    packages, path = VERSIONS[name]
    program = installed(tmp_path, packages)
    settings = {**SETTINGS, "cmd": [program], "default_url": f"/{path}"}
    hub = make_hub(settings=settings, base_url="/jhub", idle_timeout=3600, patience=240)
    await hub.start()
    await log_in(page, hub.url, "alice")
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    folder = people(machine)
    said_by_us: list[str] = []

    def listen(message):
        if "ec2spawner" in message.text:
            said_by_us.append(message.text)

    page.on("console", listen)
    bar = page.locator("#ec2spawner-bar")
    toast = page.locator(".Toastify__toast").filter(has_text="it stops in")
    dialog = page.get_by_role("dialog")
    for theme in ("light", "dark"):
        if theme == "dark":
            settings_file = folder.parent / ".jupyter" / THEME
            settings_file.parent.mkdir(parents=True)
            settings_file.write_text(json.dumps({"theme": "JupyterLab Dark"}))
        await page.goto(f"{hub.url}/user/alice/{path}")
        await expect(bar).to_contain_text("USD so far")
        ask = {"label": "Keep for 2 h (0.17 USD)", "ask": {"keep": 7200}}
        now = json.loads((folder / "told.json").read_text())["now"]
        notice = {"id": theme, "kind": "warning", "until": now + 594, "actions": [ask]}
        notice["text"] = "Nobody has used this machine: it stops in {left}."
        left = {"bar": "Stops in {left}, {cost} USD so far", "until": now + 594}
        words = {**left, "actions": [ask], "notices": [notice]}
        await tell_until(toast, folder, words)
        await expect(toast).to_contain_text("it stops in")
        await expect(bar).to_contain_text("Stops in ")
        await settled(toast)
        await check_ours(page)
        await keep(page, f"told-in-{name}-{theme}")
        await bar.focus()
        await page.keyboard.press("Enter")
        await expect(dialog).to_contain_text("Medium (t3.large, 2 CPUs, 8 GiB), spot")
        await keep(page, f"told-in-{name}-{theme}-dialog")
        await check_ours(page)
        await dialog.get_by_role("button", name="Close").click()
    await tell_until(toast, folder, words)
    await toast.get_by_role("button", name="Keep for 2 h").click()
    said = folder / "said" / "said.json"
    assert eventually(lambda: json.loads(said.read_text())["keep"], 30) > 0
    assert json.loads(said.read_text())["human"]
    assert not said_by_us
