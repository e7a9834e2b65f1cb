"""Which machines and resources nobody wants. Pure: listing + launches -> verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from ..ec2.machines import Machine
from ..ec2.resources import Resource

# A pass that would end more than this is more likely a mistake of ours (a database
# restored from a backup, a changed hub id) than that many leaks.
_BRAKE_COUNT = 3
_BRAKE_SHARE = 0.2

T = TypeVar("T", Machine, Resource)


@dataclass(frozen=True)
class Wanted:
    """What a database wants. It is believed over tags, which others may change."""

    #: launch id -> instance id, or "" while EC2 has not named it
    launches: Mapping[str, str] = field(default_factory=dict)
    #: ids of volumes that are homes
    homes: Collection[str] = ()
    #: the name of the database; empty for none
    database: str = ""

    @cached_property
    def _ids(self) -> frozenset[str]:
        # Of a state that cannot be read every text is taken for a launch's id.
        return frozenset({*self.launches.values(), *self.launches, *self.homes} - {""})

    def __contains__(self, id: str) -> bool:
        """Whether it holds a machine or home by its own id."""
        return id in self._ids


@dataclass(frozen=True)
class Verdict(Generic[T]):
    """What one pass decided."""

    #: unwanted for long enough: to be ended
    end: tuple[T, ...] = ()
    #: likewise, but too many at once, or older than the database: for a person
    braked: tuple[T, ...] = ()
    #: unwanted, and not yet for long enough
    waiting: tuple[T, ...] = ()

    @property
    def count(self) -> int:
        """How many nobody wants."""
        return len(self.end) + len(self.braked) + len(self.waiting)


@dataclass
class Sweeper(Generic[T]):
    """Remembers for how long machines, or resources, have been unwanted.

    :param grace: seconds for which every pass must find a machine unwanted
    :param lease: seconds of a new lease
    """

    grace: float
    lease: float
    _since: dict[str, float] = field(default_factory=dict)

    def judge(
        self,
        found: Iterable[T],
        wanted: Wanted,
        database_since: float,
        now: float,
    ) -> Verdict[T]:
        """Decide about a listing.

        :param found: of this hub, from a listing that began **before** ``wanted``
            was read: so a launch that is new cannot look unwanted
        :param wanted: by the database
        :param database_since: seconds since the epoch; a database cannot speak of
            a machine that is older than itself
        :param now: monotonic seconds
        """
        living = [each for each in found if not each.gone]
        unwanted = [each for each in living if not is_wanted(each, wanted)]
        self._since = {each.id: self._since.get(each.id, now) for each in unwanted}
        due = {e.id for e in unwanted if now - self._since[e.id] >= self.grace}
        return _decide(living, unwanted, due, database_since, self.lease)


def judge_leases(
    found: Iterable[T],
    wanted: Wanted | None,
    database_since: float,
    lease: float,
    now: float,
    force: bool = False,
) -> Verdict[T]:
    """Decide about a listing with nothing but it: for who comes when the Hub is down.

    The grace is the lease: whatever no server owns is ended once its lease is over,
    which the Hub would have renewed for a machine that it knows.

    :param found: as for :meth:`Sweeper.judge`
    :param wanted: likewise; None when there is no database to ask. Then only
        machines that run are unwanted: one that is stopped may hold somebody's
        files and costs little, and no resource has a lease that anybody renews
    :param lease: seconds of a new lease, for what carries none
    :param now: seconds since the epoch
    :param force: a person has decided about what the brake would hold
    """
    living = [each for each in found if not each.gone]
    if wanted is None:
        unwanted = [e for e in living if _may_end_unasked(e) and not e.spared]
    else:
        unwanted = [e for e in living if not is_wanted(e, wanted)]
    due = {e.id for e in unwanted if 0 < lease_end(e, lease) <= now}
    if force:
        due |= {e.id for e in unwanted if not lease_end(e, lease)}
        return Verdict(
            end=tuple(e for e in unwanted if e.id in due),
            waiting=tuple(e for e in unwanted if e.id not in due),
        )
    return _decide(living, unwanted, due, database_since, lease)


def apart(
    found: Iterable[T], wanted: Wanted, lease: float, now: float
) -> tuple[list[T], list[T]]:
    """What may be judged, and what is another database's and has a lease.

    Two Hubs may have one hub id, in a copied folder or a staging copy. What the other
    one wants has a lease that it renews.

    :param now: seconds since the epoch
    """
    ours: list[T] = []
    others: list[T] = []
    for each in found:
        (others if is_anothers(each, wanted, lease, now) else ours).append(each)
    return ours, others


def is_anothers(
    each: Machine | Resource, wanted: Wanted, lease: float, now: float
) -> bool:
    """Whether a Hub with another database may want it, and this one does not."""
    named = each.database and wanted.database
    if not named or each.database == wanted.database or each.gone:
        return False
    return lease_end(each, lease) > now and not is_wanted(each, wanted)


def is_building(each: Machine | Resource, now: float) -> bool:
    """Whether it makes an image, and its time is not over. No database knows of it.

    :param now: seconds since the epoch
    """
    return isinstance(each, Machine) and bool(each.build) and now < each.lease_until


def is_wanted(each: Machine | Resource, wanted: Wanted) -> bool:
    """Whether a server owns it, or a person keeps it."""
    if each.spared:
        return True
    if _is_discarded(each):
        return False
    if each.id in wanted:
        return True
    instance_id = wanted.launches.get(each.launch_id)
    if instance_id is None:
        return False
    # A second machine of one launch is one too many.
    return isinstance(each, Resource) or instance_id in ("", each.id)


def lease_end(each: Machine | Resource, lease: float) -> float:
    """When its lease ends or would have ended, seconds since the epoch; 0: unknown."""
    if isinstance(each, Resource) and each.discarded_at:
        return each.discarded_at + lease
    if each.lease_until:
        return each.lease_until
    return each.launched_at and each.launched_at + lease


def _is_discarded(each: Machine | Resource) -> bool:
    return isinstance(each, Resource) and each.discarded


def _may_end_unasked(each: Machine | Resource) -> bool:
    """It runs, or is a builder: one that is stopped holds nobody's files."""
    return isinstance(each, Machine) and (not each.over or bool(each.build))


def _stands_alone(each: Machine | Resource) -> bool:
    """What becomes of it depends on no database."""
    return _is_discarded(each) or isinstance(each, Machine) and bool(each.build)


def _born(each: Machine | Resource, lease: float) -> float:
    """When it was made, at the earliest. EC2 tells the age of a machine or volume.

    Of a network interface or address only its lease tells, which nobody renews.
    """
    return each.launched_at or max(each.lease_until - lease, 0.0)


def _decide(
    living: Collection[T],
    unwanted: Iterable[T],
    due: Collection[str],
    database_since: float,
    lease: float,
) -> Verdict[T]:
    ripe = tuple(each for each in unwanted if each.id in due)
    waiting = tuple(each for each in unwanted if each.id not in due)
    # Each of them was decided about by itself, which no wrong database does: a class
    # that leaves takes all of its homes along.
    decided = tuple(each for each in ripe if _stands_alone(each))
    end = tuple(each for each in ripe if each not in decided)
    if len(end) > max(_BRAKE_COUNT, _BRAKE_SHARE * len(living)):
        return Verdict(decided, end, waiting)
    older = tuple(each for each in end if _born(each, lease) < database_since)
    young = tuple(each for each in end if each not in older)
    return Verdict(decided + young, older, waiting)
