"""What people see of their machine in JupyterLab."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.hub.conftest import eventually, living

from .conftest import keep, log_in

pytestmark = pytest.mark.browser

SETTINGS = {
    "sizes": {"Medium": {"instance_type": "t3.large", "description": "notebooks"}},
    "profile_list": [],
    "prices": {"t3.large": 0.0832},
    "max_lifetime": 36000,
    "default_url": "/lab",
}
#: what is ours in JupyterLab's page; the rest has faults of its own
OURS = ["#ec2spawner-bar", ".jp-Dialog-content", ".Toastify__toast"]


async def check_ours(page):
    """axe finds nothing wrong in what we show."""
    shown = [[each] for each in OURS if await page.locator(each).count()]
    results = await Axe().run(page, context={"include": shown})
    assert not results.response["violations"], results.generate_report()


def people(machine):
    """The folder in which a machine's agent and its server leave word."""
    return Path(machine.folder) / "home" / ".ec2spawner-people"


def tell(folder, **changes):
    """Leave word as the agent does."""
    path = folder / "told.json"
    told = json.loads(path.read_text())
    new = path.with_suffix(".new")
    new.write_text(json.dumps({**told, **changes}))
    new.replace(path)


async def test_people_read_where_they_work_and_keep_it(page, make_hub, ec2):
    hub = make_hub(settings=SETTINGS, base_url="/jhub")
    await hub.start()
    await log_in(page, hub.url, "alice")
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    folder = people(machine)
    await page.goto(f"{hub.url}/user/alice/lab")

    bar = page.locator("#ec2spawner-bar")
    await expect(bar).to_have_text(re.compile(r"^Medium, 0\.00\d USD so far$"))
    await keep(page, "lab-bar")
    await check_ours(page)
    await bar.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Medium (t3.large, 2 CPUs, 8 GiB).")
    await expect(dialog).to_contain_text("0.083 USD an hour")
    await keep(page, "lab-dialog")
    await check_ours(page)
    await dialog.get_by_role("button", name="Close").click()

    now = json.loads((folder / "told.json").read_text())["now"]
    ask = {"label": "Keep for 2 h (0.17 USD)", "ask": {"keep": 7200}}
    text = "Nobody has used this machine and nothing is running. It stops in {left}."
    notice = {"id": "idle", "kind": "warning", "until": now + 600, "text": text}
    tell(folder, notices=[{**notice, "actions": [ask]}], actions=[ask])
    toast = page.locator(".Toastify__toast").filter(has_text="It stops in")
    await expect(toast).to_contain_text("min.")
    await keep(page, "lab-keep")
    await check_ours(page)
    said = folder / "said" / "said.json"
    assert not json.loads(said.read_text())["keep"]
    await toast.get_by_role("button", name="Keep for 2 h").click()
    await expect(page.get_by_text("That is on its way").first).to_be_visible()
    kept = eventually(lambda: json.loads(said.read_text())["keep"], 30)
    assert kept > now + 7000
    assert json.loads(said.read_text())["human"]
