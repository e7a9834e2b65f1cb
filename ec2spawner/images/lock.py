"""The lock: every package of a kernel with its version. Solved here, by uv."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ImageError
from .index import Indexes
from .pythons import GLIBC
from .requirements import Requirements

#: what makes an environment a kernel
KERNEL = "ipykernel"
#: the oldest that JupyterHub runs on (its pyproject.toml, ``requires-python``)
SERVERS_PYTHON = "3.10"
_SOLVE_SECONDS = 600
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:==([^\s;]+)| @ \S+)")
# What uv says before the reasons.
_NOISE = re.compile(r"^\s*×\s*No solution found when resolving dependencies:\s*$")


@dataclass(frozen=True)
class Lock:
    """What is installed, as uv and pip read it."""

    #: one a line: ``numpy==1.18.1``
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def versions(self) -> dict[str, str]:
        """Package -> version; empty for what comes from an address."""
        matches = filter(None, map(_LINE.match, self.lines))
        return {match[1]: match[2] or "" for match in matches}


# It builds what has no wheel. Any will do; a search takes seconds, more where uv may
# download one and cannot.
_ANY_PYTHON = ("--python", sys.executable)


def solve(
    wanted: Requirements,
    python: str,
    indexes: Indexes,
    architecture: str = "x86_64",
    as_of: str = "",
    kernel: bool = True,
    builds: bool = True,
) -> Lock:
    """The versions that go together, of everything that is needed.

    :param python: ``3.8``
    :param kernel: make a kernel of it; False where conda does
    :param builds: run the build programs of what has no wheel, to learn what it needs
    :param as_of: nothing that was published later, ISO; empty for no limit
    :raises ImageError: when none do. It has the solver's reasons, which name the pins
    """
    with tempfile.TemporaryDirectory(prefix="ec2spawner-lock-") as place:
        wants = _write(
            Path(place) / "wanted.txt", [*[KERNEL][: int(kernel)], *wanted.lines]
        )
        limits = _write(Path(place) / "constraints.txt", wanted.constraints)
        command = [
            *(uv_program(), "pip", "compile", wants, "--constraints", limits),
            *("--quiet", "--color=never", "--no-config"),
            *_ANY_PYTHON,
            *("--no-header", "--no-annotate", "--python-version", python),
            *("--python-platform", f"{architecture}-manylinux_2_{GLIBC}"),
            *index_options(indexes.with_more(wanted.indexes)),
        ]
        if not builds:
            command += ["--no-build"]
        if as_of:
            command += ["--exclude-newer", as_of]
        if not (kernel or wanted.lines):
            return Lock(())
        return Lock(tuple(filter(None, map(str.strip, _run(command).splitlines()))))


def solve_server(wanted: Sequence[str], indexes: Indexes) -> tuple[str, ...]:
    """The lock of the server's own environment, for any Python that a base may have.

    :param wanted: what it must have, as pip writes it
    :raises ImageError: when no versions go together
    """
    with tempfile.TemporaryDirectory(prefix="ec2spawner-lock-") as place:
        command = [
            *(uv_program(), "pip", "compile", "--universal"),
            *("--quiet", "--color=never", "--no-config", "--no-build"),
            *_ANY_PYTHON,
            *("--no-header", "--no-annotate", "--python-version", SERVERS_PYTHON),
            *index_options(indexes),
            _write(Path(place) / "server.txt", wanted),
        ]
        return tuple(filter(None, map(str.strip, _run(command).splitlines())))


def export(project: str, lock: str) -> tuple[str, ...]:
    """What a uv.lock says, for all systems and Pythons, as pip writes it.

    :param project: the text of its pyproject.toml
    :raises ImageError: when uv cannot read it
    """
    with tempfile.TemporaryDirectory(prefix="ec2spawner-lock-") as place:
        (Path(place) / "pyproject.toml").write_text(project)
        (Path(place) / "uv.lock").write_text(lock)
        command = [
            *(uv_program(), "export", "--directory", place, "--frozen", "--offline"),
            *("--quiet", "--color=never", "--no-config", "--no-hashes"),
            *("--no-header", "--no-annotate", "--no-default-groups"),
            *("--no-emit-workspace", "--no-emit-local", "--python", sys.executable),
        ]
        try:
            return tuple(filter(None, map(str.strip, _run(command).splitlines())))
        except ImageError as e:
            raise ImageError(
                "uv.lock cannot be read by the uv that is here: run uv lock anew, or "
                "give --ignore uv.lock"
            ) from e


def without(lock: Lock, lines: Sequence[str]) -> Lock:
    """What is not there already."""
    return Lock(tuple(line for line in lock.lines if line not in lines))


def index_options(indexes: Indexes) -> list[str]:
    """uv's words for the indexes: it reads nothing of pip's configuration."""
    options = ["--default-index", indexes.first]
    for url in indexes.all[1:]:
        options += ["--index", url]
    # As pip, which looks for the best version in all of them.
    return [*options, "--index-strategy", "unsafe-best-match"]


def uv_program() -> str:
    """:raises ImageError: when uv is not installed"""
    try:
        import uv
    except ImportError as e:
        raise ImageError(
            "uv is not installed, which finds versions that go together: "
            "pip install 'ec2spawner[image]'"
        ) from e
    return str(uv.find_uv_bin())


def uv_version() -> str:
    """Of the uv that is here: machines use the same."""
    return _run([uv_program(), "--version"]).split()[1]


def _write(path: Path, lines: Sequence[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SOLVE_SECONDS,
        )
    except subprocess.TimeoutExpired as e:
        raise ImageError(
            f"no versions that go together were found in {_SOLVE_SECONDS} s: pin some "
            "of the packages"
        ) from e
    if done.returncode:
        raise ImageError(
            f"no versions of the packages go together: {_reasons(done.stderr)}. Change "
            "one of them"
        )
    return done.stdout


def _reasons(text: str) -> str:
    """uv's reasons in one paragraph."""
    lines = [line for line in text.splitlines() if not _NOISE.match(line)]
    words = " ".join(" ".join(lines).replace("╰─▶", " ").split())
    return words.removeprefix("error: ").rstrip(".") or "uv did not say why"
