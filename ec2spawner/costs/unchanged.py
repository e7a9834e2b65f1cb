"""Machines that EC2 shows as it has shown them before: all that is new is the time.

Listings give the same object for what has not changed (``inventory/difference.py``),
and with thousands of machines there is no time to book each of them anew.
"""

from __future__ import annotations

from ..ec2.machines import Machine
from .price_list import PriceList
from .runs import Key, Run


class Unchanged:
    """Which runs go on when a machine is shown once more."""

    def __init__(self) -> None:
        self._booked: dict[str, tuple[Machine, PriceList, tuple[Key, ...]]] = {}

    def booked(self, machine: Machine, prices: PriceList, *runs: Run) -> None:
        """A machine has been booked, by these prices, and these are its runs."""
        if all(run.open for run in runs) and not machine.over:
            keys = tuple(run.key for run in runs)
            self._booked[machine.id] = machine, prices, keys
        else:
            self._booked.pop(machine.id, None)

    def keys(self, machine: Machine, prices: PriceList) -> tuple[Key, ...]:
        """Its runs, its own first; none when there may be more to say."""
        known = self._booked.get(machine.id)
        if known is None or known[0] is not machine or known[1] is not prices:
            return ()
        return known[2]


def seen_again(run: Run, now: float) -> Run:
    """A run that has been seen to go on.

    As ``dataclasses.replace``, which takes ten times as long.
    """
    if run.seen >= int(now):
        return run
    again = object.__new__(Run)
    vars(again).update(vars(run), seen=int(now))
    return again
