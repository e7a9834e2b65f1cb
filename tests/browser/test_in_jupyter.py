"""What people see of their machine in JupyterLab."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.hub.conftest import eventually, living

from .conftest import keep, log_in
from .jupyter import check_ours, settled

pytestmark = pytest.mark.browser

SETTINGS = {
    "sizes": {"Medium": {"instance_type": "t3.large", "description": "notebooks"}},
    "profile_list": [],
    "prices": {"t3.large:spot": 0.0832},
    "market": "spot",
    "max_lifetime": 36000,
    "default_url": "/lab",
}


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
    hub = make_hub(settings=SETTINGS, base_url="/jhub", idle_timeout=3600)
    await hub.start()
    await log_in(page, hub.url, "alice")
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    folder = people(machine)
    await page.goto(f"{hub.url}/user/alice/lab")

    bar = page.locator("#ec2spawner-bar")
    await expect(bar).to_have_text(
        re.compile(r"^Medium, 0\.00\d USD so far, stops after 1 h idle$")
    )
    await keep(page, "lab-bar")
    await check_ours(page)
    await bar.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Medium (t3.large, 2 CPUs, 8 GiB), spot")
    await expect(dialog).to_contain_text("0.083 USD an hour")
    await keep(page, "lab-dialog")
    await check_ours(page)
    await dialog.get_by_role("button", name="Close").click()

    # EC2's notice comes to the page without the Hub.
    ec2.spot_notice(machine.instance_id, seconds=600)
    toasts = page.locator(".Toastify__toast")
    spot = toasts.filter(has_text="AWS takes this machine back at")
    await expect(spot).to_contain_text(re.compile(r"in \d+ min\. Save your work now!"))
    await settled(spot)
    await keep(page, "lab-spot")

    now = json.loads((folder / "told.json").read_text())["now"]
    ask = {"label": "Keep for 2 h (0.17 USD)", "ask": {"keep": 7200}}
    text = "Nobody has used this machine for 50 min, and nothing runs on it. "
    text += "It stops in {left}. All that is not in your home is lost then: " + "x" * 40
    notice = {"id": "idle", "kind": "warning", "until": now + 600, "text": text}
    tell(folder, notices=[{**notice, "actions": [ask]}], actions=[ask])
    toast = toasts.filter(has_text="It stops in")
    await expect(toast).to_contain_text(re.compile(r"It stops in \d+ min\."))
    await settled(toast)
    await keep(page, "lab-keep")
    await check_ours(page)
    # A toast has no room for all of it.
    await expect(toast).not_to_contain_text("x" * 40)
    await toast.get_by_role("button", name="More").click()
    await expect(dialog).to_contain_text("x" * 40)
    await keep(page, "lab-more")
    await check_ours(page)
    said = folder / "said" / "said.json"
    assert not json.loads(said.read_text())["keep"]
    await dialog.get_by_role("button", name="Keep for 2 h").click()
    await expect(page.get_by_text("That is on its way").first).to_be_visible()
    kept = eventually(lambda: json.loads(said.read_text())["keep"], 30)
    assert kept > now + 7000
    assert json.loads(said.read_text())["human"]


@pytest.mark.slow
async def test_people_whom_nobody_sees_are_warned_and_keep_their_server(
    page, make_hub, ec2
):
    """All the way: machine, Hub, machine, page, server, machine, Hub, and back."""
    hub = make_hub(settings=SETTINGS, idle_timeout=120)
    await hub.start()
    await log_in(page, hub.url, "alice")
    await hub.ready_server("alice")
    await page.goto(f"{hub.url}/user/alice/lab")
    toast = page.locator(".Toastify__toast").filter(has_text="Nobody has used this")
    keeps = toast.get_by_role("button", name="Keep for 2 h (0.17 USD)")
    bar = page.locator("#ec2spawner-bar")
    await expect(keeps).to_be_visible(timeout=240_000)
    await expect(bar).to_have_text(re.compile(r"^Stops in 0:\d\d, 0.00\d USD so far$"))
    await settled(toast)
    await keep(page, "lab-warned")
    await keeps.click()
    kept = re.compile(r"^Medium, 0.00\d USD so far, kept until \d\d:\d\d [AP]M$")
    await expect(bar).to_have_text(kept)
    await expect(toast).to_have_count(0)
    await keep(page, "lab-kept")
    launch = hub.remembers("alice").current
    assert launch.kept_until - launch.ready_at > 7200
    assert (await hub.server("alice"))["ready"]
