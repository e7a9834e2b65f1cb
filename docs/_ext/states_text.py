"""How a server's state changes, as reStructuredText: from the code that changes it.

Pure: it knows nothing of Sphinx, so that a test can read what the page will say.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from ec2spawner.core import events, kept_events, notice_events, ready_events
from ec2spawner.core.errors import Reason
from ec2spawner.core.event import Event
from ec2spawner.core.state import ACTS, Phase, Wish


def acts_rst() -> list[str]:
    """What is done next: a row for each phase, a column for each wish."""
    head = ["", *(f"``{wish.value}``" for wish in Wish)]
    rows = [
        [f"``{phase.value}``", *(ACTS[phase, wish].value for wish in Wish)]
        for phase in Phase
    ]
    return _table(head, rows)


def all_events() -> list[type[Event]]:
    """In the order of their source."""
    return [
        member
        for module in (events, ready_events, notice_events, kept_events)
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, Event)
        and member.__module__ == module.__name__
    ]


def events_rst() -> list[str]:
    """A row for each event: when it is possible, and what it says."""
    rows = [
        [f"``{event.__name__}``", _phases(event), _first_paragraph(event)]
        for event in all_events()
    ]
    return _table(["Event", "Possible in", "What has happened"], rows)


def reasons_rst() -> list[str]:
    """The reasons of failed starts, in a line."""
    return [", ".join(f"``{reason.value}``" for reason in Reason) + ".", ""]


def _phases(event: type[Event]) -> str:
    if event.phases is None:
        return "any, and without a launch"
    names = ", ".join(f"``{p.value}``" for p in Phase if p in event.phases)
    return f"{names}; only to ``{Wish.SERVE.value}``" if event.serving else names


def _first_paragraph(event: type[Event]) -> str:
    return " ".join((inspect.getdoc(event) or "").split("\n\n")[0].split())


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for first, *others in (head, *rows):
        lines += [f"   * - {first}".rstrip(), *(f"     - {each}" for each in others)]
    return [*lines, ""]
