"""What a recipe was solved to: Python, lock, where uv is. Remembered on this computer.

Unpinned packages move on, so solving the same again may give another lock, and with it
another image. What was solved once stays so until somebody wants it anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename
from pydantic import TypeAdapter

from .conda import (
    Package,
    as_constraints,
    python_of,
    rattler_version,
    read_pixi_lock,
    solve_conda,
)
from .errors import ImageError
from .index import File, Indexes, files_of
from .lock import KERNEL, Lock, export, solve, solve_server, uv_version, without
from .pythons import Choice, choose, is_for_machines, newest_pin, offers_of
from .recipe import Recipe
from .requirements import names_of, pins

# Whoever changes what a question or an answer says counts up.
_FORMAT = 1
_MOST_KEPT = 200
_LARGEST = 5_000_000


@dataclass(frozen=True)
class Question:
    """All that an answer depends on, beside the time."""

    recipe: Recipe
    indexes: Indexes
    #: as wheels call it: ``x86_64``
    processor: str
    #: the Python that somebody wants; empty for none in particular
    python: str = ""
    #: as in ``Wishes``
    as_of: str = ""
    #: as in ``solve``
    builds: bool = True

    @property
    def pythons(self) -> str:
        """Which will do, as ``requires-python`` says it; empty for any."""
        return f"=={self.python}.*" if self.python else self.recipe.python

    @property
    def digest(self) -> str:
        tools = [uv_version()]
        if self.recipe.conda is not None:
            with suppress(PackageNotFoundError):  # solve_conda says it in words
                tools.append(rattler_version())
        asked = [_FORMAT, tools, asdict(self)]
        text = json.dumps(asked, sort_keys=True, default=sorted)  # sets
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Solved:
    """The answer."""

    choice: Choice
    lock: Lock
    #: the wheel of uv for machines
    uv: File
    as_of: str = ""
    #: what conda installs, before pip
    conda: tuple[Package, ...] = ()
    #: when, in seconds since the epoch, if that was earlier; 0 for just now
    at: float = 0.0


_ANSWERS: TypeAdapter[Any] = TypeAdapter(Solved)
_LINES: TypeAdapter[Any] = TypeAdapter(tuple[str, ...])


class Remembered:
    """Answers in a folder, a file for each question. What cannot be read or written
    there is solved again."""

    def __init__(self, folder: Path, most: int = _MOST_KEPT) -> None:
        self._folder = folder
        self._most = most

    def find(self, digest: str, kind: TypeAdapter[Any] = _ANSWERS) -> Any:
        """None for what is not there."""
        path = self._folder / f"{digest}.json"
        try:
            if path.stat().st_size > _LARGEST:
                return None
            found = kind.validate_json(path.read_bytes())
            os.utime(path)  # what is asked for stays
        except (OSError, ValueError):
            return None
        return found

    def keep(self, digest: str, solved: Any, kind: TypeAdapter[Any] = _ANSWERS) -> None:
        """Write it at once and whole, or not at all."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                file.write(kind.dump_json(solved))
            os.replace(file.name, self._folder / f"{digest}.json")
            self._forget()

    def _forget(self) -> None:
        """All but the ones that were asked for last."""
        by_age = sorted(
            self._folder.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True
        )
        for path in by_age[self._most :]:
            path.unlink(missing_ok=True)


