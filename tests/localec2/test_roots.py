"""Roots for booted machines: made once, by one, whole or not at all.

The commands that make them are stood in for: tests/machine has the real ones.
"""

import threading
import time

import pytest

from localec2.roots import roots
from localec2.roots.recipe import DIFFERENCES, Keyring, Recipe, recipe_for
from localec2.settings import SUITES


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(roots.FOLDER_VARIABLE, str(tmp_path / "roots"))
    return tmp_path / "roots"


@pytest.fixture
def made(monkeypatch):
    """What was run; instead of mmdebstrap, a folder is made."""
    commands = []

    def run(what, *command, tell=None):
        commands.append(command)
        if command[0] == "mmdebstrap":
            time.sleep(0.2)
            (target,) = [roots.Path(c) for c in command if c.endswith("/root")]
            target.mkdir()

    monkeypatch.setattr(roots, "_run", run)
    return commands


def test_a_root_is_made_once_and_then_taken_from_the_cache(cache, made):
    told = []
    root = roots.ready(tell=told.append)
    assert "fetching Jupyter" in told
    assert root.parent == cache and root == roots.ready(tell=pytest.fail)
    assert [c[0] for c in made].count("mmdebstrap") == 1
    assert {p.name for p in cache.iterdir()} == {root.name, "lock"}
    assert cache.stat().st_mode & 0o777 == 0o700


def test_builders_at_once_make_one_root(cache, made):
    threads = [threading.Thread(target=roots.ready) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [c[0] for c in made].count("mmdebstrap") == 1


def test_every_suite_has_a_recipe_and_every_recipe_a_suite():
    assert set(DIFFERENCES) == set(SUITES)


def test_another_recipe_is_another_root():
    recipes = [recipe_for(suite) for suite in SUITES]
    recipes += [Recipe(wheels=("jupyterhub==6.0.0",)), Recipe(files=())]
    assert len({recipe.name for recipe in recipes}) == len(SUITES) + 2
    assert Recipe().name == Recipe().name == recipe_for("bookworm").name


def test_a_build_that_fails_leaves_nothing_and_is_explained(cache, monkeypatch):
    really = roots.subprocess.Popen

    def ends(command, **options):
        return really(["sh", "-c", "echo E: no network here; exit 1"], **options)

    monkeypatch.setattr(roots.subprocess, "Popen", ends)
    with pytest.raises(roots.CannotBoot, match="no network here"):
        roots.ready()
    assert [p.name for p in cache.iterdir()] == ["lock"]


def test_what_a_killed_builder_left_is_removed(cache, made):
    left = cache / "bookworm-x.unfinished"
    left.mkdir(parents=True)
    roots.ready()
    assert not left.exists()


def test_what_is_missing_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(roots, "_found", lambda name: name in ("ip", "mount"))
    with pytest.raises(roots.CannotBoot) as caught:
        roots.check_needs()
    assert "apt-get install" in str(caught.value)
    assert "mmdebstrap" in str(caught.value)
    assert "systemd-container" in str(caught.value)
    assert "iproute2" not in str(caught.value)
    assert "qemu" not in str(caught.value)
    with pytest.raises(roots.CannotBoot, match="mmdebstrap .*qemu-system-x86"):
        roots.check_needs("qemu")


def test_without_root_it_says_so(monkeypatch):
    monkeypatch.setattr(roots, "_found", lambda name: True)
    monkeypatch.setattr(roots.os, "geteuid", lambda: 1000)
    with pytest.raises(roots.CannotBoot, match="sudo"):
        roots.check_needs()


def test_a_path_that_an_overlay_cannot_have_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(roots.FOLDER_VARIABLE, str(tmp_path / "a:b"))
    with pytest.raises(roots.CannotBoot, match=roots.FOLDER_VARIABLE):
        roots.ready()


def test_keys_that_are_not_the_expected_ones_are_refused(cache, made, tmp_path):
    package = tmp_path / "keys.deb"
    package.write_bytes(b"other keys")
    keyring = Keyring(package.as_uri(), "0" * 64, "keys.gpg")
    with pytest.raises(roots.CannotBoot, match="not what it was"):
        roots.ready(Recipe(mirror="http://mirror.example/", keyring=keyring))
    assert "mmdebstrap" not in [c[0] for c in made]
