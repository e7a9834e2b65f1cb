"""A link to the spawn page that has chosen already: it never starts anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..profiles.choose import options_from_form
from .render import render_note

# What is JupyterHub's own in the address of a spawn page (``SpawnHandler``).
_OF_THE_HUB = frozenset({"next", "display_name"})


@dataclass(frozen=True)
class Link:
    """What the address of a spawn page asks for: ``/hub/spawn?opt-profile=large``."""

    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What a person is told who has followed it, as HTML."""
        if not self.options:
            return ""
        return render_note(
            "A link has brought you here. Nothing is started by itself: check your "
            "choice and press Start."
        )


def take_link(handler: Any) -> Link:
    """What a request for the spawn page asks for. The Hub is not to see it any more.

    The Hub starts servers at a mere GET with options, so any page on the web could
    start machines that cost money.

    :param handler: the Hub's own for the page; anything else asks for nothing
    """
    request = getattr(handler, "request", None)
    if request is None or request.method != "GET":
        return Link()
    query = request.query_arguments
    taken = {n: query.pop(n) for n in list(query) if n not in _OF_THE_HUB}
    found = {
        name.removeprefix("opt-"): [value.decode("utf8", "replace") for value in values]
        for name, values in taken.items()
    }
    return Link(options_from_form(found))
