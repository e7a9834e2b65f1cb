"""What a user of the Hub is to know of budgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...costs import budget_words
from ...costs.budget import decide, shown
from ...fleet.budgeting import Budgeting
from ...server.context import HasContext


def groups_of(user: Any) -> list[str]:
    """The groups that a user of the Hub is in."""
    return [group.name for group in user.orm_user.groups]


def running(user: Any) -> Iterator[str]:
    """The names of a user's servers of ours that run, and are not about to stop."""
    for name, spawner in list(user.spawners.items()):
        ours = isinstance(spawner, HasContext)
        if ours and spawner.active and not spawner.pending:
            yield name


def budget_lines(budgeting: Budgeting, user: Any) -> list[str]:
    """How much is left, for whoever wants to know it."""
    if not budgeting.budgets:
        return []
    uses = budgeting.uses(user.name, groups_of(user))
    return [budget_words.so_far(use) for use in shown(uses)]


def budget_notices(budgeting: Budgeting, user: Any) -> list[str]:
    """What a user of the Hub is to know of budgets, for its pages."""
    if not budgeting.budgets:
        return []
    uses = budgeting.uses(user.name, groups_of(user))
    budgeting.note(uses)
    at = budgeting.stops_at(uses) if list(running(user)) else 0.0
    return list(budget_words.notices(decide(uses), at))
