"""pyproject.toml and uv.lock, as far as an image needs them. Pure."""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from .errors import ImageError
from .requirements import Requirements

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Project:
    """What a project says that it needs."""

    pip: Requirements = field(default_factory=Requirements)
    python: str = ""


def read_pyproject(path: str, text: str, lock: str = "") -> Project:
    """What ``[project]`` asks for, at the versions of its uv.lock.

    :param lock: the text of uv.lock, if there is one
    :raises ImageError: when there is no such table
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
    return Project(Requirements(wants, versions), python)


def _locked(lock: str) -> tuple[str, ...]:
    """Of each package the version, if there is one only: else it depends on markers."""
    versions: dict[str, set[str]] = defaultdict(set)
    for package in load_toml("uv.lock", lock).get("package", []):
        if "registry" in package.get("source", {}):
            versions[package["name"]].add(package["version"])
    return tuple(f"{n}=={v.pop()}" for n, v in sorted(versions.items()) if len(v) == 1)


def load_toml(path: str, text: str) -> dict[str, Any]:
    """:raises ImageError: when it is no TOML"""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ImageError(f"{path} is no TOML: {e}. Mend it") from e
