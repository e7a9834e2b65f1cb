"""A git repository that somebody wants, checked against what a hub builds from. Pure.

What a user writes reaches git as it is here: an address by https of a host and a path
that the admin has named, without credentials, options or local paths.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.git_address import HOST, REF

_PATTERN = re.compile(rf"https://({HOST})((?:/[\w.+~*-]+)+)", re.ASCII)
# A part of a path, or what is left of one.
_ANY = r"[\w.+~-]*"


@dataclass(frozen=True)
class Repository:
    """Where it is, and which branch, tag or commit; empty for the usual one."""

    url: str
    ref: str = ""

    def __str__(self) -> str:
        return f"{self.url}@{self.ref}" if self.ref else self.url


def sources_pattern(sources: Sequence[str]) -> re.Pattern[str]:
    """What a text must match, all of it, to be a repository that a hub builds from.

    :param sources: addresses, in which ``*`` stands for anything within a part of the
        path: ``https://github.com/our-lab/*``
    :raises ValueError: for one that is no such address
    """
    found = "|".join(f"{_source_pattern(each)}" for each in sources)
    return re.compile(
        rf"(?P<url>{found or '(?!)'})(?:\.git)?/?(?:@(?P<ref>{REF}))?", re.ASCII
    )


def _source_pattern(source: str) -> str:
    match = _PATTERN.fullmatch(_without_ending(source))
    if match is None:
        raise ValueError(
            f"{source!r} is no address of repositories: write https://HOST/OWNER/NAME, "
            "where * stands for any name"
        )
    parts = []
    for part in match[2].split("/")[1:]:
        if part.startswith((".", "-")):
            raise ValueError(f"{source!r}: no part of a path begins with {part[0]!r}")
        text = re.escape(part).replace(r"\*", _ANY)
        parts.append(rf"(?=[A-Za-z0-9_]){text}")
    return "".join([f"https://{re.escape(match[1])}", *(f"/{each}" for each in parts)])


def _without_ending(url: str) -> str:
    return url.rstrip("/").removesuffix(".git")


def has_wildcard(sources: Sequence[str]) -> bool:
    """Whether there is more than one repository to choose from a source."""
    return any("*" in each for each in sources)


def read_repository(text: str, sources: Sequence[str]) -> Repository:
    """The repository that ``URL`` or ``URL@REF`` names.

    :raises ValueError: when a hub does not build from it
    """
    match = sources_pattern(sources).fullmatch(text)
    ref = (match["ref"] or "") if match else ""
    if match is None or ".." in ref:
        raise ValueError(f"{text[:200]!r} is not one of {', '.join(sources)}")
    # What is left of a greedy name is the same repository.
    return Repository(_without_ending(match["url"]), ref)


def hint(sources: Sequence[str]) -> str:
    """What may be written, for people."""
    return (
        f"Write the address of a git repository such as {', '.join(sources)}, with "
        "@ and a branch, tag or commit if you like."
    )
