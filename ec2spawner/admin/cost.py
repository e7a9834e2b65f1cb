"""The command ``ec2spawner cost``."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
import time
from collections.abc import Iterator, Sequence

from ..costs.report import Line, in_all, report
from ..costs.runs import bounds, month_of
from .collect import survey
from .ledger import read_ledger
from .options import CostOptions
from .table import Table, show

_EVER = "all"


class CostApp(CostOptions):
    """``ec2spawner cost``, which does what its options say."""

    def start(self) -> None:
        now = time.time()
        month = "" if self.month == _EVER else self.month or month_of(now)
        try:
            since, until = bounds(month)
        except ValueError:
            self.fail(f"{month!r} is no month: give one such as {month_of(now)}", 2)
        hub = self.hub()
        seen = asyncio.run(survey(hub, archives=True))
        ledger, why = read_ledger(hub, seen, since, archives=True)
        for each in seen.trouble:
            self._say(f"{each}. What goes on there is counted until it was last seen")
        if why:
            self._say(f"the ledger cannot be read, so this is what runs now: {why}")
        runs = list(ledger.runs.values())
        lines = report(runs, self.by, now, since, until)
        everything = in_all(runs, now, since, until)
        if self.json:
            print(_as_json(self.by, month, lines, everything))
        elif self.csv:
            print(_as_csv(self.by, lines), end="")
        else:
            show(_as_table(self.by, month, lines, everything))
        if unknown := sorted(everything.spent.unknown):
            self._say(
                "nobody knows the price of these, which are counted as nothing: "
                f"{', '.join(unknown)}. c.EC2Spawner.prices can tell it"
            )
        self.exit(1 if seen.trouble or why else 0)

    def _say(self, text: str) -> None:
        print(f"{self.name}: {text}", file=sys.stderr)


_AMOUNTS = ("machines", "storage", "total")


def _as_table(
    by: str, month: str, lines: Sequence[Line], everything: Line
) -> str | Table:
    if not lines:
        return f"Nothing was spent in {month}." if month else "Nothing was spent."
    rows = [_cells(line) for line in lines]
    rows.append(("TOTAL", *_cells(everything)[1:]))
    head = (by.upper(), *(f"{name.upper()} USD" for name in _AMOUNTS), "HOURS")
    return Table(head, [row[: len(head)] for row in rows])


def _cells(line: Line) -> tuple[str, ...]:
    amounts = (f"{amount:.2f}" for amount in _amounts(line))
    # What has no price is not free.
    more = "+" if line.spent.unknown else ""
    machines, storage, total = amounts
    return line.name, machines, storage, total + more, f"{line.hours:.1f}"


def _amounts(line: Line) -> Iterator[float]:
    yield from (line.spent.machines, line.spent.storage, line.spent.usd)


def _row(line: Line) -> dict[str, object]:
    amounts = zip(_AMOUNTS, _amounts(line))
    return {
        **{f"{name}_usd": round(amount, 4) for name, amount in amounts},
        "machine_hours": round(line.hours, 2),
        "price_unknown": sorted(line.spent.unknown),
    }


def _as_csv(by: str, lines: Sequence[Line]) -> str:
    text = io.StringIO()
    rows = [{by: _no_formula(line.name), **_row(line)} for line in lines]
    head = [by, *_row(Line("", in_all([], 0).spent))]
    writer = csv.DictWriter(text, head, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        unknown = row["price_unknown"]
        assert isinstance(unknown, list)
        writer.writerow({**row, "price_unknown": " ".join(unknown)})
    return text.getvalue()


def _no_formula(name: str) -> str:
    """A name that no spreadsheet takes for a formula: users may choose theirs."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name


def _as_json(by: str, month: str, lines: Sequence[Line], everything: Line) -> str:
    found = {
        "month": month or None,
        "by": by,
        "lines": [{by: line.name, **_row(line)} for line in lines],
        "total": _row(everything),
    }
    return json.dumps(found, indent=2)
