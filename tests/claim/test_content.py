"""A repository's files in a home: what is new comes, what is the user's stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ec2spawner.claim.agent.work import content

from ..unit.images.git_server import commit

# Where the tests run, its Jupyter has nbgitpuller.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


class Home:
    """A user's home, and the repository whose files it gets."""

    def __init__(self, folder):
        self.upstream, self.folder = folder / "upstream", folder / "home"
        for each in (self.upstream, self.folder):
            each.mkdir()
        self.place = self.folder / "hydro"
        self.told = []

    def publish(self, **files):
        commit(self.upstream, {f"{name}.txt": text for name, text in files.items()})
        head = ["git", "-C", str(self.upstream), "rev-parse", "HEAD"]
        return subprocess.check_output(head, text=True).strip()

    def start(self, ref="", path=PATH, url=""):
        url = url or f"file://{self.upstream}"
        wanted = {"url": url, "ref": ref, "folder": "hydro"}
        content.bring(wanted, path, str(self.folder), list, self.tell)

    def tell(self, step, message, log=""):
        self.told.append((step, message))

    @property
    def failed(self):
        return [message for step, message in self.told if step == "warning"]

    def read(self, name):
        return (self.place / f"{name}.txt").read_text()


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    made.publish(a="one", b="one", c="one")
    return made


def test_each_start_brings_what_is_new_and_overwrites_nothing_of_the_users(home):
    home.start()
    assert home.read("a") == "one" and home.failed == []
    (home.place / "a.txt").write_text("mine")
    (home.place / "c.txt").unlink()
    (home.place / "d.txt").write_text("mine, too")
    home.publish(a="two", b="two", d="theirs")
    home.start("main")
    assert (home.read("a"), home.read("b"), home.read("c")) == ("mine", "two", "one")
    assert home.read("d") == "theirs"
    kept = [path.read_text() for path in home.place.glob("d__*.txt")]
    assert kept == ["mine, too"] and home.failed == []


def test_a_commit_is_brought_once_and_then_is_the_users(home):
    first = home.publish(a="one more")
    home.publish(a="two")
    home.start(first)
    assert home.read("a") == "one more"
    (home.place / "a.txt").write_text("mine")
    home.start(first)
    assert home.read("a") == "mine" and home.failed == []


@pytest.mark.parametrize("ref", ["", "main", "0" * 40])
def test_without_a_network_a_sentence_says_that_all_is_as_it_was(home, ref):
    home.start()
    (home.place / "a.txt").write_text("mine")
    home.told.clear()
    home.upstream.rename(home.upstream.parent / "away")
    home.start(ref)
    assert home.read("a") == "mine"
    if ref == "0" * 40:
        return  # there is a folder already: nothing is asked for
    (message,) = home.failed
    assert message.startswith(f"the files of file://{home.upstream} could not be")
    assert ("setup", message) in home.told


def test_at_the_first_start_without_a_network_there_is_no_half_of_it(home):
    url = "file:///no/such/place"
    for ref in ("", "0" * 40):
        home.start(ref, url=url)
    assert len(home.failed) == 2 and list(home.folder.iterdir()) == []


def test_an_image_without_nbgitpuller_is_told_so(home, tmp_path):
    home.start(path=str(tmp_path))
    (message,) = home.failed
    assert message.endswith("as they were: this image has no nbgitpuller")


def test_what_takes_long_comes_while_the_user_works(home, tmp_path, monkeypatch):
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / content.PULLER).write_text('#!/bin/sh\nread x < "$HOME/go"; mkdir "$3"\n')
    (slow / content.PULLER).chmod(0o755)
    os.mkfifo(home.folder / "go")
    monkeypatch.setattr(content, "WAIT_SECONDS", 0.05)
    home.start(path=f"{slow}:{PATH}")
    assert home.told[-1][1].endswith("come while you work") and home.failed == []
    with (home.folder / "go").open("w") as go:
        go.write("x\n")
