"""Notices on every page of the Hub, by the Hub's own means: its announcement."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from markupsafe import Markup

from ...core.idleness import Step
from ...core.saved_state import readable
from ...fleet.runtime import runtime
from ...server.context import HasContext, ServerContext
from ...server.notices import about_to_stop, after_end
from .budgets import budget_notices
from .times import SCRIPT, with_times

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
        now = time.time()
        # Machines have a say in these words, so they are never HTML.
        told = [with_times(each, now) for each in notices_of(user)]
        lines = [Markup(own)] if own else []
        script = SCRIPT if any("<time" in each for each in told) else Markup("")
        return Markup("<br>").join([*lines, *told]) + script

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
            # In Jupyter it is told with a button.
            found += [*_stops_soon(spawner.context), *spawner.notices()]
        elif last := readable(row.state).last_end:
            found.append(after_end(last))
    return found + _of_budgets(user)


def _stops_soon(context: ServerContext) -> Iterator[str]:
    if context.verdict.step is not Step.STAY:
        yield about_to_stop(context.verdict, context.hub.server_name)


def _of_budgets(user: Any) -> list[str]:
    is_user = getattr(user, "orm_user", None) is not None
    return budget_notices(runtime().budgeting, user) if is_user else []
