"""Notices on every page of the Hub, by the Hub's own means: its announcement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from ..server.context import HasContext
from ..server.notices import after_end
from .records import last_end

# What the Hub's templates show at the top of a page. The other two replace the
# first on a page of their own, where an admin has set them.
_EVERYWHERE = "announcement"
_ON_ONE_PAGE = ("announcement_home", "announcement_spawn")


def with_notices(template_vars: Mapping[str, Any]) -> dict[str, Any]:
    """An admin's variables for templates, with a user's notices among them.

    A callable value is given the user who looks at the page (JupyterHub,
    ``JupyterHub.template_vars``).
    """
    names = {_EVERYWHERE, *(n for n in _ON_ONE_PAGE if n in template_vars)}
    shown = {name: _announcement(template_vars.get(name, "")) for name in names}
    return {**template_vars, **shown}


def _announcement(of_the_admin: Any) -> Callable[[Any], str]:
    def text(user: Any) -> str:
        own = of_the_admin(user) if callable(of_the_admin) else of_the_admin
        lines = [str(own)] if own else []
        # Machines have a say in these words, so they are never HTML.
        return "<br>".join([*lines, *map(escape, notices_of(user))])

    return text


def notices_of(user: Any) -> list[str]:
    """What a user should know of all their servers.

    :param user: whoever looks at a page: a user, a service, or nobody
    """
    rows = getattr(getattr(user, "orm_user", None), "orm_spawners", {})
    found = []
    for name, row in rows.items():
        # A server that is stopped has no spawner, and must not get one by this.
        spawner = dict.get(user.spawners, name)
        if isinstance(spawner, HasContext):
            found += spawner.notices()
        elif last := last_end(row.state):
            found.append(after_end(last))
    return found
