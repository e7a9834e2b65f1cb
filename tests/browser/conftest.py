"""A real Chromium, and the hub it visits."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.hub.conftest import cloud, ec2, make_hub, make_quick_hub  # noqa: F401

expect.set_options(timeout=60_000)

#: where pictures go; without it none is made, for each costs what a page costs
ARTEFACTS = os.environ.get("ARTEFACTS")
HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# A test browser has no business on the internet.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# JupyterHub 6.1's page has no <main>.
AXE = {
    "resultTypes": ["violations"],
    "rules": {
        "landmark-one-main": {"enabled": False},
        "region": {"enabled": False},
    },
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for all tests here, as they have one browser."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests, each of which has a profile of its own in it."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: install Debian's package chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    # A colour on its way to another is neither.
    page = await browser.new_page(
        viewport={"width": 1100, "height": 800}, reduced_motion="reduce"
    )
    page.set_default_timeout(60_000)
    yield page
    await page.close()


async def keep(page: Page, name: str) -> None:
    """Keep a picture of the page for people to look at, if they want some."""
    if ARTEFACTS:
        # Makes the folder.
        await page.screenshot(path=Path(ARTEFACTS, f"{name}.png"), full_page=True)


async def keep_narrow_and_dark(page: Page, name: str) -> None:
    """Keep one as it is, too, and look that nothing is wider than a small screen.

    Both can be read by everybody, as far as a program can tell.
    """
    await keep(page, name)
    await check_accessible(page)
    usual = page.viewport_size
    await page.set_viewport_size({"width": 320, "height": 800})
    await page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    await keep(page, f"{name}-narrow-dark")
    await check_accessible(page)
    root = "document.documentElement"
    assert await page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), name
    await page.evaluate("document.documentElement.dataset.bsTheme = 'light'")
    assert usual is not None
    await page.set_viewport_size(usual)


async def check_accessible(page: Page) -> None:
    """axe finds nothing wrong on a page of ours."""
    results = await Axe().run(page, options=AXE)
    assert not results.response["violations"], results.generate_report()


async def log_in(page: Page, url: str, name: str) -> None:
    await page.goto(url)
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill("any")
    await page.get_by_role("button", name="Sign in").click()
