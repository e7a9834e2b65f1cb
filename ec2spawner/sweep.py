"""Which machines nobody wants. Pure: listing + wanted launches -> a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .ec2.machines import Machine

# A pass that would end more machines than this is more likely a mistake of ours
# (a database restored from a backup, a changed hub id) than that many leaks.
_BRAKE_MACHINES = 3
_BRAKE_SHARE = 0.2


@dataclass(frozen=True)
class Verdict:
    """What one pass decided."""

    #: unwanted for long enough: to be ended
    end: tuple[Machine, ...] = ()
    #: likewise, but too many at once, or older than the database: for a person
    braked: tuple[Machine, ...] = ()


@dataclass
class Sweeper:
    """Remembers for how long machines have been unwanted.

    :param grace: seconds for which every pass must find a machine unwanted
    """

    grace: float
    _since: dict[str, float] = field(default_factory=dict)

    def judge(
        self,
        machines: Iterable[Machine],
        wanted: Mapping[str, str],
        database_since: float,
        now: float,
    ) -> Verdict:
        """Decide about a listing.

        :param machines: of this hub, from a listing that began **before**
            ``wanted`` was read: so a launch that is new cannot look unwanted
        :param wanted: launch id -> instance id, or "" while EC2 has not named it
        :param database_since: seconds since the epoch; a database cannot speak of
            a machine that is older than itself
        :param now: monotonic seconds
        """
        living = [machine for machine in machines if not machine.gone]
        unwanted = [m for m in living if not _is_wanted(m, wanted)]
        self._since = {m.id: self._since.get(m.id, now) for m in unwanted}
        due = tuple(m for m in unwanted if now - self._since[m.id] >= self.grace)
        if len(due) > max(_BRAKE_MACHINES, _BRAKE_SHARE * len(living)):
            return Verdict(braked=due)
        older = tuple(m for m in due if m.launched_at < database_since)
        return Verdict(end=tuple(m for m in due if m not in older), braked=older)


def _is_wanted(machine: Machine, wanted: Mapping[str, str]) -> bool:
    if machine.kept:
        return True
    instance_id = wanted.get(machine.launch_id)
    return instance_id is not None and instance_id in ("", machine.id)
