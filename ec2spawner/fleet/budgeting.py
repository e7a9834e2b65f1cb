"""The budgets of a hub that runs: what is spent of each, and since when it is full."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..costs.budget import Budget, Budgets, Decision, Scope, Use, decide
from ..costs.ledger import Ledger
from ..costs.runs import month_of
from ..costs.spent import Spent

# All runs of a hub are many: their sum is good for so long.
_FRESH_SECONDS = 20.0


class Budgeting:
    """Answers at once, from the ledger in memory.

    Since when a budget is full is known since this process has noticed: after a
    restart of the Hub there is a warning again, and time after it.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._clock = clock
        self.budgets = Budgets()
        #: seconds between the warning and the stop
        self.grace = 900.0
        #: what has no known price is not to start
        self.refuse_unknown = False
        self._full_since: dict[Budget, float] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._sums: dict[Budget, tuple[float, Spent]] = {}

    def decision(self, user: str, groups: Iterable[str]) -> Decision:
        """What budgets say of a user's servers now."""
        return decide(self.uses(user, groups))

    def uses(self, user: str, groups: Iterable[str]) -> list[Use]:
        """What a user's servers come under, with what was spent of it."""
        return [Use(each, self._spent(each)) for each in self.budgets.of(user, groups)]

    def know(self, user: str, groups: Iterable[str]) -> None:
        """Remember in which groups a user is."""
        self._groups[user] = tuple(groups)

    def known_uses(self, user: str) -> list[Use]:
        """The same as :meth:`uses` without a query, by the groups that are known."""
        return self.uses(user, self._groups.get(user, ()))

    def shared(self) -> list[Use]:
        """Those of groups and of the hub, which are not one user's."""
        names = sorted(self._ledger.groups() | self.budgets.groups)
        budgets = [each for name in names for each in self.budgets.of_group(name)]
        budgets += self.budgets.of_hub()
        return [Use(each, self._spent(each)) for each in budgets]

    def full_since(self, uses: Iterable[Use]) -> float:
        """Since when the first of them is full; 0 while none is. Asked again and
        again, by :meth:`note`."""
        known = [self._full_since.get(use.budget, 0.0) for use in uses if use.full]
        return min(filter(None, known), default=0.0)

    def note(self, uses: Iterable[Use]) -> None:
        """Remember which of them are full."""
        for use in uses:
            if use.full:
                self._full_since.setdefault(use.budget, self._clock())
            else:
                self._full_since.pop(use.budget, None)

    def stops_at(self, uses: Iterable[Use]) -> float:
        """When a server that runs is stopped; 0 for never."""
        since = self.full_since(uses)
        return since + self.grace if since else 0.0

    def _spent(self, budget: Budget) -> Spent:
        now = self._clock()
        at, spent = self._sums.get(budget, (0.0, Spent()))
        if budget.scope is not Scope.USER and 0 <= now - at < _FRESH_SECONDS:
            return spent
        month = month_of(now) if budget.monthly else ""
        if budget.scope is Scope.USER:
            return self._ledger.of_user(budget.name, now, month)
        if budget.scope is Scope.GROUP:
            spent = self._ledger.of_group(budget.name, now, month)
        else:
            spent = self._ledger.of_hub(now, month)
        self._sums[budget] = now, spent
        return spent
