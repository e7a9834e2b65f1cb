"""A run: what AWS bills for, from its beginning to its end, with its price. Pure.

EC2's LaunchTime is another at every start, so (instance id, LaunchTime) is one run of a
machine. A volume has one run for each size that it has had. What EC2 shows may be told
again and again, late, or in another order: booking it twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum
from typing import NamedTuple

from ..ec2.machines import Machine
from ..ec2.prices.products import ADDRESS

#: AWS bills a GiB-month by the hours of an average month (AWS pricing calculator)
MONTH_HOURS = 730.0
# "Per-second billing, with a minimum of 60 seconds" (EC2 on-demand pricing).
_LEAST_SECONDS = 60
# After so long without a listing nobody can say when a machine has ended.
_UNWATCHED_SECONDS = 600.0
_HOUR = 3600.0
# No profile's slug has a space.
_BUILDS = "image "


class Kind(str, Enum):
    """What it is that costs."""

    MACHINE = "machine"
    #: a public IPv4 address, as long as its machine runs
    ADDRESS = "address"
    HOME = "home"
    #: every other volume, such as a root disk
    DISK = "disk"
    #: a home that was given up and is kept as a snapshot
    ARCHIVE = "archive"

    @property
    def stored(self) -> bool:
        """Its price is per GiB and month, and it costs while machines are stopped."""
        return self in (Kind.HOME, Kind.DISK, Kind.ARCHIVE)


class Key(NamedTuple):
    """Which run: of what, and from when on, in seconds since the epoch."""

    id: str
    began: int


@dataclass(frozen=True)
class Who:
    """Whose a run is: names as they were when it was booked; empty for nobody's.

    :ivar user_key: which user of the Hub it is, who may get another name; empty where
        that is not known. The name follows it
    """

    user: str = ""
    server: str = ""
    profile: str = ""
    groups: tuple[str, ...] = ()
    user_key: str = ""

    @property
    def builds(self) -> bool:
        """They have had an image made by it, which is no server of theirs."""
        return self.profile.startswith(_BUILDS)


@dataclass(frozen=True)
class Run:
    """One row of the ledger. Times are whole seconds since the epoch, as EC2's are."""

    id: str
    began: int
    kind: Kind
    #: an instance type, ``gp3``, ``snapshot``, or ``public-ipv4``
    type: str = ""
    market: str = ""
    region: str = ""
    zone: str = ""
    #: GiB, of what is stored
    size: int = 0
    #: None while it goes on
    ended: int | None = None
    #: the end is EC2's word, not when it was seen last
    exact: bool = False
    #: when it was last seen to go on
    seen: int = 0
    #: US dollars an hour, or a GiB and month; None for a price that nobody knows
    usd: float | None = None
    #: who says so
    source: str = ""
    who: Who = Who()
    #: the machine that a volume is of, or the home that a snapshot is of
    machine: str = ""

    @property
    def key(self) -> Key:
        return Key(self.id, self.began)

    @property
    def builds(self) -> bool:
        """It is a machine that has made an image."""
        return self.kind is Kind.MACHINE and self.who.builds

    @property
    def open(self) -> bool:
        """It goes on, as far as is known."""
        return self.ended is None

    def cost(self, now: float, since: float = 0.0, until: float = 0.0) -> float | None:
        """US dollars between two moments; None without a price.

        :param now: how far one that goes on is counted
        :param until: 0 for its end
        """
        if self.usd is None:
            return None
        return self.usd * self.per_usd(self.seconds(now, since, until))

    def seconds(self, now: float, since: float = 0.0, until: float = 0.0) -> float:
        """How long it is billed between two moments."""
        end = now if self.ended is None else float(self.ended)
        if self.kind is Kind.MACHINE:
            end = max(end, self.began + _LEAST_SECONDS)
        last = min(end, until) if until else end
        return max(0.0, last - max(self.began, since))

    def per_usd(self, seconds: float) -> float:
        """How many times its price so many seconds cost."""
        hours = seconds / _HOUR
        return hours * self.size / MONTH_HOURS if self.kind.stored else hours


#: whose a machine is that is ready for anybody, until it is somebody's
READY = Who("(ready)")


def builder_of(user: str, image: str) -> Who:
    """Whose a machine is that makes an image: who has asked for it."""
    return Who(user, profile=f"{_BUILDS}{image}")


def address_of(run: Run) -> Run:
    """The run of a machine's public address, which ends with it."""
    return replace(run, id=f"{run.id}:address", kind=Kind.ADDRESS, type=ADDRESS)


def begun(machine: Machine, region: str) -> Run:
    """The run of a machine that EC2 shows, before anything is known of it.

    One that was ready has a run of its own from the moment at which it was given away.
    """
    began = int(max(machine.given_at, machine.launched_at))
    return Run(
        machine.id,
        began,
        Kind.MACHINE,
        machine.instance_type,
        machine.market,
        region,
        machine.zone,
        seen=began,
    )


def booked(run: Run, machine: Machine, now: float) -> Run:
    """The run as it is after EC2 has shown its machine.

    The first end holds: a stopped machine that is terminated shows a later one. Only
    one that nobody has told, and that is seen to run after all, goes on.
    """
    if not machine.over:
        if run.ended is not None and run.exact:
            return run  # old news
        return replace(run, ended=None, exact=False, seen=max(run.seen, int(now)))
    if run.ended is not None:
        return run
    told = int(machine.ended_at)
    if told >= run.began:
        return replace(run, ended=told, exact=True)
    if now - run.seen > _UNWATCHED_SECONDS and machine.lease_until > run.seen:
        # Nobody looked, and the machine has ended itself: at the latest with its lease.
        return replace(run, ended=int(min(now, machine.lease_until)))
    return ended_unseen(run)


def ended_unseen(run: Run, by: int = 0) -> Run:
    """The run of what has ended without a word of when: it was seen last then.

    :param by: it has ended at the latest then; 0 for whenever
    """
    if run.ended is not None:
        return run
    ended = max(run.seen, run.began)
    return replace(run, ended=min(ended, by) if by else ended, exact=False)


def before_another(run: Run, machine: Machine, now: float, another: int) -> Run:
    """The run as it is after old news: its machine was started again after it."""
    if machine.over and not run.exact:
        run = booked(replace(run, ended=None), machine, now)
    run = ended_unseen(run, another)
    return replace(run, ended=min(run.ended or another, another))


# -- months ----------------------------------------------------------------------------


def month_of(moment: float) -> str:
    """``2026-11``, in UTC, as AWS bills."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m")


def bounds(month: str) -> tuple[float, float]:
    """When a month begins and ends, seconds since the epoch; (0, 0) for all time.

    :param month: ``2026-11``, or empty
    :raises ValueError: for what is no month
    """
    if not month:
        return 0.0, 0.0
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=timezone.utc)
    following = first.replace(
        year=first.year + first.month // 12, month=first.month % 12 + 1
    )
    return first.timestamp(), following.timestamp()
