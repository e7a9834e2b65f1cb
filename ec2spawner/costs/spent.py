"""What was spent: sums of runs, with what nobody knows the price of. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .runs import Kind, Run
from .words import UNKNOWN, dollars


@dataclass(frozen=True)
class Spent:
    """US dollars, for machines that ran and for what is stored.

    :ivar unknown: what has cost something, too, at a price that nobody knows:
        instance types and the like
    """

    machines: float = 0.0
    #: homes and other disks, also while machines are stopped
    storage: float = 0.0
    unknown: frozenset[str] = frozenset()

    @property
    def usd(self) -> float:
        """All that is known."""
        return self.machines + self.storage

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.machines + other.machines,
            self.storage + other.storage,
            self.unknown | other.unknown,
        )

    def __str__(self) -> str:
        """``0.45 USD``, ``at least 0.45 USD``, ``price unknown``."""
        if self.unknown and not self.usd:
            return UNKNOWN
        known = dollars(self.usd) if self.usd >= 0.0005 else _little(self.usd)
        return f"at least {known}" if self.unknown else known


def _little(usd: float) -> str:
    return "less than 0.001 USD" if usd else "0 USD"


NOTHING = Spent()


def total(
    runs: Iterable[Run], now: float, since: float = 0.0, until: float = 0.0
) -> Spent:
    """What runs have cost between two moments, seconds since the epoch.

    :param now: how far those that go on are counted
    :param until: 0 for all time
    """
    machines = storage = 0.0
    unknown = set()
    for run in runs:
        cost = run.cost(now, since, until)
        if cost is None:
            if run.seconds(now, since, until) > 0:
                unknown.add(run.type or run.kind.value)
        elif run.kind.stored:
            storage += cost
        else:
            machines += cost
    return Spent(machines, storage, frozenset(unknown))


def of_kind(kind: Kind, usd: float | None, what: str) -> Spent:
    """What one thing has cost; without a price it is unknown."""
    if usd is None:
        return Spent(unknown=frozenset({what or kind.value}))
    return Spent(storage=usd) if kind.stored else Spent(machines=usd)
