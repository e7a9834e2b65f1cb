"""A repository's files in an image, and from there in a home, without a network."""

import base64
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ec2spawner.claim.agent.work import content as agent
from ec2spawner.images.builds.machine import content
from ec2spawner.images.source import pack, read_source

from ...git_server import commit

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


class SmallMachine:
    """Commands that run here, and as whoever runs the tests."""

    def __init__(self, folder, **plan):
        self.plan = plan
        self._env = {**os.environ, "GIT_CONFIG_SYSTEM": str(folder / "gitconfig")}

    def run(self, *command, root=False, stdin=""):
        return subprocess.check_output(command, text=True, env=self._env)

    def give(self, folder, account):
        pass


class Image:
    """One image after another, and a home that outlives them."""

    def __init__(self, folder):
        self.folder = folder
        self.upstream, self.home = folder / "hydro", folder / "home"
        for each in (self.upstream, self.home, folder / "build/home"):
            each.mkdir(parents=True)
        self.url = f"file://{self.upstream}"
        self.told = []

    def bake(self, url="", ref="", packed=b""):
        bare = {"url": url or self.url, "ref": ref}
        head = ["git", "-C", str(self.upstream), "rev-parse", "HEAD"]
        known = (self.upstream / ".git").exists()
        sha = subprocess.check_output(head, text=True).strip() if known else ""
        machine = SmallMachine(
            self.folder,
            name="hydro",
            bake={**bare, "packed": base64.b64encode(packed).decode()},
            source={"url": self.url, "commit": sha},
        )
        return content.bake(machine)

    def start(self, url="", ref="", folder=""):
        wanted = {"url": url, "ref": ref, "folder": folder}
        agent.bring(wanted, PATH, str(self.home), list, self.tell)

    def tell(self, step, message, log=""):
        self.told.append((step, message))

    @property
    def failed(self):
        return [message for step, message in self.told if step == "warning"]

    def read(self, name):
        return (self.home / "hydro" / name).read_text()


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "BAKED", str(tmp_path / "content"))
    place = str(tmp_path / "content/repository.git")
    monkeypatch.setattr(content, "REPOSITORY", place)
    monkeypatch.setattr(content, "HERE", str(tmp_path / "build"))
    monkeypatch.setattr(content, "_CODE", str(tmp_path / "build/home/code"))
    monkeypatch.setattr(agent, "BAKED", str(tmp_path / "content"))
    return Image(tmp_path)


def test_what_is_baked_comes_without_a_network_and_overwrites_nothing(image):
    commit(image.upstream, {"a.txt": "one", "b.txt": "one"})
    assert "is in the image" in image.bake()
    address = image.url
    # From here on nobody reaches it.
    away = image.upstream.rename(image.folder / "away")
    image.start(address, folder="hydro")
    assert image.read("a.txt") == "one" and image.failed == []
    origin = ["git", "-C", str(image.home / "hydro"), "remote", "get-url", "origin"]
    assert subprocess.check_output(origin, text=True).strip() == address
    (image.home / "hydro/a.txt").write_text("mine")
    # A newer image: what is new comes, what is the user's stays.
    image.upstream = away.rename(image.folder / "hydro")
    commit(image.upstream, {"a.txt": "two", "b.txt": "two"})
    image.bake(ref="main")
    image.upstream.rename(image.folder / "away")
    for ref in ("main", ""):
        image.start(address, ref, "hydro")
    assert (image.read("a.txt"), image.read("b.txt")) == ("mine", "two")
    assert image.failed == []


def test_without_a_setting_it_is_what_the_image_has_and_else_nothing(image):
    image.start()
    assert image.told == [] and list(image.home.iterdir()) == []
    commit(image.upstream, {"a.txt": "one"})
    image.bake()
    image.upstream.rename(image.folder / "away")
    image.start()
    assert image.read("a.txt") == "one"


def test_another_repository_or_branch_does_not_come_from_the_image(image):
    commit(image.upstream, {"a.txt": "one"})
    image.bake()
    address = image.url
    image.upstream.rename(image.folder / "away")
    image.start(address, "v2", "hydro")
    image.start(f"{address}2", "", "hydro2")
    assert len(image.failed) == 2 and list(image.home.iterdir()) == []


@pytest.mark.parametrize("known", [True, False])
def test_a_folder_comes_with_the_plan_and_is_the_users_from_its_first_start(
    image, known
):
    if known:
        commit(image.upstream, {"a.txt": "one"})
        # Of what git does not know nobody knows whose it is.
        (image.upstream / "password.txt").write_text("secret")
        (image.upstream / "a.txt").write_text("changed")
    else:
        (image.upstream / "a.txt").write_text("changed")
    with read_source(str(image.upstream)) as source:
        packed = pack(source)
        assert packed == pack(replace(source, commit="other"))
    image.bake(packed=packed)
    image.upstream.rename(image.folder / "away")
    image.start()
    assert image.read("a.txt") == "changed"
    assert not (image.home / "hydro/password.txt").exists()
    (image.home / "hydro/a.txt").write_text("mine")
    image.start()
    assert image.read("a.txt") == "mine" and image.failed == []
