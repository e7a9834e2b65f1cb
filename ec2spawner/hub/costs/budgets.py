"""Watches the budgets of a hub: tells of each level, warns, and stops servers."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from ...core.notice_events import OutOfBudget
from ...costs import budget_words
from ...costs.budget import Step, Use, step
from ...ec2.again import OnlyNews, every
from ...fleet.budgeting import Budgeting
from ..pages.budgets import groups_of, running

_SECONDS = 30.0


class BudgetWatch:
    """One pass after the other, for as long as the Hub runs.

    :param app: the JupyterHub application
    """

    def __init__(self, app: Any, budgeting: Budgeting, log: logging.Logger) -> None:
        self._app = app
        self._budgeting = budgeting
        self._log = log
        self._news = OnlyNews(log, logging.WARNING)
        self._levels: dict[object, int] = {}

    async def keep(self) -> None:
        """Look again and again; nothing to do for a hub without budgets."""
        if self._budgeting.budgets:
            await every(_SECONDS, self.once, self._failed)

    def _failed(self, _: Exception) -> None:
        self._log.exception("Budgets are looked at later")

    async def once(self) -> None:
        """One pass: all who have a server that runs, or have had one in this life."""
        over: list[tuple[Any, str, Use]] = []
        for user in list(self._app.users.values()):
            groups = groups_of(user)
            self._budgeting.know(user.name, groups)
            uses = self._budgeting.uses(user.name, groups)
            self._budgeting.note(uses)
            self._say(uses)
            since = self._budgeting.full_since(uses)
            if step(since, time.time(), self._budgeting.grace) is Step.STOP:
                full = next(use for use in uses if use.full)
                over += [(user, name, full) for name in running(user)]
        stops = (self._stop(*each) for each in over)
        for failure in await asyncio.gather(*stops, return_exceptions=True):
            if isinstance(failure, Exception):
                self._log.error("Cannot stop a server yet", exc_info=failure)

    def _say(self, uses: list[Use]) -> None:
        for use in uses:
            before = self._levels.get(use.budget, 0)
            if use.level > before:
                self._log.warning(
                    "Budget of %s: %i %% used, %s", use.budget, use.level, use.spent
                )
            self._levels[use.budget] = use.level
            if what := use.spent.unknown:
                self._news.say(
                    str(use.budget),
                    what,
                    "Budget of %s: nobody knows the price of %s, which counts as "
                    "nothing. c.EC2Spawner.prices can tell it",
                    use.budget,
                    ", ".join(sorted(what)),
                )

    async def _stop(self, user: Any, name: str, full: Use) -> None:
        spawner = user.spawners[name]
        context = spawner.context
        text = budget_words.stopped(full, time.time())
        if context.applied(OutOfBudget(text)):
            who = context.label
            self._log.warning("%s is stopped: budget of %s", who, full.budget)
        # Also when that was so before, and the Hub could not do the rest.
        await self._app.proxy.delete_user(user, name)
        if spawner.active and not spawner.pending:
            await user.stop(name)
