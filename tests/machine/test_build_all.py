"""All that a repository may say at once, on a machine that boots. Slow: it installs.

conda's packages are on a channel that the test makes, pip's and the system's come from
the registries that this computer is configured for.
"""

import http.server
import os
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from ec2spawner.demo.visitor import Visitor
from localec2.net.this_computer import ways
from localec2.roots.roots import kept

from ..hub.conftest import eventually, living
from ..unit.images.git_server import git_server
from .conda_channel import make_channel, pixi_lock
from .test_build import image_command, left_in

POST_BUILD = """\
#!/bin/sh -e
tree --version
cat given.txt
python -c 'import six, sys; open(sys.prefix + "/share/built", "w").write(
    open("given.txt").read() + six.__version__)'
[ "$(id -u)" != 0 ]
! touch /etc/of-root 2> /dev/null
"""
FILES = {
    "environment.yml": """\
channels: [CHANNEL]
dependencies:
  - python=3.11
  - six
  - pip:
    - pydotplus==2.0.2
""",
    "requirements.txt": "cowsay==6.1\n",
    "apt.txt": "# shows folders\ntree\n",
    "postBuild": POST_BUILD,
    "given.txt": "from the repository ",
    "run.py": "import six, pydotplus, cowsay\n",
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *about):
        pass


@contextmanager
def published(folder, address):
    """The address of what is in a folder."""
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{address}:{server.server_port}"
        server.shutdown()


@pytest.fixture
def packages(tmp_path):
    """What is on the channel."""
    folder = tmp_path / "channel"
    folder.mkdir()
    make_channel(folder, "ipykernel", "six")
    return folder


@pytest.fixture
def channel(cloud, packages):
    with published(packages, cloud.hub_address) as url:
        yield url


@pytest.fixture
def commit(cloud, ec2, channel, tmp_path, monkeypatch):
    """Make a repository of a name and files. It is reached by https of this computer,
    which machines trust as they do the registries."""
    (tmp_path / "git").mkdir()
    with git_server(tmp_path / "git", cloud.hub_address) as server:
        way = ways(kept())
        bundle = tmp_path / "bundle.pem"
        theirs = Path(way["ca_bundle"]).read_text() if way["ca_bundle"] else ""
        bundle.write_text(theirs + (tmp_path / "git/cert.pem").read_text())
        ec2.change_settings(**{**way, "ca_bundle": str(bundle)})
        monkeypatch.setenv("GIT_SSL_CAINFO", str(bundle))

        def made(name, files):
            filled = {n: t.replace("CHANNEL", channel) for n, t in files.items()}
            return server.commit(name, filled)

        yield made
        ec2.change_settings(outside=[], index_urls=[], ca_bundle="")


@pytest.mark.slow
async def test_conda_pip_the_systems_packages_and_its_own_program_all_go_in(
    cloud, ec2, make_hub, commit
):
    hub = make_hub(settings={"hub_id": "lab"})
    repository = commit("everything", FILES)
    base = cloud.control.resources().image_id
    said = image_command(hub, "build", repository, f"--base={base}")
    told = [each.get("text", "") for each in said]
    # git is for postBuild, which looks at the repository.
    assert "tree, git" in told and "the kernel computes" in told
    (packages,) = [t for t in told if t.endswith("packages of conda")]
    assert int(packages.split()[0]) > 20
    assert "3 of 3 packages import" in told
    # Every list of packages that apt on the machine is configured for can be read.
    assert not [t for t in told if "not every list of packages" in t]
    assert not [each for each in said if each["event"] in ("missing", "broken")]
    eventually(lambda: living(ec2) == [])
    layer = Path(cloud.folder) / "images" / said[-1]["image"]
    env = layer / "opt/envs/everything"
    assert (layer / "usr/bin/tree").exists()
    built = (env / "share/built").read_text()
    assert built.startswith("from the repository 1.")
    assert (env / "share/built").stat().st_uid == 0 and os.access(env, os.R_OK)
    assert not (layer / "etc/of-root").exists()
    assert left_in(layer) == []


PIXI = {
    "pixi.toml": """\
[workspace]
channels = ["CHANNEL"]
platforms = ["linux-64"]

[dependencies]
python = "3.11.*"
six = "*"
""",
    "given.txt": "from the repository",
    "run.py": "import six\n",
}
LOOK = "import six, sys; print(sys.prefix, open('locked/given.txt').read())"


@pytest.mark.slow
async def test_a_pixi_lock_is_obeyed_and_baked_files_come_without_a_network(
    cloud, ec2, make_hub, commit, packages, channel
):
    hub = make_hub(settings={"image": "repo:locked", "home": "none"})
    await hub.start()
    lock = pixi_lock(packages, channel)
    repository = commit("locked", {**PIXI, "pixi.lock": lock})
    base = cloud.control.resources().image_id
    said = image_command(hub, "build", repository, f"--base={base}", "--bake")
    (plan,) = [each for each in said if each["event"] == "plan"]
    assert plan["used"] == ["pixi.toml", "pixi.lock"]
    assert "1 of 1 packages import" in [each.get("text") for each in said]
    eventually(lambda: living(ec2) == [])
    # Nothing that the build needed is there any more.
    ec2.change_settings(outside=[], index_urls=[], ca_bundle="")
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready(timeout=180)
        text, _ = await alice.run_cell(LOOK, kernel="locked", timeout=120)
        assert text.strip() == "/opt/envs/locked from the repository"