def remembered_here() -> Remembered | None:
    """What this computer's user has solved; None for one without a home directory."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # What is not absolute does not count (XDG Base Directory Specification).
        base = Path(cache) if cache.startswith("/") else Path.home() / ".cache"
    except RuntimeError:
        return None
    return Remembered(base / "ec2spawner" / "locks")


def solve_once(
    question: Question,
    committed: str = "",
    remembered: Remembered | None = None,
    anew: bool = False,
) -> Solved:
    """The answer that was given to this question before, or a new one.

    :param committed: when the repository was changed last, ISO
    :param anew: whatever was answered before
    :raises ImageError: when there is none
    """
    digest = question.digest if remembered else ""
    if remembered and not anew:
        found: Solved | None = remembered.find(digest)
        if found is not None:
            return found
    solved = _solve(question, committed)
    if remembered:
        remembered.keep(digest, replace(solved, at=time.time()))
    return solved


def server_lock(
    wanted: Sequence[str],
    indexes: Indexes,
    remembered: Remembered | None = None,
    anew: bool = False,
) -> tuple[str, ...]:
    """The lock of the server's own environment: one for all images of this computer.

    :param wanted: what it must have
    :param anew: whatever was answered before
    :raises ImageError: when no versions go together
    """
    asked = json.dumps([_FORMAT, uv_version(), list(wanted), asdict(indexes)])
    digest = hashlib.sha256(f"server {asked}".encode()).hexdigest()
    if remembered and not anew and (found := remembered.find(digest, _LINES)):
        return tuple(found)
    lines = solve_server(wanted, indexes)
    if remembered:
        remembered.keep(digest, lines, _LINES)
    return lines


def _solve(question: Question, committed: str) -> Solved:
    recipe, processor, indexes = question.recipe, question.processor, question.indexes
    conda: tuple[Package, ...] = ()
    builds = question.builds
    if recipe.conda is not None:
        as_of = "" if question.as_of == "no" else question.as_of
        pip, kernel, why = recipe.pip, False, "conda's solver has it"
        if recipe.pixi:
            conda, lines = read_pixi_lock(
                recipe.pixi, recipe.conda, pip.lines, processor
            )
            kernel, why = KERNEL not in {p.name for p in conda}, "pixi.lock has it"
            pip = replace(pip, lines=lines)
        else:
            conda = solve_conda(recipe.conda, question.pythons, processor, as_of)
        choice = Choice(python_of(conda), why=why)
        limits = (*pip.constraints, *as_constraints(conda))
        pip = replace(pip, constraints=limits)
        lock = solve(pip, choice.python, indexes, processor, as_of, kernel, builds)
        lock = without(lock, limits)
    else:
        if recipe.uv is not None:
            recipe = _as_locked(recipe, *recipe.uv)
        choice = _choice(question)
        as_of = _as_of(question.as_of, choice, committed)
        lock = solve(
            recipe.pip, choice.python, indexes, processor, as_of, builds=builds
        )
    uv = uv_wheel(indexes, processor)
    return Solved(choice, lock, uv, as_of, conda)


def _as_locked(recipe: Recipe, project: str, lock: str) -> Recipe:
    """At the versions of its uv.lock."""
    limits = (*recipe.pip.constraints, *export(project, lock))
    pip = replace(recipe.pip, constraints=tuple(dict.fromkeys(limits)))
    return replace(recipe, pip=pip)


def _choice(question: Question) -> Choice:
    """By what there is for the pins, where it is not said."""
    pip = question.recipe.pip
    wanted = names_of(pip.lines)
    pinned = {
        name: version
        for name, version in pins((*pip.constraints, *pip.lines)).items()
        if name in wanted
    }
    files = files_of(list(pinned), question.indexes)
    return choose(offers_of(pinned, files, question.processor), question.pythons)


def _as_of(wish: str, choice: Choice, committed: str) -> str:
    """What is not pinned should be of the time of what is, where that is old."""
    if wish:
        return "" if wish == "no" else wish
    if not choice.is_old or not newest_pin(choice.offers):
        return ""  # an index that does not say when cannot be asked for it
    day = max(newest_pin(choice.offers)[:10], committed[:10])
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def uv_wheel(indexes: Indexes, processor: str) -> File:
    """The wheel of the uv that is here, for machines.

    :raises ImageError: when there is none
    """
    wanted = uv_version()
    for file in files_of(["uv"], indexes.for_machines)["uv"]:
        if not file.name.startswith(f"uv-{wanted}-") or not file.url.startswith("http"):
            continue
        tags = parse_wheel_filename(file.name)[3]
        if any(is_for_machines(tag.platform, processor) for tag in tags):
            return file
    raise ImageError(
        f"no package index has uv {wanted} for machines with {processor}: install "
        "another version of uv here"
    )
