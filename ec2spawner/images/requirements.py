"""requirements.txt, read as pip reads it. Pure.

pip's documentation, "Requirements File Format".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .errors import ImageError

_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASH = re.compile(r"\s+--hash[=\s]\S+")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_OPTION = re.compile(r"(--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s+|(?<=^-[a-z]))?(.*)$")
_REMOTE = re.compile(r"(git|hg|svn|bzr)\+\S+://|https?://")

_INCLUDES = {"-r", "--requirement"}
_CONSTRAINTS = {"-c", "--constraint"}
_INDEXES = {"-i", "--index-url", "--extra-index-url"}
_EDITABLE = {"-e", "--editable"}


@dataclass(frozen=True)
class Requirements:
    """What requirements files ask for, those that they name included."""

    #: as pip writes them: ``numpy==1.18.1``
    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    #: package indexes that they name, beside the usual one
    indexes: tuple[str, ...] = ()
    #: what of them is left out, and why
    notes: tuple[str, ...] = ()
    _seen: frozenset[str] = field(default=frozenset(), repr=False)

    def __add__(self, other: Requirements) -> Requirements:
        return Requirements(
            tuple(dict.fromkeys((*self.lines, *other.lines))),
            tuple(dict.fromkeys((*self.constraints, *other.constraints))),
            tuple(dict.fromkeys((*self.indexes, *other.indexes))),
            tuple(dict.fromkeys((*self.notes, *other.notes))),
        )


def read_requirements(
    path: str, files: Mapping[str, str], _above: tuple[str, ...] = ()
) -> Requirements:
    """Read one requirements file, and those that it includes.

    :param files: path in the repository -> text
    :raises ImageError: when a file is not there, includes itself, or cannot be read
    """
    if path in _above:
        raise ImageError(f"{path} includes itself: take one of the -r lines out")
    if path not in files:
        raise ImageError(
            f"{_above[-1] if _above else 'the repository'} names {path}, which is not "
            "in the repository: add the file, or take the line out"
        )
    found = Requirements()
    for line in logical_lines(files[path]):
        found += _read_line(line, path, files, (*_above, path))
    return found


def read_lines(lines: list[str], path: str, files: Mapping[str, str]) -> Requirements:
    """Lines of a requirements file that are in another one, such as environment.yml."""
    found = Requirements()
    for line in logical_lines("\n".join(lines)):
        found += _read_line(line, path, files, (path,))
    return found


def logical_lines(text: str) -> Iterator[str]:
    """Without comments, and with what a backslash continues."""
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        if line := " ".join(_COMMENT.sub("", line).split()):
            yield line


def _read_line(
    line: str, path: str, files: Mapping[str, str], above: tuple[str, ...]
) -> Requirements:
    if line.startswith("-"):
        return _read_option(line, path, files, above)
    line = _HASH.sub("", line).strip()
    if _is_local(line):
        return Requirements(notes=(_left_out(path, line),))
    if _REMOTE.match(line):
        egg = _EGG.search(line)
        return Requirements((f"{egg[1]} @ {line}" if egg else line,))
    try:
        Requirement(line)
    except InvalidRequirement as e:
        why = str(e).splitlines()[0]
        raise ImageError(f"{path}: {line!r} names no package: {why}. Mend it") from e
    return Requirements((line,))


def _read_option(
    line: str, path: str, files: Mapping[str, str], above: tuple[str, ...]
) -> Requirements:
    match = _OPTION.match(line)
    name, value = (match[1], match[2].strip()) if match else (line, "")
    if len(name) > 2 and not name.startswith("--"):  # -rbase.txt
        name, value = name[:2], name[2:] + value
    if name in _INCLUDES | _CONSTRAINTS:
        where = posixpath.normpath(posixpath.join(posixpath.dirname(path), value))
        read = read_requirements(where, files, above)
        if name in _INCLUDES:
            return read
        return replace(read, lines=(), constraints=read.lines + read.constraints)
    if name in _INDEXES:
        return Requirements(indexes=(value,))
    if name in _EDITABLE and not _is_local(value):
        return _read_line(value, path, files, above)
    return Requirements(notes=(_left_out(path, line),))


def _is_local(line: str) -> bool:
    """It is a folder or file of the repository."""
    path = line.split("[")[0].strip()
    return path == "." or path.startswith(("./", "../", "/", "file:"))


def _left_out(path: str, line: str) -> str:
    return f"{path}: {line!r} is left out"


def names_of(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The packages that these ask for, as indexes write them."""
    found = []
    for line in lines:
        try:
            found.append(canonicalize_name(Requirement(line).name))
        except InvalidRequirement:
            continue  # an address without a name
    return tuple(dict.fromkeys(found))


def pins(lines: tuple[str, ...]) -> dict[str, str]:
    """Package -> version, of those that name exactly one."""
    found = {}
    for line in lines:
        try:
            asked = Requirement(line)
        except InvalidRequirement:
            continue
        for each in asked.specifier:
            if each.operator in ("==", "===") and not each.version.endswith(".*"):
                found[str(canonicalize_name(asked.name))] = each.version
    return found
