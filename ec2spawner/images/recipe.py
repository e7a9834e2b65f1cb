"""From the files of a repository to its recipe: what an image must hold. Pure.

Which files count, and in which order, is repo2docker's, where it is not said here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from .errors import ImageError
from .pyproject import read_pixi, read_pyproject
from .requirements import Requirements, logical_lines, read_lines, read_requirements

#: where environment files are looked for: the first that has one counts
PLACES = ("binder", ".binder", "")
#: and if none has: in these, one level down
NEARBY = ("environment", "environments", "env", "envs", "conda", "requirements")
#: what makes a place one of environment files
_PIXI = "pixi.lock"
_ENVIRONMENT = (_PIXI, "environment.yml", "environment.yaml", "requirements.txt")
_PROJECT = ("pyproject.toml",)
#: beside these
_BESIDES = ("apt.txt", "postBuild", "runtime.txt", ".python-version")
# What nobody expects to be passed over in silence.
_REFUSED = {
    "Dockerfile": "a container, which is no machine",
    "install.R": "packages for R",
    "DESCRIPTION": "a package of R",
    "Project.toml": "packages for Julia",
    "default.nix": "a Nix environment",
    "pixi.toml": "a project of pixi without its pixi.lock",
    "conda-lock.yml": "a lock of conda-lock",
    "Pipfile": "an environment of pipenv",
    "Pipfile.lock": "a lock of pipenv",
}
KNOWN = (*_ENVIRONMENT, *_PROJECT, *_BESIDES, *_REFUSED, "uv.lock", "setup.py")

_APT = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_PYTHON = re.compile(r"(?:python-?)?(\d+)\.(\d+)(?:\.\d+)?")
_CONDA_PYTHON = re.compile(r"python\s*(?P<rest>[=<>!~ ].*)?$")


@dataclass(frozen=True)
class Conda:
    """What an environment.yml asks of conda."""

    channels: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """What a repository asks for."""

    #: the files that count
    used: tuple[str, ...] = ()
    #: what is passed over, or was found in an unusual place: for the person who builds
    notes: tuple[str, ...] = ()
    pip: Requirements = field(default_factory=Requirements)
    conda: Conda | None = None
    #: which Pythons will do, as ``requires-python`` says it; empty for any
    python: str = ""
    apt: tuple[str, ...] = ()
    #: a program that runs when all is installed; empty for none
    post_build: str = ""
    #: pyproject.toml and its uv.lock, if that counts
    uv: tuple[str, str] | None = None
    #: the text of pixi.lock, if that counts: then nothing is solved
    pixi: str = ""


def read_recipe(
    files: Mapping[str, str], subdir: str = "", ignored: tuple[str, ...] = ()
) -> Recipe:
    """The recipe of a repository.

    :param files: path -> text, of all files that may count (see :data:`KNOWN`)
    :param subdir: the folder that counts, if it is not the repository's own
    :param ignored: names of files that an admin wants to be passed over
    :raises ImageError: when there is none, or it asks for what we cannot do
    """
    files = {p: t for p, t in files.items() if posixpath.basename(p) not in ignored}
    place, notes = _find_place(files, subdir.strip("/"))
    here = {
        posixpath.basename(path): path
        for path in files
        if posixpath.dirname(path) == place
    }
    _refuse(here)
    recipe = Recipe(notes=notes)
    for name, read in _READERS:
        passed = recipe.pixi and name in _ENVIRONMENT
        if name in here and not passed and not (name in _PROJECT and recipe.used):
            recipe = read(recipe, here[name], files)
    for name in sorted(set(here).intersection(KNOWN)):
        if here[name] not in recipe.used:
            recipe = _noted(recipe, f"{here[name]} is ignored")
    if place in PLACES[:2]:
        at_root = [n for n in _ENVIRONMENT if n in files]
        recipe = _noted(recipe, *(f"{n} is ignored: {place}/ counts" for n in at_root))
    return _noted(recipe, *recipe.pip.notes)


def _find_place(files: Mapping[str, str], subdir: str) -> tuple[str, tuple[str, ...]]:
    """The folder whose files count, and what to say of it."""
    folders: dict[str, set[str]] = {}
    for path in files:
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, set()).add(name)
    if subdir:
        places = [subdir]
    else:
        places = list(PLACES)
    wanted = {*_ENVIRONMENT, *_PROJECT, *_REFUSED}
    for place in places:
        if folders.get(place, set()) & wanted:
            return place, ()
    base = f"{subdir}/" if subdir else ""
    near = [base + each for each in NEARBY]
    near = [each for each in near if folders.get(each, set()) & wanted]
    if len(near) == 1:
        names = ", ".join(sorted(folders[near[0]] & wanted))
        return near[0], (f"{names} was found in {near[0]}/",)
    if near:
        raise ImageError(
            f"environment files are in {', '.join(near)}: say with --subdir which of "
            "them counts"
        )
    some = sorted(p for p in files if posixpath.basename(p) in wanted)
    hint = f"give its folder with --subdir: {', '.join(some)}" if some else "add one"
    raise ImageError(
        f"there is no environment.yml, requirements.txt or pyproject.toml in "
        f"{subdir or 'the repository'}: {hint}"
    )


def _refuse(here: Mapping[str, str]) -> None:
    bad = [name for name in _REFUSED if name in here]
    if _PIXI in here and "pixi.toml" in bad:
        bad.remove("pixi.toml")
    if not bad:
        return
    ours = [n for n in (*_ENVIRONMENT, *_PROJECT) if n in here]
    what = "; ".join(f"{here[name]} is {_REFUSED[name]}" for name in bad)
    if ours:
        way = " ".join(f"--ignore {name}" for name in bad)
        remedy = f"to build from {' and '.join(ours)} all the same, give {way}"
    else:
        remedy = "write an environment.yml or requirements.txt"
    raise ImageError(f"{what}, of which no image is made: {remedy}")


def _noted(recipe: Recipe, *notes: str) -> Recipe:
    return replace(recipe, notes=tuple(dict.fromkeys((*recipe.notes, *notes))))


def _used(recipe: Recipe, *paths: str, **changes: Any) -> Recipe:
    return replace(recipe, used=(*recipe.used, *paths), **changes)


# The files, one by one.


def _pixi(recipe: Recipe, path: str, files: Mapping[str, str]) -> Recipe:
    folder = posixpath.dirname(path)
    for name in ("pixi.toml", "pyproject.toml"):
        manifest = posixpath.join(folder, name)
        if manifest in files and (found := read_pixi(manifest, files[manifest])):
            conda = Conda(found.channels, found.specs)
            recipe = replace(recipe, conda=conda, pip=found.pip, pixi=files[path])
            return _used(recipe, manifest, path)
    raise ImageError(f"{path} has no pixi.toml beside it: add it")


def _environment(recipe: Recipe, path: str, files: Mapping[str, str]) -> Recipe:
    if recipe.conda is not None:
        return recipe  # environment.yml and environment.yaml: the first
    try:
        found = yaml.safe_load(files[path]) or {}
    except yaml.YAMLError as e:
        where = " ".join(str(e).split())
        raise ImageError(f"{path} is no YAML: {where}. Mend it") from e
    wants = found.get("dependencies") if isinstance(found, dict) else None
    if not isinstance(wants, list):
        raise ImageError(f"{path} has no list of dependencies: add one")
    specs: list[str] = []
    pip = recipe.pip
    python = recipe.python
    for each in wants:
        if isinstance(each, dict) and isinstance(each.get("pip"), list):
            pip += read_lines([str(line) for line in each["pip"]], path, files)
        elif isinstance(each, str):
            specs.append(each)
            if match := _CONDA_PYTHON.fullmatch(each.strip()):
                python = _from_conda(match["rest"] or "") or python
        else:
            raise ImageError(f"{path}: {each!r} is no package: mend the line")
    channels = tuple(str(c) for c in found.get("channels") or ())
    conda = Conda(channels or ("conda-forge",), tuple(specs))
    return _used(recipe, path, conda=conda, pip=pip, python=python)


def _from_conda(rest: str) -> str:
    """``=3.8``, ``==3.8.*``, ``>=3.8,<3.10`` as ``requires-python`` says it."""
    rest = rest.replace(" ", "").split("=cpython")[0]
    if match := re.fullmatch(r"={0,2}(\d+\.\d+)(?:\.\d+)?(?:\.?\*)?", rest):
        return f"=={match[1]}.*"
    return _checked(rest, "environment.yml")


def _checked(specifier: str, path: str) -> str:
    try:
        return str(SpecifierSet(specifier))
    except InvalidSpecifier as e:
        raise ImageError(
            f"{path} asks for Python {specifier!r}, which is no version: mend it"
        ) from e


def _requirements(recipe: Recipe, path: str, files: Mapping[str, str]) -> Recipe:
    return _used(recipe, path, pip=recipe.pip + read_requirements(path, files))


def _pyproject(recipe: Recipe, path: str, files: Mapping[str, str]) -> Recipe:
    lock = posixpath.join(posixpath.dirname(path), "uv.lock")
    found = read_pyproject(path, files[path], files.get(lock, ""))
    python = recipe.python or _checked(found.python, path)
    recipe = _used(recipe, path, pip=recipe.pip + found.pip, python=python)
    if lock not in files:
        return recipe
    return _used(recipe, lock, uv=(files[path], files[lock]))


def _apt(recipe: Recipe, path: str, files: Mapping[str, str]) -> Recipe:
    names = [n for line in logical_lines(files[path]) for n in line.split()]
    for name in names:
        if not _APT.fullmatch(name):
            raise ImageError(f"{path}: {name!r} is no name of a package: mend the line")
    return _used(recipe, path, apt=tuple(dict.fromkeys(names)))


def _post_build(recipe: Recipe, path: str, files: Mapping[str, str]) -> Recipe:
    text = files[path]
    if not text.startswith("#!"):
        text = f"#!/bin/bash\n{text}"
    return _used(recipe, path, post_build=text)


def _python(recipe: Recipe, path: str, files: Mapping[str, str]) -> Recipe:
    said = next(logical_lines(files[path]), "")
    if said.startswith("r-"):
        raise ImageError(f"{path} asks for R, of which no image is made")
    match = _PYTHON.fullmatch(said)
    if match is None:
        raise ImageError(f"{path} asks for {said!r}, which is no Python: mend it")
    return _used(recipe, path, python=f"=={match[1]}.{match[2]}.*")


_Reader = Callable[[Recipe, str, Mapping[str, str]], Recipe]
#: in this order: conda first, pip on top, and what says more of Python last
_READERS: tuple[tuple[str, _Reader], ...] = (
    (_PIXI, _pixi),
    ("environment.yml", _environment),
    ("environment.yaml", _environment),
    ("requirements.txt", _requirements),
    ("pyproject.toml", _pyproject),
    ("apt.txt", _apt),
    ("postBuild", _post_build),
    (".python-version", _python),
    ("runtime.txt", _python),
)
