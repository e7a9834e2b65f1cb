"""The demo makes an image of a repository that its form is told, in a browser. Slow.

Where GitHub is, is this computer; the rest is real: Hub, proxy, plan, builder, image,
machine, kernels. Packages come from the registry that pip is configured for here.
"""

import re

import pytest

from ec2spawner.demo.visitor import Visitor
from localec2.roots import roots

from ..browser.conftest import browser, keep, page  # noqa: F401
from ..demo.running_demo import RunningDemo
from ..unit.images.git_server import git_server

FILES = {
    "requirements.txt": "six==1.16.0\n",
    "runtime.txt": "python-3.11\n",
    "run.py": "import six\n",
}
URL = "https://github.com/our-lab/hydro"
KERNEL = "import six, sys; print(six.__version__, sys.executable)"


@pytest.fixture
def github(tmp_path, monkeypatch):
    folder = tmp_path / "our-lab"
    folder.mkdir()
    with git_server(tmp_path) as server:
        server.commit("our-lab/hydro", FILES)
        for name, value in {
            "GIT_SSL_CAINFO": str(tmp_path / "cert.pem"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{server.url}/.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            # What machines boot from is made already.
            "EC2SPAWNER_ROOTS": str(roots.folder()),
        }.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.slow
async def test_a_repository_on_the_form_becomes_an_image_and_both_kernels_compute(
    github, tmp_path, page  # noqa: F811
):
    options = ("--machines=nspawn", "--outside")
    with RunningDemo(tmp_path / "said", *options) as demo:
        url, password = demo.url, demo.password
        await page.goto(url)
        await page.get_by_label("Username").fill("maria")
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()
        await page.goto(f"{url}hub/spawn")
        await page.get_by_label("From a repository").check()
        await page.get_by_label("Repository", exact=True).fill(URL)
        await keep(page, "demo-repository-form")
        await page.get_by_role("button", name=re.compile("^Start ")).last.click()
        told = page.locator("#ec2-now")
        await told.filter(has_text="installing packages").wait_for(timeout=600_000)
        await keep(page, "demo-repository-progress")
        await page.wait_for_url(re.compile("/user/maria/"), timeout=900_000)
        card = page.get_by_text("hydro (Python 3.11", exact=False).first
        await card.wait_for(timeout=120_000)
        await keep(page, "demo-repository-lab")
        async with Visitor(url.rstrip("/"), "maria", password) as maria:
            await maria.log_in()
            said, _ = await maria.run_cell(KERNEL, kernel="hydro", timeout=120)
            assert said.split() == ["1.16.0", "/opt/envs/hydro/bin/python"]
            said, _ = await maria.run_cell("import sys; print(sys.prefix)")
            assert said.strip() == "/opt/jupyter"
