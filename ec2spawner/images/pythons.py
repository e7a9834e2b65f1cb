"""Which Python: the newest for which the pinned versions have wheels. Pure.

A solver would have to try one Python after the other, seconds each, and says less: the
wheels' own names tell for which Pythons there are any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from .errors import ImageError
from .index import File

Minor = int
#: what kernels can have: ``uv python list`` and the distributions have no older ones
SUPPORTED = range(8, 15)
# With nothing else to go by, as of 2026: nearly every package has wheels for it.
DEFAULT = 12
# Older than these a Python gets nothing of what its packages' makers publish today.
_STILL_SERVED = 11
#: the C library that machines have at least: Debian 10 and Amazon Linux 2023 and later
GLIBC = 28
# PEP 600: what the older names stand for.
_LEGACY = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
_MANYLINUX = re.compile(r"manylinux_2_(\d+)_(\w+)|(manylinux(?:1|2010|2014))_(\w+)")
_CPYTHON = re.compile(r"cp3(\d+)")


@dataclass(frozen=True)
class Offer:
    """What an index has of one version of a package."""

    name: str
    version: str
    #: minor versions of Python 3 for which there is a wheel
    pythons: frozenset[Minor] = frozenset()
    #: there is a wheel for any Python
    pure: bool = False
    #: there is a source distribution
    source: bool = False
    uploaded: str = ""

    def fits(self, minor: Minor) -> bool:
        """It can be installed: by a wheel, or built where no Linux has a wheel."""
        return minor in self.pythons or (self.source and not self.pythons)

    def builds(self, minor: Minor) -> bool:
        """It has to be built on the machine."""
        return self.source and minor not in self.pythons

    def __str__(self) -> str:
        if self.pure:
            what = "any Python"
        elif self.pythons:
            what = "wheels for " + " ".join(f"3.{m}" for m in sorted(self.pythons))
        else:
            what = "source only" if self.source else "nothing for Linux"
        return f"{self.name}=={self.version}: {what}"


@dataclass(frozen=True)
class Choice:
    """A Python, and why."""

    minor: Minor
    offers: tuple[Offer, ...] = ()
    #: in words
    why: str = ""

    @property
    def python(self) -> str:
        return f"3.{self.minor}"

    @property
    def is_old(self) -> bool:
        """What is not pinned should be of its pins' time, or may not go with them."""
        return self.minor < _STILL_SERVED


def offer(
    name: str, version: str, files: Iterable[File], architecture: str = "x86_64"
) -> Offer:
    """What there is of one version.

    :param files: of the package, of all versions
    """
    wanted = Version(version)
    pythons: set[Minor] = set()
    pure = source = False
    uploaded: list[str] = []
    for file in files:
        found, tags = _read(file.name)
        if found != wanted:
            continue
        uploaded.append(file.uploaded)
        allowed = {m for m in SUPPORTED if _allows(file.python, m)}
        if tags is None:
            source = True
            continue
        for tag in tags:
            if (fit := _fit(tag, architecture)) is not None:
                pythons |= fit & allowed
                pure = pure or tag.abi == "none" and tag.platform == "any"
    first = min((each for each in uploaded if each), default="")
    return Offer(name, version, frozenset(pythons), pure, source, first)


def _read(name: str) -> tuple[Version | None, frozenset[Tag] | None]:
    """The version, and the tags of a wheel, or None for those of a source."""
    try:
        if name.endswith(".whl"):
            _, version, _, tags = parse_wheel_filename(name)
            return version, tags
        _, version = parse_sdist_filename(name)
        return version, None
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None, None


def _fit(tag: Tag, architecture: str) -> set[Minor] | None:
    """The Pythons that a wheel's tag stands for, if it is for our machines at all."""
    if not is_for_machines(tag.platform, architecture):
        return None
    if tag.interpreter in ("py3", "py2.py3"):
        return set(SUPPORTED)
    if (match := re.fullmatch(r"py3(\d+)", tag.interpreter)) is not None:
        return {m for m in SUPPORTED if m >= int(match[1])}
    match = _CPYTHON.fullmatch(tag.interpreter)
    if match is None or tag.abi.endswith("t"):
        return None
    minor = int(match[1])
    if tag.abi == "abi3":
        return {m for m in SUPPORTED if m >= minor}
    return {minor}.intersection(SUPPORTED)


def is_for_machines(platform: str, architecture: str) -> bool:
    if platform == "any":
        return True
    match = _MANYLINUX.fullmatch(platform)
    if match is None:
        return False
    glibc = int(match[1]) if match[1] else _LEGACY[match[3]]
    return glibc <= GLIBC and (match[2] or match[4]) == architecture


def _allows(specifier: str, minor: Minor) -> bool:
    try:
        # Of "<3.9" and "!=3.0.*" the last release of each Python tells.
        return SpecifierSet(specifier).contains(f"3.{minor}.99", prereleases=True)
    except InvalidSpecifier:
        return True


def choose(offers: Iterable[Offer], asked: str = "") -> Choice:
    """The Python for these pins.

    :param asked: what the repository says itself, as ``requires-python``
    :raises ImageError: when there is none. It names the pins that are at odds
    """
    offers = tuple(offers)
    order = [DEFAULT, *range(DEFAULT - 1, SUPPORTED.start - 1, -1)]
    order += range(DEFAULT + 1, SUPPORTED.stop)
    allowed = [m for m in order if _asked(asked, m)]
    if not allowed:
        raise ImageError(
            f"the repository asks for Python {asked}, and kernels can have "
            f"3.{SUPPORTED[0]} to 3.{SUPPORTED[-1]}: ask for one of these"
        )
    fit = [m for m in allowed if all(each.fits(m) for each in offers)]
    if fit:
        return Choice(fit[0], offers, _why(fit[0], offers, asked))
    best = max(allowed, key=lambda m: sum(each.fits(m) for each in offers))
    bad = [each for each in offers if not each.fits(best)]
    told = "; ".join(map(str, bad))
    because = f" of those that the repository allows ({asked})" if asked else ""
    raise ImageError(
        f"there is no Python{because} for all pins. For 3.{best}, which most have, "
        f"these are missing: {told}. Pin them to other versions"
    )


def _asked(specifier: str, minor: Minor) -> bool:
    match = re.fullmatch(r"==3\.(\d+)\.\*", specifier)
    return int(match[1]) == minor if match else _allows(specifier, minor)


def _why(minor: Minor, offers: tuple[Offer, ...], asked: str) -> str:
    if asked:
        return f"the repository asks for it ({asked})"
    newest = max((each.uploaded for each in offers), default="")
    if minor == DEFAULT:
        return "what there is if nothing asks for another"
    when = f"; the newest pin is of {newest[:10]}" if newest else ""
    return f"the newest for which the pins have wheels{when}"


def newest_pin(offers: Iterable[Offer]) -> str:
    """When the newest of them was published, ISO; empty when no index says it."""
    return max((each.uploaded for each in offers), default="")


def offers_of(
    pins: Mapping[str, str],
    files: Mapping[str, Iterable[File]],
    architecture: str = "x86_64",
) -> tuple[Offer, ...]:
    """What there is of each pin.

    :raises ImageError: for a version that no index has
    """
    found = []
    for name, version in sorted(pins.items()):
        made = offer(name, version, files[name], architecture)
        if not (made.pythons or made.source):
            raise ImageError(
                f"{name}=={version} has no file for Linux on {architecture} in any "
                "package index: pin it to another version"
            )
        found.append(made)
    return tuple(found)
