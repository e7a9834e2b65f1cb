"""Packages of the distribution, by whatever the base image has for them."""

import pytest

from ec2spawner.images.builds.machine import steps
from ec2spawner.images.builds.machine.commands import Failed


class SmallMachine:
    """One that has some programs, and notes what is run."""

    def __init__(self, *programs, fails=()):
        self.programs, self.fails, self.ran, self.said = programs, fails, [], []
        self.plan = {"apt": ["tree"], "git": True}

    def which(self, name):
        return f"/usr/bin/{name}" if name in self.programs else None

    def run(self, *command, root=False, stdin=""):
        assert root
        self.ran.append(command)
        if command[0] in self.fails:
            raise Failed("No match for argument: tree")

    def say(self, step, text=""):
        self.said.append(text)


@pytest.fixture
def install(monkeypatch):
    def install(machine):
        monkeypatch.setattr(steps.shutil, "which", machine.which)
        return steps.install_system(machine)

    return install


def test_debian_and_ubuntu_have_apt(install):
    machine = SmallMachine("apt-get")
    assert install(machine) == "tree, git"
    assert [command[-2:] for command in machine.ran if "install" in command] == [
        ("tree", "git"),
        # Nothing is really installed here, so git is asked for again.
        ("--no-install-recommends", "git"),
    ]


def test_amazon_linux_has_dnf_in_its_place(install):
    machine = SmallMachine("dnf", "git")
    machine.plan["apt"] = []
    assert install(machine) == "none" and machine.ran == []
    machine = SmallMachine("dnf")
    install(machine)
    assert machine.ran[0] == ("dnf", "-q", "install", "-y", "tree", "git")


def test_where_names_are_others_or_there_is_neither_it_is_said_in_words(install):
    with pytest.raises(Failed, match="No match.*has dnf: packages have other names"):
        install(SmallMachine("dnf", fails=["dnf"]))
    with pytest.raises(Failed, match="neither apt nor dnf, so tree, git cannot be"):
        install(SmallMachine())
    # Only a start without the repository's files is the price of a lack of git.
    machine = SmallMachine()
    machine.plan = {"apt": [], "git": False}
    assert install(machine) == "none"
    assert machine.said[0].startswith("without git no files are brought at a start")
