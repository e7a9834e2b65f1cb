"""What was spent, by whom or on what. Pure: runs -> lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from .runs import Kind, Run
from .spent import Spent, total

_DAY = 86400.0
#: what has no name: a machine that no server had, a user without a group
NOBODY = "(nobody)"
NONE = "(none)"


@dataclass(frozen=True)
class Line:
    """One line of a report.

    :ivar hours: for which machines ran
    """

    name: str
    spent: Spent
    hours: float = 0.0


def _user(run: Run) -> tuple[str, ...]:
    return (run.who.user or NOBODY,)


def _group(run: Run) -> tuple[str, ...]:
    return run.who.groups or (NONE,)


def _profile(run: Run) -> tuple[str, ...]:
    # A home is of no profile.
    return (run.who.profile or (f"({run.kind.value})" if run.kind.stored else NONE),)


BY: dict[str, Callable[[Run], tuple[str, ...]]] = {
    "user": _user,
    "group": _group,
    "profile": _profile,
}
#: what a report can be by
WAYS = (*BY, "day")


def report(
    runs: Iterable[Run], by: str, now: float, since: float = 0.0, until: float = 0.0
) -> list[Line]:
    """Lines for what was spent between two moments, the dearest first, days in order.

    Who is in two groups is in the line of each, so that lines may add up to more than
    what was spent.

    :param by: one of :data:`WAYS`
    :param until: 0 for now
    """
    runs = [run for run in runs if run.seconds(now, since, until) > 0]
    if by == "day":
        return list(_days(runs, now, since, until or now))
    named: dict[str, list[Run]] = {}
    for run in runs:
        for name in BY[by](run):
            named.setdefault(name, []).append(run)
    lines = [_line(name, mine, now, since, until) for name, mine in named.items()]
    return sorted(lines, key=lambda line: (-line.spent.usd, line.name))


def in_all(
    runs: Iterable[Run], now: float, since: float = 0.0, until: float = 0.0
) -> Line:
    """What the hub has spent."""
    return _line("", list(runs), now, since, until)


def _days(runs: list[Run], now: float, since: float, until: float) -> Iterator[Line]:
    if not runs:
        return
    first = max(since, min(run.began for run in runs))
    day = first - first % _DAY
    while day < min(until, now + _DAY):
        name = datetime.fromtimestamp(day, timezone.utc).strftime("%Y-%m-%d")
        line = _line(name, runs, now, max(day, since), day + _DAY)
        if line.spent != Spent():
            yield line
        day += _DAY


def _line(name: str, runs: list[Run], now: float, since: float, until: float) -> Line:
    seconds = sum(r.seconds(now, since, until) for r in runs if r.kind is Kind.MACHINE)
    return Line(name, total(runs, now, since, until), seconds / 3600)
