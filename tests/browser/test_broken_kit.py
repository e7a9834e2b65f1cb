"""JupyterLab opens whatever is wrong with what tells people of their machine."""

import os
import sys

import pytest
from playwright.async_api import expect

from ec2spawner.claim.kit_files import kit_files

from .jupyter import jupyter

pytestmark = pytest.mark.browser

GOOD = dict(kit_files())
[ENTRY] = [name for name in GOOD if "remoteEntry" in name]
#: what may go wrong in the page, each in the place of what works
THROWS = {
    "no JavaScript": "this is none",
    "when it is loaded": "throw new Error('loaded');\n" + GOOD[ENTRY],
    "when it is activated": GOOD[ENTRY].replace(
        "activate: (app, statusBar) => {", "activate: () => { throw Error('x');"
    ),
    "when it draws": GOOD[ENTRY].replace(
        "const draw = () => {", "const draw = () => { throw Error('x');"
    ),
}


async def opens(page, server):
    await page.goto(f"{server.url}/lab?reset")
    await expect(page.locator(".jp-Launcher")).to_be_visible()
    await expect(page.locator("#jupyterlab-splash")).to_have_count(0)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jupyter")
    with jupyter(folder, GOOD, sys.executable, "jupyterlab") as found:
        yield found


def put(server, name, text):
    path = os.path.join(server.people.folder, "kit", name)
    os.unlink(path)
    with open(path, "w") as file:
        file.write(text)


# Lab waits for us there: the others only by night.
BY_DAY = "when it is activated"
WHEN = [w if w == BY_DAY else pytest.param(w, marks=pytest.mark.slow) for w in THROWS]


@pytest.mark.parametrize("when", WHEN)
async def test_a_page_opens_when_the_kit_throws(page, server, when):
    assert THROWS[when] != GOOD[ENTRY]
    put(server, ENTRY, THROWS[when])
    try:
        await opens(page, server)
        await expect(page.locator("#ec2spawner-bar:visible")).to_have_count(0)
    finally:
        put(server, ENTRY, GOOD[ENTRY])


@pytest.mark.slow
@pytest.mark.parametrize("text", ["{", '{"bar": 7, "notices": 3}'])
async def test_a_page_opens_when_what_is_told_is_broken(page, server, text):
    server.tell()
    os.unlink(server.people.told_path)
    with open(server.people.told_path, "w") as file:
        file.write(text)
    await opens(page, server)


@pytest.mark.slow
async def test_a_page_asks_once_where_nobody_answers(page, tmp_path):
    """In a server that somebody runs in a terminal, for example."""
    silent = {**GOOD, "server/ec2spawner_machine.py": "}"}
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with jupyter(tmp_path, silent, sys.executable, "jupyterlab") as server:
        await opens(page, server)
        # What a person does is told at once where somebody listens.
        for x in range(3):
            await page.mouse.move(100 + x, 100)
        await opens(page, server)
    ours = [url.partition("?")[0] for url in asked if "/ec2spawner/" in url]
    told = f"{server.url}/ec2spawner/told"
    assert [url for url in ours if "remoteEntry" not in url] == [told, told]


@pytest.mark.slow
async def test_a_page_opens_when_nothing_of_the_kit_works(page, tmp_path):
    broken = {name: "}" for name in GOOD}
    with jupyter(tmp_path, broken, sys.executable, "jupyterlab") as server:
        await opens(page, server)
