"""What a person sees in a browser, from the form to a cell that has run."""

import os
import signal
from contextlib import suppress

import pytest
from playwright.async_api import expect

from localec2 import Fault
from tests.hub.conftest import living

from .conftest import keep, keep_narrow_and_dark, log_in

pytestmark = pytest.mark.browser

PROFILES = [
    {
        "display_name": "Small",
        "description": "2 CPUs, 2 GiB of memory. For editing and small data.",
        "ec2spawner_override": {"instance_type": "t3.small"},
    },
    {
        "display_name": "Medium",
        "description": "2 CPUs, 8 GiB of memory. For most notebooks.",
        "ec2spawner_override": {"instance_type": "t3.large"},
    },
    {
        "display_name": "Large",
        "description": "8 CPUs, 32 GiB of memory. For a model run.",
        "ec2spawner_override": {"instance_type": "m7i.2xlarge"},
    },
]


#: the same in a few words
SIZES = {
    "Small": {"instance_type": "t3.small", "description": "editing and small data"},
    "Medium": {"instance_type": "t3.large", "description": "most notebooks"},
    "Large": {"instance_type": "m7i.2xlarge", "description": "a model run"},
    "Huge": {
        "instance_type": "m7i.4xlarge",
        "description": "many model runs",
        "allowed_groups": ["modellers"],
        "ask": "ada@lab.edu",
    },
}


#: as a hub's admin may give them; nobody tells one for the large machine
PRICES = {"t3.small": 0.0208, "t3.large": 0.0832}


async def test_a_person_chooses_watches_works_and_stops(page, make_hub, ec2):
    ec2.change_settings(pending_seconds=2)
    settings = {"sizes": SIZES, "default_url": "/lab", "prices": PRICES}
    hub = make_hub(settings={**settings, "profile_list": []})
    await hub.start()
    await log_in(page, hub.url, "alice")

    small = page.get_by_role("radio", name="Small")
    await expect(small).to_be_checked()
    sentence = page.locator("#ec2-sum")
    await expect(sentence).to_have_text(
        "Small: 0.021 USD an hour, 0.17 for a day of 8 h."
    )
    await expect(page.get_by_role("radio", name="Huge")).to_be_disabled()
    await expect(page.get_by_text("Only for the group modellers")).to_be_visible()
    # Without a mouse.
    await small.focus()
    await page.keyboard.press("ArrowDown")
    named = page.get_by_role("button", name="Start Medium (0.083 USD an hour)")
    await expect(named).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await expect(sentence).to_have_text("Large: price unknown.")
    await keep_narrow_and_dark(page, "spawn-form")
    await page.keyboard.press("Enter")

    await expect(page.get_by_text("is booting").first).to_be_attached()
    bar = page.get_by_role("progressbar")
    early = int(await bar.get_attribute("aria-valuenow") or 0)
    await page.locator("summary").first.click()
    await expect(page.get_by_text("Starting Jupyter").first).to_be_visible()
    await expect(page.get_by_text("m7i.2xlarge: price unknown")).to_be_visible()
    await keep_narrow_and_dark(page, "progress")
    late = int(await bar.get_attribute("aria-valuenow") or 0)
    assert late > early

    await page.wait_for_url("**/user/alice/lab**")
    (machine,) = living(ec2)
    assert machine.instance_type == "m7i.2xlarge"
    await page.get_by_role("button", name="Python 3 (ipykernel)").first.click()
    # A kernel that still connects may lose what it is given.
    await expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    await cell.click()
    await cell.press_sequentially("1+1")
    await page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-OutputArea-output").first
    await expect(output).to_have_text("2")
    await keep(page, "lab")

    await page.goto(f"{hub.url}/hub/home")
    await expect(page.get_by_text("Large (m7i.2xlarge)")).to_be_visible()
    await keep_narrow_and_dark(page, "home")
    # The machine runs, as far as EC2 knows, and nothing on it does.
    for pid in machine.pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await page.goto(f"{hub.url}/user/alice/lab")
    await expect(page.get_by_role("heading", name="does not answer")).to_be_visible()
    await keep_narrow_and_dark(page, "does-not-answer")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("button", name="Start My Server")).to_be_visible()
    await hub.wait_gone("alice")
    assert living(ec2) == []


async def test_a_person_reads_why_there_is_no_machine_and_may_choose_again(
    page, make_quick_hub, ec2
):
    hub = make_quick_hub(settings={"profile_list": PROFILES})
    await hub.start()
    ec2.add_fault(Fault("RunInstances", error=("InsufficientInstanceCapacity", 500)))
    await log_in(page, hub.url, "alice")
    # The Hub shows the form of the default server when another's start has failed.
    await page.goto(f"{hub.url}/hub/spawn/alice/two")
    await page.get_by_role("radio", name="Medium").check()
    await page.get_by_role("button", name="Start").click()
    # On the form, or on the progress page when the Hub was slow to find out.
    sentence = page.get_by_text("AWS has no machine of this size").first
    await expect(sentence).to_be_visible()
    await keep(page, "no-capacity")
    if "/spawn-pending/" not in page.url:
        await expect(page.get_by_role("radio", name="Medium")).to_be_checked()
    await page.goto(f"{hub.url}/hub/spawn/alice/two")
    # What the person had chosen is still chosen.
    await expect(page.get_by_role("radio", name="Medium")).to_be_checked()


async def test_a_person_reads_on_the_progress_page_why_a_machine_failed(
    page, make_quick_hub, ec2
):
    script = "#!/bin/sh\nsleep 12\necho no space left\nexit 1\n"
    hub = make_quick_hub(settings={"profile_list": PROFILES, "setup_script": script})
    await hub.start()
    await log_in(page, hub.url, "alice")
    await page.get_by_role("button", name="Start").click()
    await expect(
        page.get_by_text("could not start your server: the set-up of the machine").first
    ).to_be_visible()
    await expect(page.get_by_text("If you tell your admin, send this")).to_be_visible()
    await keep_narrow_and_dark(page, "setup-failed")
    (failed,) = ec2.machines()
    # With the choice of the last time, and without the form.
    await page.get_by_role("button", name="Try again").click()
    await page.wait_for_url("**/spawn-pending/alice")
    assert len(ec2.machines()) == 2
