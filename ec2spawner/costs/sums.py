"""What was spent, in sums: by machine, server, user, group and hub. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .runs import Key, Kind, Run, Who, address_of, bounds
from .spent import Spent, total


class Sums:
    """Sums over the runs that are in memory, and over those that are not any more."""

    def __init__(self) -> None:
        self.runs: dict[Key, Run] = {}
        #: what was spent by runs that are not in memory any more, by whose they were
        self.older: Mapping[Who, Spent] = {}
        #: runs that are in ``older``, too
        self._in_older: set[Key] = set()
        #: the last run of a machine or a volume
        self._last: dict[str, Key] = {}
        self._of_user: dict[str, set[Key]] = {}

    def of_machine(self, instance_id: str, now: float) -> Spent | None:
        """What the present run of a machine has cost so far, with its public address.

        None for a machine that nobody has seen.
        """
        key = self._last.get(instance_id)
        if key is None:
            return None
        run = self.runs[key]
        address = self.runs.get(address_of(run).key)
        return total([run, *([address] if address else [])], now)

    def of_server(self, user: str, server: str, now: float, month: str = "") -> Spent:
        """What a server has cost, with disks that are its own."""
        mine = (r for r in self._runs_of(user) if not r.who.builds)
        runs = [r for r in mine if r.who.server == server]
        return total(runs, now, *bounds(month))

    def of_user(self, user: str, now: float, month: str = "") -> Spent:
        """What a user has cost, with homes and machines that are stopped.

        :param month: ``2026-11``; empty for all time
        """
        runs = self._runs_of(user)
        return self._total(runs, now, month, lambda who: who.user == user)

    def of_group(self, group: str, now: float, month: str = "") -> Spent:
        """What all have cost who were in a group then."""
        runs = (run for run in self.runs.values() if group in run.who.groups)
        return self._total(runs, now, month, lambda who: group in who.groups)

    def of_hub(self, now: float, month: str = "") -> Spent:
        """What everybody has cost, and what is nobody's."""
        return self._total(self.runs.values(), now, month, lambda who: True)

    def machines_in(self, region: str) -> list[Run]:
        """The machines of a region that run, as far as is known."""
        return [
            run
            for run in self.runs.values()
            if run.open and run.kind is Kind.MACHINE and run.region == region
        ]

    def homes_of(self, user: str) -> int:
        """How many homes a user has, also of servers that were deleted."""
        homes = (r for r in self._runs_of(user) if r.kind is Kind.HOME and r.open)
        return len({run.id for run in homes})

    def builds_of(self, user: str, since: float) -> int:
        """How many builds of images a user has begun since a moment of this month."""
        return sum(r.builds and r.began >= since for r in self._runs_of(user))

    def _runs_of(self, user: str) -> list[Run]:
        return [self.runs[key] for key in self._of_user.get(user, ())]

    def _total(
        self,
        runs: Iterable[Run],
        now: float,
        month: str,
        counts: Callable[[Who], bool],
    ) -> Spent:
        if month:
            return total(runs, now, *bounds(month))
        spent = total((r for r in runs if r.key not in self._in_older), now)
        found = (each for who, each in self.older.items() if counts(who))
        return sum(found, spent) if self.older else spent

    def groups(self) -> set[str]:
        """All groups that something in memory was spent in."""
        return {group for run in self.runs.values() for group in run.who.groups}

    def users(self) -> set[str]:
        """All who have cost something that is in memory."""
        return {user for user, keys in self._of_user.items() if user and keys}
