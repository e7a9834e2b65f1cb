"""The command ``ec2spawner cost``."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
import time
from collections.abc import Iterator, Sequence

from traitlets import Bool, Enum, Unicode

from ..costs.report import WAYS, Line, in_all, report
from ..costs.runs import bounds, month_of
from .app import AdminApp
from .collect import survey
from .ledger import read_ledger
from .table import table

_EVER = "all"


class CostApp(AdminApp):
    """Say what a hub has cost: its machines, homes and disks, from its ledger.

    By user, by group, by profile or by day, of this month, another one, or in all. It
    asks EC2 for what goes on now, needs no right to read bills, and changes nothing. It
    works with the Hub running or down.
    """

    name = "ec2spawner cost"
    description = __doc__ or ""
    examples = """
ec2spawner cost
ec2spawner cost --by group --month 2026-11
ec2spawner cost --by day --csv > november.csv
ec2spawner cost --month all --json
"""
    by = Enum(WAYS, "user", help="By what: user, group, profile or day").tag(
        config=True
    )
    month = Unicode(
        help="Which month, such as 2026-11, in UTC; all for all time. Default: this one"
    ).tag(config=True)
    csv = Bool(False, help="Print CSV, for spreadsheets").tag(config=True)
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    aliases = {
        **AdminApp.aliases,
        "by": "CostApp.by",
        "month": "CostApp.month",
    }
    flags = {
        "csv": ({"CostApp": {"csv": True}}, csv.help),
        "json": ({"CostApp": {"json": True}}, json.help),
    }

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
            print(_as_text(self.by, month, lines, everything))
        if unknown := sorted(everything.spent.unknown):
            self._say(
                "nobody knows the price of these, which are counted as nothing: "
                f"{', '.join(unknown)}. c.EC2Spawner.prices can tell it"
            )
        self.exit(1 if seen.trouble or why else 0)

    def _say(self, text: str) -> None:
        print(f"{self.name}: {text}", file=sys.stderr)


_AMOUNTS = ("machines", "storage", "total")


def _as_text(by: str, month: str, lines: Sequence[Line], everything: Line) -> str:
    if not lines:
        return f"Nothing was spent in {month}." if month else "Nothing was spent."
    rows = [_cells(line) for line in lines]
    rows.append(("TOTAL", *_cells(everything)[1:]))
    head = (by.upper(), *(f"{name.upper()} USD" for name in _AMOUNTS), "HOURS")
    return table(head, [row[: len(head)] for row in rows])


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
