"""What environment.yml asks of conda, solved here by py-rattler, or what a pixi.lock
has: no conda is needed."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .errors import ImageError
from .lock import KERNEL
from .pythons import GLIBC
from .recipe import Conda

_SOLVE_SECONDS = 600
_SUBDIRS = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}
#: the kernel that machines have at least, as packages ask for it
_LINUX = "5.10"
_PIXI_WAY = "run pixi lock, or give --ignore pixi.lock"
_PYTHON = re.compile(r"3\.(\d+)")


@dataclass(frozen=True)
class Package:
    """One package of conda, as a machine installs it."""

    name: str
    version: str
    url: str
    sha256: str = ""
    #: "python" or "generic" for one of any processor
    noarch: str = ""
    #: of Python itself: where its packages are, if that is not the usual place
    site_packages: str = ""

    @property
    def for_builder(self) -> list[str]:
        """As short as user-data needs it."""
        return [self.url, self.sha256, self.noarch, self.site_packages]


def solve_conda(
    asked: Conda, python: str, architecture: str = "x86_64", as_of: str = ""
) -> tuple[Package, ...]:
    """The packages that go together, the kernel's among them.

    :param python: as ``requires-python`` says it; empty for any
    :param as_of: nothing that was made later, ISO; empty for no limit
    :raises ImageError: when none do. It has the solver's reasons
    """
    rattler = _rattler()
    specs = list(asked.specs)
    if not any(re.match(r"python\b(?!-)", each) for each in specs):
        specs.append(f"python {python}" if python else "python")
    limit = None
    if as_of:
        limit = datetime.fromisoformat(as_of).replace(tzinfo=timezone.utc)

    async def solved() -> Any:
        return await rattler.solve(
            list(asked.channels),
            # Not strict: as conda itself reads them.
            [rattler.MatchSpec(each, strict=False) for each in (*specs, KERNEL)],
            platforms=[_SUBDIRS[architecture], "noarch"],
            virtual_packages=_virtual(rattler, architecture),
            exclude_newer=limit,
            timeout=timedelta(seconds=_SOLVE_SECONDS),
        )

    try:
        found = asyncio.run(solved())
    except Exception as e:  # rattler's errors have no common ancestor
        why = " ".join(str(e).split()).rstrip(".") or type(e).__name__
        raise ImageError(
            f"no packages of conda go together: {why}. Change one of environment.yml, "
            "or look whether its channels can be reached from here"
        ) from e
    return tuple(sorted(map(_package, found), key=lambda each: each.name))


def _rattler() -> Any:
    try:
        import rattler
    except ImportError as e:
        raise ImageError(
            "py-rattler is not installed, which reads environment.yml and pixi.lock: "
            "pip install 'ec2spawner[image]'"
        ) from e
    return rattler


def read_pixi_lock(
    text: str, asked: Conda, pip: Sequence[str], architecture: str = "x86_64"
) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """What a pixi.lock has for its usual environment: of conda, and for pip.

    :param asked: what the project asks of conda now
    :param pip: what it asks of pip
    :raises ImageError: when the lock cannot be read, or is older than the project
    """
    rattler = _rattler()
    subdir = _SUBDIRS[architecture]
    with tempfile.TemporaryDirectory(prefix="ec2spawner-lock-") as place:
        path = Path(place) / "pixi.lock"
        path.write_text(text)
        try:
            locked = rattler.LockFile.from_path(path).default_environment()
            platforms = {each.name: each for each in locked.platforms()}
            found = locked.packages(platforms[subdir]) or []
            records = locked.conda_repodata_records_for_platform(platforms[subdir])
        except KeyError as e:
            raise ImageError(f"pixi.lock has nothing for {subdir}: {_PIXI_WAY}") from e
        except Exception as e:  # rattler's errors have no common ancestor
            why = " ".join(str(e).split()).rstrip(".")
            raise ImageError(f"pixi.lock cannot be read ({why}): {_PIXI_WAY}") from e
    versions = {each.name: each for each in found}
    of_pip = {
        str(canonicalize_name(each.name)): each
        for each in found
        if isinstance(each, rattler.lock.PypiLockedPackage)
    }
    changed = []
    for spec in asked.specs:
        wanted = rattler.MatchSpec(spec, strict=False)
        there = versions.get(wanted.name.normalized)
        if there is None or not there.satisfies(wanted):
            changed.append(spec)
    for line in pip:
        want = Requirement(line)
        there = of_pip.get(str(canonicalize_name(want.name)))
        if there is None or not want.specifier.contains(there.version, True):
            changed.append(line)
    if changed:
        raise ImageError(
            "pixi.lock is older than its project, which asks for "
            f"{', '.join(changed)}: {_PIXI_WAY}"
        )
    packages = sorted(map(_package, records or ()), key=lambda each: each.name)
    lines = [f"{name}=={each.version}" for name, each in of_pip.items()]
    return tuple(packages), tuple(sorted(lines))


def _virtual(rattler: Any, architecture: str) -> list[Any]:
    """What machines have of themselves, whatever this computer is."""
    there = {"__unix": "0", "__linux": _LINUX, "__glibc": f"2.{GLIBC}"}
    made = [
        rattler.GenericVirtualPackage(
            rattler.PackageName(name),
            rattler.Version(number),
            rattler.BuildString("0"),
        )
        for name, number in there.items()
    ]
    arch = rattler.GenericVirtualPackage(
        rattler.PackageName("__archspec"),
        rattler.Version("1"),
        rattler.BuildString(architecture),
    )
    return [*made, arch]


def _package(record: Any) -> Package:
    noarch = record.noarch
    return Package(
        record.name.normalized,
        str(record.version),
        record.url,
        record.sha256.hex() if record.sha256 else "",
        "python" if noarch.python else "generic" if noarch.generic else "",
        record.python_site_packages_path or "",
    )


def python_of(packages: Sequence[Package]) -> int:
    """The minor version of the Python among them."""
    said = next((p.version for p in packages if p.name == "python"), "")
    match = _PYTHON.match(said)
    if match is None:
        raise ImageError(
            "environment.yml ends in no Python 3: ask for python in its dependencies"
        )
    return int(match[1])


def as_constraints(packages: Sequence[Package]) -> tuple[str, ...]:
    """What pip must leave as conda installs it. Most have one name in both."""
    return tuple(
        f"{canonicalize_name(each.name)}=={each.version}"
        for each in packages
        if each.name != "python" and re.fullmatch(r"[\d.]+", each.version)
    )


def rattler_version() -> str:
    """Of the one that is here: machines use the same."""
    return version("py-rattler")


def names_of_conda(asked: Conda | None) -> tuple[str, ...]:
    """The packages that it names, as pip would: Python itself left out."""
    found = []
    for spec in asked.specs if asked else ():
        name = re.split(r"[ =<>!~\[]", spec.rpartition("::")[2].strip())[0]
        if name and name != "python":
            found.append(str(canonicalize_name(name)))
    return tuple(dict.fromkeys(found))
