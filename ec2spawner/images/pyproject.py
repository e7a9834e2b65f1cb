"""pyproject.toml, uv.lock and pixi.toml, as far as an image needs them. Pure."""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from .errors import ImageError
from .requirements import Requirements

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LINUX = ("unix", "linux", "linux-64")


@dataclass(frozen=True)
class Project:
    """What a project says that it needs."""

    pip: Requirements = field(default_factory=Requirements)
    python: str = ""


def read_pyproject(path: str, text: str, lock: str = "") -> Project:
    """What ``[project]`` asks for, at the versions of its uv.lock.

    :param lock: the text of uv.lock, if there is one
    :raises ImageError: when there is no such table, or the lock is of another one
    """
    project = load_toml(path, text).get("project")
    if not isinstance(project, dict):
        raise ImageError(
            f"{path} has no [project] table, so it says no dependencies: write a "
            "requirements.txt"
        )
    wants = tuple(str(each) for each in project.get("dependencies", []))
    python = str(project.get("requires-python", ""))
    versions = _locked(lock) if lock else ()
    if lock and (changed := _changed_since(wants, python, lock)):
        raise ImageError(
            f"uv.lock is older than {path}, which asks for {', '.join(changed)}: run "
            "uv lock, or give --ignore uv.lock"
        )
    return Project(Requirements(wants, versions), python)


def _locked(lock: str) -> tuple[str, ...]:
    """Of each package the version, if there is one only: else it depends on markers."""
    versions: dict[str, set[str]] = defaultdict(set)
    for package in load_toml("uv.lock", lock).get("package", []):
        if "registry" in package.get("source", {}):
            versions[package["name"]].add(package["version"])
    return tuple(f"{n}=={v.pop()}" for n, v in sorted(versions.items()) if len(v) == 1)


def _changed_since(wants: tuple[str, ...], python: str, lock: str) -> list[str]:
    """What the project asks for now, and did not when its lock was made.

    Of markers nothing is said: uv writes them in words of its own.
    """
    found = load_toml("uv.lock", lock)
    own = next((p for p in found.get("package", []) if _is_own(p)), None)
    if own is None:
        return []
    listed = own.get("metadata", {}).get("requires-dist", [])
    asked = {
        (str(canonicalize_name(each["name"])), SpecifierSet(each.get("specifier", "")))
        for each in listed
        # A table of uv's own says where these come from.
        if not {"git", "url", "path", "directory", "editable"} & set(each)
    }
    elsewhere = {str(canonicalize_name(each["name"])) for each in listed}
    elsewhere -= {name for name, _ in asked}
    changed = []
    for line in wants:
        try:
            want = Requirement(line)
        except InvalidRequirement:
            continue  # the solver says it
        name = str(canonicalize_name(want.name))
        if name not in elsewhere and (name, want.specifier) not in asked:
            changed.append(line)
    then = str(found.get("requires-python", ""))
    with suppress(InvalidSpecifier):  # said elsewhere
        if then and python and SpecifierSet(python) != SpecifierSet(then):
            changed.append(f"Python {python}")
    return changed


def _is_own(package: dict[str, Any]) -> bool:
    return "." in package.get("source", {}).values()


def addresses_in(lock: str) -> list[str]:
    """Where a uv.lock takes packages from that are of no index."""
    sources = [p.get("source", {}) for p in load_toml("uv.lock", lock)["package"]]
    return [str(s[kind]) for s in sources for kind in ("git", "url") if kind in s]


@dataclass(frozen=True)
class Pixi:
    """What a project of pixi asks for in its usual environment, on Linux."""

    channels: tuple[str, ...]
    #: as conda writes them
    specs: tuple[str, ...]
    pip: Requirements


def read_pixi(path: str, text: str) -> Pixi | None:
    """None for a pyproject.toml that is not pixi's.

    https://pixi.sh/latest/reference/pixi_manifest/
    """
    found = load_toml(path, text)
    own = found if path.endswith("pixi.toml") else found.get("tool", {}).get("pixi")
    if own is None:
        return None
    space = own.get("workspace") or own.get("project") or {}
    channels = [c if isinstance(c, str) else c["channel"] for c in space["channels"]]
    specs: list[str] = []
    pip = [] if own is found else found.get("project", {}).get("dependencies", [])
    for table in (own, *(own.get("target", {}).get(t, {}) for t in _LINUX)):
        specs += [_spec(*each) for each in table.get("dependencies", {}).items()]
        for name, asked in table.get("pypi-dependencies", {}).items():
            if not isinstance(asked, dict) or not {"path", "editable"} & set(asked):
                pip.append(_spec(name, asked).replace(" ", ""))
    return Pixi(tuple(channels), tuple(specs), Requirements(tuple(map(str, pip))))


def _spec(name: str, asked: Any) -> str:
    version = asked.get("version", "*") if isinstance(asked, dict) else asked
    return name if version == "*" else f"{name} {version}"


def load_toml(path: str, text: str) -> dict[str, Any]:
    """:raises ImageError: when it is no TOML"""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ImageError(f"{path} is no TOML: {e}. Mend it") from e
