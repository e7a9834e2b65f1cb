"""Budgets: what users, groups and the hub may spend, and what follows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .spent import Spent
from .words import dollars

#: of a budget, in per cent: told at each, and at the last no server starts
LEVELS = (50, 75, 90, 100)
_FULL = LEVELS[-1]


class Scope(str, Enum):
    """Whose a budget is."""

    USER = "user"
    GROUP = "group"
    HUB = "hub"


@dataclass(frozen=True)
class Budget:
    """What may be spent.

    :ivar name: of the user or the group; empty for each one, and for the hub
    :ivar usd: US dollars
    :ivar monthly: each month anew, by UTC; else in all
    """

    scope: Scope
    usd: float
    name: str = ""
    monthly: bool = True

    @property
    def whose(self) -> str:
        """``Your budget``, as its user reads it."""
        if self.scope is Scope.USER:
            return "Your budget"
        if self.scope is Scope.GROUP:
            return f"The budget of your group {self.name!r}"
        return "This hub's budget"

    @property
    def amount(self) -> str:
        """``60.00 USD a month``."""
        return f"{dollars(self.usd)} {'a month' if self.monthly else 'in all'}"

    def __str__(self) -> str:
        """As the log calls it."""
        name = f" {self.name}" if self.name else ""
        return f"{self.scope.value}{name}, {self.amount}"


@dataclass(frozen=True)
class Use:
    """A budget and what was spent of it."""

    budget: Budget
    spent: Spent

    @property
    def share(self) -> float:
        """In per cent. A budget of nothing is used up."""
        return 100 * self.spent.usd / self.budget.usd if self.budget.usd else _FULL

    @property
    def left(self) -> float:
        """US dollars; below 0 where more was spent."""
        return self.budget.usd - self.spent.usd

    @property
    def level(self) -> int:
        """The highest of :data:`LEVELS` that it has reached; 0 for none."""
        return max((level for level in LEVELS if self.share >= level), default=0)

    @property
    def full(self) -> bool:
        """Nothing is left of it."""
        return self.level >= _FULL


@dataclass(frozen=True)
class Decision:
    """What budgets say of one server.

    :ivar refused_by: no server starts, for this one
    :ivar told: at most one of each scope, the fullest, from the first level on
    :ivar unknown: what has no known price, and so counts toward no budget
    """

    refused_by: Use | None = None
    told: tuple[Use, ...] = ()
    unknown: frozenset[str] = frozenset()


NO_BUDGETS = Decision()


def shown(uses: Iterable[Use]) -> list[Use]:
    """Those of which a user is told all the time: of the hub's only when it matters."""
    return [use for use in uses if use.level or use.budget.scope is not Scope.HUB]


def decide(uses: Iterable[Use]) -> Decision:
    """What follows from the budgets that a user's servers come under.

    What has no known price counts as nothing: nothing follows from it but words.
    """
    uses = list(uses)
    told: list[Use] = []
    for scope in Scope:
        mine = [use for use in uses if use.budget.scope is scope and use.level]
        told += sorted(mine, key=lambda use: -use.share)[:1]
    refused_by = next((use for use in told if use.full), None)
    unknown = frozenset(what for use in uses for what in use.spent.unknown)
    return Decision(refused_by, tuple(told), unknown)


class Step(Enum):
    """What is to be done with a server that runs."""

    NOTHING = "it may run"
    WARN = "it is to stop, and its user has time until then"
    STOP = "its time is over"


def step(full_since: float, now: float, grace: float) -> Step:
    """What is to be done with a server whose budget is used up.

    :param full_since: since when that is known, seconds since the epoch; 0 while it is
        not so
    :param grace: seconds for which it may go on after the warning
    """
    if not full_since:
        return Step.NOTHING
    return Step.STOP if now >= full_since + grace else Step.WARN


# -- what an admin writes --------------------------------------------------------------


class Budgets:
    """The budgets of a hub.

    :param raw: whose -> US dollars a month, or ``{"usd": 5000, "per": "all"}``, or a
        list of these. Whose is ``hub``, ``user`` or ``group`` for each one, or
        ``user:alice``, which counts in place of the one for each
    :raises ValueError: for anything else, with the reason
    """

    def __init__(self, raw: Mapping[str, Any] | None = None) -> None:
        self._found: dict[tuple[Scope, str], tuple[Budget, ...]] = {}
        for key, value in (raw or {}).items():
            scope, name = _whose(key)
            self._found[scope, name] = tuple(_amounts(key, scope, name, value))

    def __bool__(self) -> bool:
        return bool(self._found)

    def of(self, user: str, groups: Iterable[str]) -> Iterator[Budget]:
        """All that a user's servers come under."""
        yield from self._of(Scope.USER, user)
        for group in groups:
            yield from self.of_group(group)
        yield from self.of_hub()

    def of_group(self, name: str) -> Iterator[Budget]:
        """Those of one group."""
        return self._of(Scope.GROUP, name)

    def of_hub(self) -> tuple[Budget, ...]:
        """Those that everybody comes under."""
        return self._found.get((Scope.HUB, ""), ())

    @property
    def groups(self) -> set[str]:
        """The groups that have one of their own."""
        return {name for scope, name in self._found if scope is Scope.GROUP and name}

    def _of(self, scope: Scope, name: str) -> Iterator[Budget]:
        own = self._found.get((scope, name), self._found.get((scope, ""), ()))
        for budget in own:
            yield Budget(scope, budget.usd, name, budget.monthly)


def _whose(key: Any) -> tuple[Scope, str]:
    scope, colon, name = str(key).partition(":")
    known = {each.value for each in Scope}
    if scope not in known or (colon and not name) or (scope == "hub" and colon):
        raise ValueError(
            f"{key!r} is nobody: it is 'hub', 'user', 'group', 'user:NAME' or "
            "'group:NAME'"
        )
    return Scope(scope), name


def _amounts(key: str, scope: Scope, name: str, value: Any) -> Iterator[Budget]:
    for each in value if isinstance(value, (list, tuple)) else [value]:
        found = dict(each) if isinstance(each, Mapping) else {"usd": each}
        usd, per = _number(found.pop("usd", None)), found.pop("per", "month")
        if usd is None or found or per not in ("month", "all"):
            raise ValueError(
                f"of {key!r}: {each!r} is no budget. It is an amount in US dollars a "
                "month, or {'usd': 5000, 'per': 'all'}"
            )
        yield Budget(scope, usd, name, per == "month")


def _number(value: Any) -> float | None:
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_one and 0 <= value < float("inf") else None
