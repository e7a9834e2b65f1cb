"""What a stranger's repository asks for, read by a process without secrets."""

import io
import json
import os
import sys
import tarfile
import time
from pathlib import Path

import pytest

from ec2spawner.ec2.facts import Image
from ec2spawner.images.builds import errand as module
from ec2spawner.images.builds.apart import plan_for_stranger
from ec2spawner.images.builds.errand import Errand, NotPlanned, lacking, plan_apart
from ec2spawner.images.errors import ImageError, Unreadable

from ..git_server import git_server
from ..test_plan import indexes  # noqa: F401

BASE = Image("ami-base", "/dev/xvda", "x86_64", frozenset({"/dev/xvda"}), 8)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with git_server(tmp_path_factory.mktemp("git")) as made:
        yield made


@pytest.fixture(autouse=True)
def here(server, indexes, tmp_path, monkeypatch):  # noqa: F811
    """This computer: its index, its certificates, and its home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("GIT_SSL_CAINFO", str(server.folder / "cert.pem"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", indexes.first)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    server.asked.clear()
    return tmp_path


def errand(url, ref="", **more):
    return Errand(url, ref, "lab", BASE, **more)


async def plan(url, ref="", **more):
    return await plan_apart(errand(url, ref, **more), 60)


async def test_a_repository_is_planned_as_the_command_would(server):
    url = server.commit("hydro", {"requirements.txt": "fast==1.0\n"})
    found = await plan(url)
    assert found.name == "hydro" and found.image_name.startswith("ec2spawner/hydro/")
    assert "Python 3.9" in found.description and found.tags["ec2spawner:source"] == url
    assert found.user_data_bytes[:2] == b"\x1f\x8b"
    assert found.solved_at == 0.0
    again = await plan(url, "main")
    assert again.key == found.key and again.solved_at > 0


async def test_what_cannot_be_had_is_said_in_words(server):
    url = server.commit("unsolvable", {"requirements.txt": "fast==1.0\nplain<1\n"})
    with pytest.raises(ImageError, match="no versions of the packages go together.*pl"):
        await plan(url)
    with pytest.raises(Unreadable, match="cannot be read"):
        await plan(f"{server.url}/nothing")
    with pytest.raises(Unreadable, match="cannot be read"):
        plan_for_stranger(errand(url, "no-such-branch"))


@pytest.mark.parametrize(
    "files, what",
    [
        ({"requirements.txt": "x @ http://169.254.169.254/x.whl"}, "169.254"),
        ({"requirements.txt": "http://10.0.0.1/x-1.0-py3-none-any.whl"}, "10.0.0.1"),
        ({"requirements.txt": "git+https://example.org/x#egg=x"}, "git"),
        ({"requirements.txt": "--index-url http://10.0.0.1/\nfast"}, "10.0.0.1"),
        ({"requirements.txt": "--extra-index-url=http://10.0.0.1\nfast"}, "10.0.0.1"),
        ({"requirements.txt": "-c c.txt\nfast", "c.txt": "x @ file:///etc"}, "/etc"),
        (
            {"environment.yml": "channels: [http://10.0.0.1/]\ndependencies: [x]"},
            "10.0",
        ),
        ({"environment.yml": "channels: [/etc]\ndependencies: [x]"}, "/etc"),
        ({"environment.yml": "dependencies: ['x[url=http://10.0.0.1/x]']"}, "10.0.0.1"),
        ({"environment.yml": "dependencies: [pip: [x @ http://10.1/]]"}, "10.1"),
    ],
)
def test_this_computer_goes_nowhere_on_a_strangers_word(server, files, what):
    name = f"elsewhere-{abs(hash(what + str(files)))}"
    with pytest.raises(ImageError) as refused:
        plan_for_stranger(errand(server.commit(name, files)))
    assert what in str(refused.value)
    assert "the index that it is configured for" in str(refused.value)


def test_no_program_of_a_package_runs_here_unless_an_admin_wants_it(
    server, indexes, here  # noqa: F811
):
    url = server.commit("source-only", {"requirements.txt": "mean==1.0\n"})
    ran = here / "ran"
    make_source_package(indexes, f"open({str(ran)!r}, 'w').write('')")
    with pytest.raises(ImageError, match="mean"):
        plan_for_stranger(errand(url))
    assert not ran.exists()


def make_source_package(indexes, program):  # noqa: F811
    """``mean`` 1.0 of the index, which has no wheel."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in {
            "setup.py": f"{program}\nfrom setuptools import setup\nsetup(name='mean')",
            "PKG-INFO": "Metadata-Version: 1.0\nName: mean\nVersion: 1.0\n",
        }.items():
            info = tarfile.TarInfo(f"mean-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    folder = indexes.folder / "mean"
    folder.mkdir(exist_ok=True)
    (folder / "mean-1.0.tar.gz").write_bytes(made.getvalue())
    (folder / "index.html").write_text('<a href="mean-1.0.tar.gz">mean-1.0.tar.gz</a>')


def test_git_follows_no_redirect_and_gives_nobodys_password(server, here):
    url = server.commit("hydro", {"requirements.txt": "fast==1.0\n"})
    (here / ".netrc").write_text("machine localhost login ada password secret\n")
    (here / ".gitconfig").write_text(
        '[credential]\nhelper = "!echo username=ada; echo password=secret; :"\n'
    )
    for place in ("moved", "private"):
        with pytest.raises(ImageError, match="cannot be read") as refused:
            plan_for_stranger(errand(url.replace(server.url, f"{server.url}/{place}")))
        assert "secret" not in str(refused.value)
    assert {auth for _, auth in server.asked} == {""}
    assert all(path.startswith(("/moved/", "/private/")) for path, _ in server.asked)
    # With a configuration of git's own it can still be read.
    assert plan_for_stranger(errand(url)).name == "hydro"


@pytest.mark.parametrize("url", ["file:///etc", "/etc", ".", "ext::true", "ssh://x/y"])
def test_only_https_is_read_whatever_was_checked_before(url):
    with pytest.raises(ImageError):
        plan_for_stranger(errand(url))


async def test_the_process_knows_none_of_the_hubs_secrets(monkeypatch, tmp_path):
    for name in ("JUPYTERHUB_API_TOKEN", "AWS_SECRET_ACCESS_KEY", "JPY_COOKIE_SECRET"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("GIT_ASKPASS", "secret")
    assert "secret" not in json.dumps(module._environment())
    assert module._environment()["PATH"] == os.environ["PATH"]


async def test_who_takes_too_long_is_ended_with_all_that_it_has_started(
    monkeypatch, tmp_path
):
    child = tmp_path / "child"
    program = (
        "import subprocess, time; p = subprocess.Popen(['sleep', '4242']); "
        f"open({str(child)!r}, 'w').write(str(p.pid)); time.sleep(4242)"
    )
    monkeypatch.setattr(module, "_ARGUMENTS", ("-c", program))
    with pytest.raises(ImageError, match="took more than 2 s"):
        await plan_apart(errand("https://example.org/x/y"), 2)
    until = time.monotonic() + 30
    while child.exists() and runs(child.read_text()):
        assert time.monotonic() < until, "it goes on"


def runs(pid):
    """It is there, and not merely unburied."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_process_that_fails_is_no_repositorys_fault(monkeypatch):
    monkeypatch.setattr(module, "_ARGUMENTS", ("-c", "raise SystemExit('broken')"))
    with pytest.raises(NotPlanned, match="exit code 1: broken"):
        await plan(f"https://example.org/{sys.platform}")


def test_what_is_not_installed_is_named(monkeypatch):
    assert lacking() == []
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert lacking() == ["uv", "py-rattler", "pyyaml", "git"]
