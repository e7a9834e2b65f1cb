"""People are told in every JupyterLab 4 and Notebook 7, the oldest and the newest."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from ec2spawner.claim.kit_files import kit_files
from tests.hub.conftest import eventually

from .conftest import keep
from .jupyter import check_ours, jupyter, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: what is installed, and the page that shows it
VERSIONS = {
    "lab-4.0": (["jupyterlab==4.0.13", "jupyter-server==2.7.3"], "lab?reset"),
    "lab-4.2": (["jupyterlab==4.2.7"], "lab?reset"),
    "lab-newest": (["jupyterlab"], "lab?reset"),
    "notebook-7.0": (["notebook==7.0.8"], "tree"),
    "notebook-7.2": (["notebook==7.2.3"], "tree"),
    "notebook-newest": (["notebook"], "tree"),
}


def installed(folder: Path, packages: list[str]) -> str:
    """The Python of an environment of their own."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("there is no uv: install ec2spawner[image]")
    here = folder / "venv"
    make = [uv, "venv", "--python", sys.executable, str(here)]
    subprocess.run(make, check=True, capture_output=True)
    python = str(here / "bin" / "python")
    # Their old versions ask it for pkg_resources.
    wanted = [*packages, "setuptools<80"]
    done = subprocess.run(
        [uv, "pip", "install", "--python", python, *wanted],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return python


@pytest.mark.parametrize("name", VERSIONS)
async def test_people_are_told_and_keep_their_machine(page, tmp_path, name):
    packages, path = VERSIONS[name]
    python, kit = installed(tmp_path, packages), dict(kit_files())
    module = "notebook" if name.startswith("notebook") else "jupyterlab"
    said_by_us: list[str] = []

    def listen(message):
        if "ec2spawner" in message.text:
            said_by_us.append(message.text)

    page.on("console", listen)
    dark = name == "lab-newest"
    with jupyter(tmp_path / "server", kit, python, module, dark) as server:
        await page.goto(f"{server.url}/{path}")
        bar = page.locator("#ec2spawner-bar")
        await expect(bar).to_have_text("Medium, 0.45 USD so far, stops after 1 h idle")
        ask = {"label": "Keep for 2 h (1.06 USD)", "ask": {"keep": 7200}}
        notice = {"id": "idle", "kind": "warning", "left": 594, "actions": [ask]}
        notice["text"] = "Nobody has used this machine: it stops in {left}."
        left = {"bar": "Stops in {left}, {cost} USD so far", "left": 594}
        server.tell(**left, actions=[ask], notices=[notice])
        toast = page.locator(".Toastify__toast").filter(has_text="it stops in")
        await expect(toast).to_contain_text("it stops in 10 min.")
        await expect(bar).to_contain_text("Stops in 9:")
        await settled(toast)
        await check_ours(page)
        await bar.focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Medium (m7i.xlarge).")
        await keep(page, f"told-in-{name}")
        await check_ours(page)
        await dialog.get_by_role("button", name="Close").click()
        await toast.get_by_role("button", name="Keep for 2 h").click()
        assert eventually(lambda: server.said["keep"], 30) > 0
        assert server.said["human"] and server.said["page"]
    assert not said_by_us
