"""The ledger: every run of a hub, in memory. Pure; ``hub/costs/ledger.py`` keeps it.

Whoever shows what something has cost so far asks here. That is cheap, and never waits::

    spent = runtime().ledger.of_user("alice", time.time(), month_of(time.time()))
    f"This month: {spent}"      # "This month: 4.10 USD"

Each ``of_...`` gives a :class:`~ec2spawner.costs.spent.Spent`, of which ``str()`` is
fit for people ("0.45 USD", "at least 0.45 USD", "price unknown").
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace

from ..ec2.machines import Machine
from ..ec2.resources import Resource, ResourceKind
from ..ec2.snapshots import Snapshot
from .price_list import Price, PriceList
from .runs import (
    Key,
    Kind,
    Run,
    Who,
    address_of,
    before_another,
    begun,
    booked,
    ended_unseen,
)
from .spent import Spent
from .stored import archive_run, volume_run
from .sums import Sums
from .unchanged import Unchanged, seen_again

# For so long every complete listing must lack what is taken to have ended: EC2 may hide
# what it has. What comes back after that goes on in the ledger, too.
_ABSENT_SECONDS = 600.0


class Ledger(Sums):
    """The runs that go on, those that have ended this month, and sums of all before.

    What EC2 shows comes by :meth:`see` and :meth:`see_volumes`, as often as it likes.
    Until the database is asked (``fresh``) a run may be known there already.

    :param absent: seconds for which every complete listing must lack what has ended
    """

    def __init__(
        self,
        prices: Callable[[], PriceList] = PriceList,
        absent: float = _ABSENT_SECONDS,
    ) -> None:
        super().__init__()
        self._prices = prices
        self._absent_seconds = absent
        #: of which it is not known yet whether the database has them
        self.fresh: set[Key] = set()
        #: what the database is still to take
        self.changed: set[Key] = set()
        #: what may say whose they are: id -> tags, of new runs
        self.tags: dict[str, Mapping[str, str]] = {}
        #: is called when there is something for the database
        self.on_news: Callable[[], None] = lambda: None
        #: region -> when all that goes on there was last seen, seconds since the epoch
        self.seen: dict[str, int] = {}
        self._absent: dict[Key, float] = {}
        #: what goes on, by region and kind, in the order in which it was first seen
        self._open: dict[tuple[str, Kind], dict[Key, None]] = {}
        self._unchanged = Unchanged()

    # -- what EC2 shows ----------------------------------------------------------

    def see(
        self,
        region: str,
        machines: Iterable[Machine],
        now: float,
        complete: bool = False,
    ) -> None:
        """Book machines that EC2 shows.

        :param now: seconds since the epoch
        :param complete: they are all that there are in this region
        """
        shown: set[Key] = set()
        for machine in machines:
            if machine.launched_at:
                key = self._goes_on(machine, now)
                shown.add(key or self._see_machine(region, machine, now).key)
        if complete:
            kinds = (Kind.MACHINE,)
            self._see_absent(region, shown, kinds, now)
            self.seen[region] = int(now)

    def _goes_on(self, machine: Machine, now: float) -> Key | None:
        """Book a machine that is as it was; None when there may be more to say."""
        keys = self._unchanged.keys(machine, self._prices())
        runs = [run for key in keys if (run := self.runs.get(key)) and run.open]
        if not keys or len(runs) < len(keys) or self._last[machine.id] != keys[0]:
            return None
        for key, run in zip(keys, runs):
            self.runs[key] = seen_again(run, now)
        return keys[0]

    def _see_machine(self, region: str, machine: Machine, now: float) -> Run:
        first = begun(machine, region)
        if first.key not in self.runs:
            self.tags[machine.id] = machine.tags
        last = self._last.get(machine.id)
        if last is not None and last.began > first.began:
            old = self.runs.get(first.key, first)
            run = self._priced(before_another(old, machine, now, last.began))
            self._put(run)
            return run
        if last is not None and last.began < first.began:
            self._put(ended_unseen(self.runs[last], first.began))
            self._end_with(self.runs[last])
        known = self.runs.get(first.key)
        run = self._priced(booked(known or first, machine, now))
        self._put(run)
        runs = [run]
        if machine.public and not machine.over:
            fresh = self._priced(replace(address_of(run), usd=None, source=""))
            known = self.runs.get(fresh.key)
            fresh = replace(known, ended=None, seen=run.seen) if known else fresh
            self._put(fresh)
            runs.append(fresh)
        self._unchanged.booked(machine, self._prices(), *runs)
        if not run.open:
            self._end_with(run)
        return run

    def _end_with(self, run: Run) -> None:
        """What ends with a run of a machine: its address; its disks are seen to go."""
        address = self.runs.get(address_of(run).key)
        if address is not None and address.open:
            self._put(replace(address, ended=run.ended, exact=run.exact))

    def see_volumes(
        self, region: str, resources: Iterable[Resource], now: float
    ) -> None:
        """Book the volumes of a region: all of them."""
        shown = {
            self._see_stored(volume_run(each, region, now), each.tags).key
            for each in resources
            if each.kind is ResourceKind.VOLUME and each.launched_at and not each.gone
        }
        self._see_absent(region, shown, (Kind.HOME, Kind.DISK), now)

    def see_archives(
        self, region: str, snapshots: Iterable[Snapshot], now: float
    ) -> None:
        """Book the homes that are kept as snapshots in a region: all of them."""
        shown = {
            self._see_stored(archive_run(each, region, now), each.tags).key
            for each in snapshots
            if each.began and each.state != "error"
        }
        self._see_absent(region, shown, (Kind.ARCHIVE,), now)

    def _see_stored(self, first: Run, tags: Mapping[str, str]) -> Run:
        """
        :param first: its run as it is when nothing else is known of it
        """
        last = self._last.get(first.id)
        known = self.runs.get(last) if last is not None else None
        if known is None:
            self.tags[first.id] = tags
            run = first
        elif known.size == first.size:
            on = replace(known, ended=None, exact=False, seen=first.seen)
            run = on if known.ended is None or not known.exact else known
            run = replace(run, machine=first.machine or run.machine)
        else:  # it has grown
            self._put(replace(known, ended=first.seen, exact=True))
            run = replace(first, began=first.seen, who=known.who)
        run = self._priced(run)
        self._put(run)
        return run

    def end_elsewhere(self, regions: Container[str]) -> None:
        """Count what goes on in other regions only until it was last seen."""
        for run in list(self.runs.values()):
            if run.open and run.region not in regions:
                self._put(ended_unseen(run))

    def _see_absent(
        self, region: str, shown: set[Key], kinds: tuple[Kind, ...], now: float
    ) -> None:
        for key in shown & self._absent.keys():
            del self._absent[key]
        there = [key for kind in kinds for key in self._open.get((region, kind), ())]
        for run in [self.runs[key] for key in there if key not in shown]:
            if now - self._absent.setdefault(run.key, now) >= self._absent_seconds:
                del self._absent[run.key]
                self._put(self._end_of_absent(run))
                self._end_with(self.runs[run.key])

    def _end_of_absent(self, run: Run) -> Run:
        """A root disk goes with its machine, at a time that is known better."""
        machine = self._last.get(run.machine)
        of = self.runs[machine] if run.kind is Kind.DISK and machine else None
        if of is not None and of.ended is not None and of.ended >= run.began:
            return replace(run, ended=max(of.ended, run.began), exact=of.exact)
        return ended_unseen(run)

    def _priced(self, run: Run) -> Run:
        """With its price, if it has none yet: what was once known stays."""
        if run.usd is not None or not run.open and run.key in self.runs:
            return run
        price = self._price_of(run)
        return replace(run, usd=price.usd, source=price.source) if price else run

    def _price_of(self, run: Run) -> Price | None:
        prices = self._prices()
        if run.kind.stored and not run.size:
            return None  # EC2 does not say of how much
        if run.market == "spot" and run.kind is Kind.MACHINE:
            return prices.spot(run.region, run.type, run.zone)
        key = f"ebs:{run.type}" if run.kind.stored else run.type
        return prices.of(run.region, key)

    def _put(self, run: Run) -> None:
        key, old = run.key, self.runs.get(run.key)
        if old is None:
            self.fresh.add(key)
        elif old == replace(run, seen=old.seen):
            # That it goes on is told for all of a region at once.
            self.runs[key] = run
            return
        self._know(run)
        self.changed.add(key)
        self.on_news()

    def _know(self, run: Run) -> None:
        old = self.runs.get(run.key)
        if old is not None:
            self._of_user.get(old.who.user, set()).discard(run.key)
        self.runs[run.key] = run
        there = self._open.setdefault((run.region, run.kind), {})
        if run.open:
            there[run.key] = None
        else:
            there.pop(run.key, None)
        self._of_user.setdefault(run.who.user, set()).add(run.key)
        last = self._last.get(run.id)
        if last is None or last.began <= run.began:
            self._last[run.id] = run.key

    # -- what the database says ----------------------------------------------------

    def restore(
        self,
        runs: Iterable[Run],
        older: Mapping[Who, Spent],
        seen: Mapping[str, int] = {},
    ) -> None:
        """Take on what the database has: runs that go on or have ended this month.

        What has been seen since, and it does not have yet, stays.

        :param older: what all other runs have cost
        :param seen: region -> until when what goes on there was seen to
        """
        mine = [self.runs[key] for key in self.fresh | self.changed]
        self.runs, self._last, self._of_user, self._open = {}, {}, {}, {}
        self.older, self._in_older = older, set()
        for run in runs:
            at = max(run.seen, seen.get(run.region, 0)) if run.open else run.seen
            self._know(replace(run, seen=at))
        for run in mine:
            self._know(run)
        for key, run in list(self.runs.items()):
            last = self._last[run.id]
            if run.open and last.began > run.began:
                # It was started again while nobody looked.
                self._put(ended_unseen(run, last.began))
                self._end_with(self.runs[key])

    def unnamed(self) -> list[Run]:
        """The runs that are new here, of which nobody has said whose they are."""
        return [self.runs[key] for key in self.fresh if self.runs[key].who == Who()]

    def name(self, key: Key, who: Who) -> None:
        """Say whose a run is."""
        if (run := self.runs.get(key)) is not None and who != run.who:
            self._know(replace(run, who=who))
            self.changed.add(key)

    def rename(self, names: Mapping[str, str]) -> None:
        """Let runs follow their users, who may have other names now.

        :param names: user key -> name, of all users that there are
        """
        for run in list(self.runs.values()):
            name = names.get(run.who.user_key, run.who.user)
            if name != run.who.user:
                self._know(replace(run, who=replace(run.who, user=name)))

    def who_had(self, id: str) -> Who:
        """Whose a machine or a volume was last, also when it is gone."""
        key = self._last.get(id)
        return self.runs[key].who if key is not None else Who()

    def confirm(self, asked: Iterable[Key], found: Iterable[Run], before: int) -> None:
        """The database has said which of the new runs it has.

        :param before: what it has of runs that ended before that is in ``older``
        """
        for key in asked:
            self.fresh.discard(key)
            self.tags.pop(key.id, None)
        for run in found:
            if (mine := self.runs.get(run.key)) is None:
                continue
            if run.ended is not None and run.ended < before:
                self._in_older.add(run.key)
            if run.exact or mine.open == run.open:
                self._know(replace(run, seen=max(run.seen, mine.seen)))
                self.changed.discard(run.key)
            else:
                # It knows whose it was, and at which price.
                self._know(replace(mine, who=run.who, usd=run.usd, source=run.source))

    def unsaved(self) -> list[Run]:
        """What the database is to take now."""
        return [self.runs[key] for key in sorted(self.changed - self.fresh)]

    def saved(self, runs: Iterable[Run]) -> None:
        """It has taken these. What has changed meanwhile is for the next time."""
        for run in runs:
            now = self.runs.get(run.key)
            if now is None or replace(now, seen=run.seen) == run:
                self.changed.discard(run.key)
