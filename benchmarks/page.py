"""The tables of docs/explanation/performance.md, made from the kept results."""

from __future__ import annotations

from . import results

PAGE = results.FOLDER / "tables.md"


def text() -> str:
    """One section for each result."""
    found = results.read_all()
    return "\n".join(f"## {each.name}\n\n{results.table(each)}" for each in found)


def write() -> None:
    PAGE.write_text(text())
