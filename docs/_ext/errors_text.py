"""The table of EC2's errors as reStructuredText.

Pure: it knows nothing of Sphinx, so that a test can read what the page will say.
"""

from __future__ import annotations

from itertools import groupby

from ec2spawner.ec2.errors.kinds import Meaning, Scope
from ec2spawner.ec2.errors.table import TABLE, Row


def errors_rst() -> list[str]:
    """A rubric for each kind of trouble, an entry for each meaning."""
    lines: list[str] = []
    for about, rows in groupby(TABLE, key=lambda row: row.about):
        lines += [f".. rubric:: {about}", ""]
        for row in rows:
            lines += [*_entry(row), ""]
    return lines


def _entry(row: Row) -> list[str]:
    meaning = row.meaning
    lines = [
        ", ".join(f"``{code}``" for code in row.codes) + _when(row),
        f"   | A launch: {meaning.kind.value}.",
    ]
    if meaning.scope is not Scope.NOTHING:
        lines.append(f"   | Speaks of {meaning.scope.value}, {_how_long(meaning)}.")
    lines.append(f"   | Users read: {meaning.user}")
    if meaning.hint:
        lines.append(f"   | For admins: {meaning.hint}.")
    return lines


def _when(row: Row) -> str:
    return f" that says “{row.says}”" if row.says else ""


def _how_long(meaning: Meaning) -> str:
    if not meaning.seconds:
        return "for this launch"
    if meaning.seconds < 3600:
        return f"for {meaning.seconds / 60:g} minutes"
    return f"for {meaning.seconds / 3600:g} h"
