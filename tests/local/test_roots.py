"""Roots for booted machines: made once, by one, whole or not at all.

The commands that make them are stood in for: tests/machine has the real ones.
"""

import threading
import time

import pytest

from ec2spawner.local.machines import roots


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(roots.FOLDER_VARIABLE, str(tmp_path / "roots"))
    monkeypatch.setattr(roots, "check_needs", lambda: None)
    return tmp_path / "roots"


@pytest.fixture
def made(monkeypatch):
    """What was run; instead of mmdebstrap, a folder is made."""
    commands = []

    def run(what, *command):
        commands.append(command)
        if command[0] == "mmdebstrap":
            time.sleep(0.2)
            target = roots.Path(command[-1])
            (target / "etc").mkdir(parents=True)
            (target / "etc/hostname").write_text("builder")

    monkeypatch.setattr(roots, "_run", run)
    return commands


def test_a_root_is_made_once_and_then_taken_from_the_cache(cache, made):
    root = roots.ready()
    assert root.parent == cache and root == roots.ready()
    assert [c[0] for c in made].count("mmdebstrap") == 1
    assert (root / "etc/machine-id").read_text() == ""
    assert not (root / "etc/hostname").exists()
    assert {p.name for p in cache.iterdir()} == {root.name, "lock"}
    assert cache.stat().st_mode & 0o777 == 0o700


def test_builders_at_once_make_one_root(cache, made):
    threads = [threading.Thread(target=roots.ready) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [c[0] for c in made].count("mmdebstrap") == 1


def test_another_recipe_is_another_root():
    names = {
        roots.Recipe().name,
        roots.Recipe(suite="trixie", python="3.13").name,
        roots.Recipe(wheels=("jupyterhub==6.0.0",)).name,
        roots.Recipe(files=()).name,
    }
    assert len(names) == 4
    assert roots.Recipe().name == roots.Recipe().name


def test_a_build_that_fails_leaves_nothing_and_is_explained(cache, monkeypatch):
    def ends(command, **options):
        return roots.subprocess.CompletedProcess(command, 1, "E: no network here\n")

    monkeypatch.setattr(roots.subprocess, "run", ends)
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
    assert "mmdebstrap systemd-container" in str(caught.value)
    assert "iproute2" not in str(caught.value)


def test_without_root_it_says_so(monkeypatch):
    monkeypatch.setattr(roots, "_found", lambda name: True)
    monkeypatch.setattr(roots.os, "geteuid", lambda: 1000)
    with pytest.raises(roots.CannotBoot, match="sudo"):
        roots.check_needs()


def test_a_path_that_an_overlay_cannot_have_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(roots, "check_needs", lambda: None)
    monkeypatch.setenv(roots.FOLDER_VARIABLE, str(tmp_path / "a:b"))
    with pytest.raises(roots.CannotBoot, match=roots.FOLDER_VARIABLE):
        roots.ready()
