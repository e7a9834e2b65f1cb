"""A user names a repository, watches its image being made, and lands on a server."""

import re

import pytest
from playwright.async_api import expect

from tests.hub.test_repository import AT_ONCE, CODE, SETTINGS, says

from .conftest import check_accessible, keep, keep_narrow_and_dark, log_in

pytestmark = pytest.mark.browser
DELTA = "https://example.org/lab/delta"


async def test_a_repository_is_written_built_and_served(make_quick_hub, page, ec2):
    hub = make_quick_hub(settings=SETTINGS, hub_settings=AT_ONCE, code=CODE)
    await hub.start()
    says(hub, "delta", "begin 0", "install 3")
    await log_in(page, hub.url, "alice")
    await page.goto(f"{hub.url}/hub/spawn")
    field = page.get_by_label("Repository", exact=True)
    await expect(page.get_by_label("Standard")).to_be_checked()
    await expect(field).to_be_hidden()
    await page.get_by_label("From a repository").check()
    await expect(page.get_by_text("https://example.org/lab/*")).to_be_visible()
    await field.fill("https://evil.org/x")
    await keep(page, "repository-form")
    await keep_narrow_and_dark(page, "repository-form")
    await check_accessible(page)
    await page.get_by_role("button", name=re.compile("^Start Small")).click()
    await expect(page.get_by_text("Write the address of a git")).to_have_count(2)
    # What was written is there to be mended.
    await expect(field).to_have_value("https://evil.org/x")
    await field.fill(DELTA)
    await page.get_by_role("button", name=re.compile("^Start Small")).click()
    told = page.locator("#ec2-now")
    await expect(told).to_contain_text("installing packages", timeout=30_000)
    await expect(page.get_by_text("image of your repository")).to_be_visible()
    await keep(page, "repository-progress")
    await check_accessible(page)
    says(hub, "delta", "begin 0", "install 3", "clean 5", "done 9")
    await page.wait_for_url(re.compile("/user/alice/"), timeout=60_000)
