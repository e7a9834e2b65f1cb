"""One look for all commands: tables on a terminal, aligned text elsewhere; and times.

rich draws on a terminal, where it is installed (the extra ``terminal``). It is imported
only then: what a script reads needs none of it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
# What is marked by its colour, too: a word that is all of a cell, or where a line of
# text begins.
_COLOURS = {
    "ok": "green",
    "running": "green",
    "in-use": "green",
    "stopped": "cyan",
    "WARNING": "bold yellow",
    "PROBLEM": "bold red",
    "not ended": "bold red",
}
# A page of facts: ``  STATE       it does not run``; and doctor's paragraphs.
_HEADS = r"(?m)^  [A-Z][A-Z ]*[A-Z](?=  )|^ +(Why|Fix):"


@dataclass(frozen=True)
class Table:
    """Rows of text below a head; as text, its columns are as wide as what is in them.

    Users, and whoever sets tags, have a say in it: what would move the cursor is shown.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [list(self.head), *map(_printable, self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.head))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
            for line in lines
        )


def _printable(row: Sequence[str]) -> list[str]:
    return [
        "".join(c if c.isprintable() else repr(c)[1:-1] for c in cell) for cell in row
    ]


def show(*blocks: str | Table) -> None:
    """Print them, with an empty line between two."""
    console = _terminal()
    for number, block in enumerate(blocks):
        if number:
            print()
        if console is None:
            print(block)
        else:
            _draw(console, block)


def _terminal() -> Console | None:
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False)


def _draw(console: Console, block: str | Table) -> None:
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    if isinstance(block, str):
        text = Text(block)
        text.highlight_regex(_HEADS, "bold")
        for word, colour in _COLOURS.items():
            text.highlight_regex(rf"(?m)^{word}(?=  |$)", colour)
        # A command that is to be copied stays one line.
        console.print(text, soft_wrap=True)
        return
    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for at, name in enumerate(block.head):
        # What is copied, an id, is not broken in two.
        drawn.add_column(name, overflow="fold", no_wrap=at == 0)
    for row in map(_printable, block.rows):
        drawn.add_row(*(Text(cell, _COLOURS.get(cell, "")) for cell in row))
    console.print(drawn)


def duration(seconds: float) -> str:
    """``1.5 d``, ``3.2 h``, ``12 min``, ``40 s``: two figures are enough."""
    for size, unit in _UNITS:
        if seconds >= size:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
