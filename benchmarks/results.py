"""What a benchmark has found: kept as JSON, shown as a table, with its versions."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("ec2spawner", "jupyterhub", "boto3", "botocore")


@dataclass(frozen=True)
class Row:
    """One comparison, of one run. Less is better.

    :ivar than: what ``other`` is the figure of
    :ivar goal: what is wanted, in words; empty where nothing was said
    """

    what: str
    unit: str
    ours: float
    other: float
    than: str
    goal: str = ""

    @property
    def ratio(self) -> float | None:
        """Times as much for the other; None where there is nothing to divide by."""
        return self.other / self.ours if self.ours else None


@dataclass(frozen=True)
class Result:
    name: str
    purpose: str
    date: str
    quick: bool
    versions: dict[str, str]
    rows: tuple[Row, ...]

    def as_json(self) -> str:
        rows = [{**asdict(row), "ratio": _rounded(row.ratio)} for row in self.rows]
        return json.dumps({**asdict(self), "rows": rows}, indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> Result:
        found = json.loads(path.read_text())
        for row in found["rows"]:
            del row["ratio"]
        return cls(**{**found, "rows": tuple(Row(**row) for row in found["rows"])})


def result(name: str, purpose: str, quick: bool, rows: Iterable[Row]) -> Result:
    """What was found, with when, with what, and where."""
    versions = {each: version(each) for each in _PACKAGES}
    versions["python"] = platform.python_version()
    versions["cores"] = str(os.cpu_count())
    today = datetime.date.today().isoformat()
    return Result(name, purpose, today, quick, versions, tuple(rows))


def write(found: Result, folder: Path = FOLDER) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{found.name}.json"
    path.write_text(found.as_json())
    return path


def read_all(folder: Path = FOLDER) -> list[Result]:
    """Every result that is kept, by name."""
    return [Result.read(path) for path in sorted(folder.glob("*.json"))]


def table(found: Result) -> str:
    """Markdown: the purpose, a table, and what it was made with."""
    head = ["", "here", "compared with", "", "times as much"]
    goals = any(row.goal for row in found.rows)
    lines = [_cells(row, goals) for row in found.rows]
    if goals:
        head.append("goal")
    text = "\n".join(
        ["| " + " | ".join(each) + " |" for each in (head, ["-"] * len(head), *lines)]
    )
    with_what = ", ".join(f"{name} {v}" for name, v in found.versions.items())
    return f"{found.purpose}\n\n{text}\n\n{found.date}; {with_what}.\n"


def _cells(row: Row, goals: bool) -> Sequence[str]:
    ratio = row.ratio
    return [
        row.what,
        f"{_figure(row.ours)} {row.unit}",
        row.than,
        f"{_figure(row.other)} {row.unit}",
        _figure(ratio) if ratio is not None else "",
        *([row.goal] if goals else []),
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
