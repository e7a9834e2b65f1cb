"""What is known of machines after many listings, of which each may be wrong. Pure.

A listing shows a machine, or it proves nothing: EC2 may hide what is new, leave out
what runs, or tell of a minute ago (EC2 developer guide, "Eventual consistency"). So
what was known stays known until EC2 says that it has ended, or every complete listing
of a minute lacks it and EC2 does not know its id either. When many vanish at once, more
is wrong than they: none is given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..machines import Machine

# How long EC2 may fail to show what it has made. AWS states no bound; Karpenter
# and Jenkins wait less (EC2 developer guide, "Eventual consistency").
CONSISTENCY_SECONDS = 60.0
# The pause between two questions for what no listing shows: while that is news, and
# when it has been so for longer than it takes to believe it.
_ASK_SECONDS, _ASK_SELDOM_SECONDS = 5.0, 60.0
# Tags leave a terminated machine within minutes, and our filter goes by a tag; EC2
# forgets it within an hour (EC2 API reference, DescribeInstances).
_REMEMBERED_SECONDS = 3600.0
# More than these that are gone at once are more likely a mistake, of EC2 or of whoever
# has changed the region, the account or the credentials.
_BRAKE_COUNT = 3
_BRAKE_SHARE = 0.2


@dataclass(frozen=True)
class Listing:
    """What is known since a listing. ``began`` is monotonic seconds.

    What a complete one lacks was absent at most since ``began``.
    """

    began: float
    machines: Mapping[str, Machine] = field(default_factory=dict)
    #: it has all of EC2's zones; else what is in others is as last known
    complete: bool = True


@dataclass
class _Absence:
    """A machine that no listing has shown since a moment, monotonic seconds."""

    since: float
    asked: float = float("-inf")
    #: when EC2 last said that it does not know its id
    denied: float = float("-inf")

    @property
    def denied_for(self) -> float:
        """Seconds after which EC2 did not know its id either."""
        return max(self.denied - self.since, 0.0)


class View:
    """What is known of the machines of one hub. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.machines: dict[str, Machine] = {}
        #: when machines that have ended were last shown
        self._ended: dict[str, float] = {}
        self._absent: dict[str, _Absence] = {}
        #: id -> zone, of machines that somebody has and no listing has shown yet
        self._expected: dict[str, str] = {}
        self._lost: set[str] = set()
        #: ids of machines that have vanished, so many that none is believed gone
        self.braked: frozenset[str] = frozenset()

    # -- what others say ---------------------------------------------------------

    def expect(self, instance_id: str, zone: str = "") -> None:
        """Somebody has this machine, whether or not a listing shows it."""
        if instance_id not in self.machines and instance_id not in self._lost:
            self._expected[instance_id] = zone

    def told(self, machine: Machine, now: float) -> None:
        """EC2 has spoken of a machine that may be too new for listings."""
        if machine.id not in self.machines:
            self._know(machine, now)

    # -- what EC2 says -----------------------------------------------------------

    def take(self, rows: Mapping[str, Machine], began: float, complete: bool) -> None:
        """Take on what a listing shows.

        :param complete: what it lacks is absent; else it is only not listed
        """
        for id, row in rows.items():
            # The same object is the same row (``difference.py``): most are, and there
            # may be thousands.
            if self.machines.get(id) is not row or id in self._ended:
                self._know(row, began)
        for id in self._absent.keys() & rows.keys():
            del self._absent[id]
        if complete:
            unseen = (self.machines.keys() | self._expected.keys()) - rows.keys()
            for id in sorted(unseen - self._ended.keys()):
                self._absent.setdefault(id, _Absence(began))
        self._forget_ended(began)

    def answered(
        self, asked: Iterable[str], rows: Mapping[str, Machine], now: float
    ) -> None:
        """Take on what EC2 says of machines by their ids. What it lacks is unknown."""
        for id in asked:
            absence = self._absent.get(id)
            if id in rows:
                self._know(rows[id], now)
                if absence:
                    self._absent[id] = _Absence(now, asked=now)
            elif absence:
                absence.denied = now
        self._give_up()

    def questions(self, now: float) -> list[str]:
        """The ids of machines to ask EC2 for now, as no listing shows them."""
        ids = []
        for id, absence in self._absent.items():
            seldom = now - absence.since > 2 * CONSISTENCY_SECONDS
            pause = _ASK_SELDOM_SECONDS if seldom else _ASK_SECONDS
            if now - absence.asked >= pause:
                absence.asked = now
                ids.append(id)
        return ids

    # -- what follows ------------------------------------------------------------

    def alive(self) -> set[str]:
        """Ids of all machines that exist, as far as anybody knows."""
        living = {m.id for m in self.machines.values() if not m.gone}
        return living | self._expected.keys()

    def zones(self) -> dict[str, list[str]]:
        """Zone -> ids of its living machines; "" for those of which nobody knows."""
        found: dict[str, list[str]] = {}
        for id in sorted(self.alive()):
            machine = self.machines.get(id)
            zone = machine.zone if machine else self._expected[id]
            found.setdefault(zone, []).append(id)
        return found

    def is_lost(self, instance_id: str, though_many: bool = False) -> bool:
        """EC2 has it no more, though it never said that it has ended.

        :param though_many: who wants its end believes that of many at once, too: what
            is not gone after all has a sweep that finds it
        """
        absence = self._absent.get(instance_id)
        if though_many and absence and absence.denied_for >= CONSISTENCY_SECONDS:
            self._lose(instance_id)
        return instance_id in self._lost

    @property
    def absent(self) -> frozenset[str]:
        """Ids of living machines that the last complete listing lacks."""
        return frozenset(self._absent)

    def _know(self, row: Machine, now: float) -> None:
        known = self.machines.get(row.id)
        if known is not None and known.gone and not row.gone:
            return  # old news: nothing comes back from there
        self.machines[row.id] = row
        self._expected.pop(row.id, None)
        self._lost.discard(row.id)
        if row.gone:
            self._ended[row.id] = now
            self._absent.pop(row.id, None)

    def _give_up(self) -> None:
        vanished = {
            id
            for id, absence in self._absent.items()
            if absence.denied_for >= CONSISTENCY_SECONDS / 2
        }
        if not vanished:
            self.braked = frozenset()
            return
        most = max(_BRAKE_COUNT, _BRAKE_SHARE * len(self.alive()))
        self.braked = frozenset(vanished) if len(vanished) > most else frozenset()
        for id in vanished - self.braked:
            if self._absent[id].denied_for >= CONSISTENCY_SECONDS:
                self._lose(id)

    def _lose(self, instance_id: str) -> None:
        for known in (self.machines, self._ended, self._expected, self._absent):
            known.pop(instance_id, None)
        self._lost.add(instance_id)
        self.braked -= {instance_id}

    def _forget_ended(self, now: float) -> None:
        for id, shown in list(self._ended.items()):
            if now - shown > _REMEMBERED_SECONDS:
                del self.machines[id], self._ended[id]
