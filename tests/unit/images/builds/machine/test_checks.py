"""What is tried on a builder before there is an image."""

import json
import subprocess
import sys

import pytest

from ec2spawner.images.builds.machine import checks
from ec2spawner.images.builds.machine.commands import Failed


def tried(tmp_path, **asked):
    """What the program that imports finds here."""
    asked = {"declared": [], "of_conda": [], "imports": [], **asked}
    done = subprocess.run(
        [sys.executable, "-c", checks._IMPORTS],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def make(tmp_path, name, source):
    """A distribution with one module, as installers leave it."""
    (tmp_path / f"{name}.py").write_text(source)
    info = tmp_path / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{name}.py,,\n{name}-1.0.dist-info/METADATA,,\n")


def test_what_was_asked_for_is_imported_and_what_cannot_be_is_named(tmp_path):
    make(tmp_path, "good", "x = 1")
    make(tmp_path, "bad", "raise ImportError('libGL.so.1: cannot open')")
    found = tried(tmp_path, declared=["good", "bad", "absent"])
    assert found["tried"] == 3
    assert found["bad"]["bad"] == "ImportError: libGL.so.1: cannot open"
    assert found["bad"]["absent"].startswith("PackageNotFoundError")
    assert "good" not in found["bad"]


def test_of_conda_only_pythons_own_packages_are(tmp_path):
    make(tmp_path, "good", "x = 1")
    found = tried(tmp_path, of_conda=["good", "libgdal"])
    assert found["tried"] == 1 and found["bad"] == {}


def test_modules_that_the_code_imports_and_nobody_has_are_named(tmp_path):
    make(tmp_path, "good", "raise ImportError")
    found = tried(tmp_path, imports=["good", "spotpy", "json"])
    assert found["missing"] == ["spotpy"]  # one that is there need not be run


class Here:
    """A machine whose commands are told what to say."""

    def __init__(self, found, **plan):
        self.python, self.said = "python", []
        self.plan = {"declared": ["a"], "of_conda": [], "name": "lab", "strict": False}
        self.plan |= {"imports": {"spotpy": "run.py"}, **plan}
        self.wanted_version, self.found = "6", found

    def server_version(self):
        return "6"

    def run(self, *command, stdin="", root=False):
        return json.dumps(self.found) if stdin else ""

    def say(self, word, text=""):
        self.said.append((word, text))


FOUND = {"bad": {}, "tried": 1, "missing": ["spotpy"]}


def test_what_is_missing_is_a_warning_unless_it_must_not_be():
    machine = Here(FOUND)
    checks.test(machine)
    assert ("missing", "spotpy run.py") in machine.said
    assert ("told", "1 of 1 packages import") in machine.said
    with pytest.raises(Failed, match="the code imports: spotpy"):
        checks.test(Here(FOUND, strict=True))


def test_what_cannot_be_imported_is_the_end():
    with pytest.raises(Failed, match="these cannot be imported: a"):
        checks.test(Here({**FOUND, "bad": {"a": "ImportError: libGL"}}))


def test_a_server_of_another_version_is_the_end():
    machine = Here(FOUND)
    machine.wanted_version = "7"
    with pytest.raises(Failed, match="no jupyterhub-singleuser of the Hub's version"):
        checks.test(machine)
