"""What doctor has found, on one screen. Pure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from .rows.check import Check, Verdict

_WIDTH = 88
#: of what needs nobody so many words are enough
_MOST_WORDS = 66


def as_text(checks: Sequence[Check], seconds: float) -> str:
    """A line for each row that is well; a paragraph for each thing that is not."""
    lines: list[str] = []
    for name in dict.fromkeys(check.name for check in checks):
        of_row = [check for check in checks if check.name == name]
        if well := [c for c in of_row if c.verdict is Verdict.OK]:
            words = "; ".join(dict.fromkeys(map(_short, well)))
            lines.append(_head(well[0], textwrap.shorten(words, _MOST_WORDS)))
        for check in of_row:
            if check.verdict is not Verdict.OK:
                lines += _paragraph(check)
    return "\n".join([*lines, "", summary(checks, seconds)])


def _short(check: Check) -> str:
    about = f"{check.about}: " if check.about and check.about not in check.says else ""
    return f"{about}{check.says}"


def _head(check: Check, says: str) -> str:
    return f"{_mark(check):<10}{check.name:<17}{says}"


def _mark(check: Check) -> str:
    loud = check.verdict in (Verdict.PROBLEM, Verdict.WARNING)
    return check.verdict.value.upper() if loud else check.verdict.value


def _paragraph(check: Check) -> Iterator[str]:
    first, *rest = _wrapped(check.says, _WIDTH - 27) or [""]
    yield _head(check, first)
    for line in rest:
        yield f"{'':27}{line}"
    if check.why:
        for number, line in enumerate(_wrapped(check.why, _WIDTH - 32)):
            yield f"{'':27}{'Why: ' if number == 0 else '     '}{line}"
    if check.fix:
        # One line, to be copied.
        yield f"{'':27}Fix: {check.fix}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def summary(checks: Sequence[Check], seconds: float) -> str:
    """``17 checks in 2 s: 15 ok, 1 warning, 1 problem``."""
    counts = {each: sum(c.verdict is each for c in checks) for each in Verdict}
    words = []
    for verdict, count in counts.items():
        plural = "s" if count != 1 and verdict in _COUNTED else ""
        if count or verdict is Verdict.PROBLEM:
            words.append(f"{count or 'no'} {verdict.value}{plural}")
    return f"{len(checks)} checks in {seconds:.0f} s: {', '.join(words)}."


_COUNTED = (Verdict.WARNING, Verdict.PROBLEM)


def as_json(hub_id: str, checks: Sequence[Check]) -> str:
    """For programs."""
    found: dict[str, Any] = {
        "hub_id": hub_id,
        "problems": sum(c.verdict is Verdict.PROBLEM for c in checks),
        "warnings": sum(c.verdict is Verdict.WARNING for c in checks),
        "checks": [check.to_dict() for check in checks],
    }
    return json.dumps(found, indent=2)
