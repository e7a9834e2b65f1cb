"""Whether a server is used, and what follows when it is not. Pure.

A machine looks at itself and says what it saw (``Seen``), an admin has set how long
servers may be idle (``IdlePolicy``), and ``decide`` says what is to be done. What a
machine says can make its own server look used and nothing else: whatever costs money
is bounded by the Hub's own clock.

Times are in seconds, moments in seconds since the epoch by the Hub's clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from .clock_words import span

# How often a machine says what it sees. A thousand of them make 3.3 questions a second.
BEAT = 300.0
#: the same when its server is about to be warned or stopped
SOON_BEAT = 30.0
# A sight is too old to stop by when so many questions in a row were not asked.
_BEATS_MISSED = 3


@dataclass(frozen=True)
class Seen:
    """What a machine has seen of its own use, as it says.

    :ivar human_idle: since somebody has moved, typed, or looked at an application
    :ivar compute_idle: since anything has run
    :ivar why_active: what runs, a few words each
    :ivar sees_people: whether it would have seen people in JupyterLab
    :ivar keep: a number for the last time that somebody has asked to keep it; 0 before
    :ivar at: when the Hub has heard it, from which the others count
    """

    human_idle: float
    compute_idle: float
    why_active: tuple[str, ...] = ()
    sees_people: bool = False
    keep: float = 0.0
    at: float = 0.0


@dataclass(frozen=True)
class IdlePolicy:
    """What an admin has set for a server, in seconds; 0 for never and for nothing."""

    idle_timeout: float = 0.0
    busy_limit: float = 0.0
    max_age: float = 0.0
    idle_warning: float = 0.0
    keep_seconds: float = 0.0
    keep_limit: float = 0.0

    def warning(self, limit: Limit) -> float:
        """How long before the end its user is warned: half of the time at most."""
        whole = {
            Limit.IDLE: self.idle_timeout,
            Limit.BUSY: self.busy_limit,
            Limit.AGE: self.max_age,
        }[limit]
        return min(self.idle_warning, whole / 2)

    @property
    def soon_beat(self) -> float:
        """How often a machine speaks that is about to be warned or stopped."""
        # Whoever tries it with an idle time of seconds is to see it happen.
        shortest = min(filter(None, (self.idle_timeout, self.busy_limit)), default=0.0)
        return min(SOON_BEAT, max(shortest / 8, 0.5))


class Limit(str, Enum):
    """Which of an admin's limits stops a server."""

    IDLE = "idle"
    BUSY = "busy"
    AGE = "age"


class Step(Enum):
    """What is to be done with a server that runs."""

    STAY = "nothing"
    WARN = "its user is told that it is about to stop"
    STOP = "stop it"


@dataclass(frozen=True)
class Verdict:
    """What is to be done, and why.

    :ivar at: when it stops if all stays as it is; 0 when it does not, or nobody knows
    :ivar limit: by which limit, None where there is none
    :ivar why: a sentence without a full stop: what keeps it on, or why it is to stop
    :ivar idle_since: since when it is not used; 0 while it is
    """

    step: Step
    why: str
    at: float = 0.0
    limit: Limit | None = None
    idle_since: float = 0.0

    def next_beat(self, policy: IdlePolicy, now: float) -> float:
        """Seconds in which the machine is to speak again."""
        if self.limit is None or not self.at:
            return BEAT
        # So that a sight is new when its user is to be warned.
        calm = self.at - now - policy.warning(self.limit) - policy.soon_beat
        return min(max(calm, policy.soon_beat), BEAT)


_NO_WORD = "its machine has not said yet whether it is used"
_OLD = "its machine has said nothing new, and may be used"
#: of a server of which nobody knows yet
UNKNOWN = Verdict(Step.STAY, _NO_WORD)


def decide(
    policy: IdlePolicy,
    seen: Seen | None,
    since: float,
    last_activity: float,
    kept_until: float,
    now: float,
    warned_at: float = 0.0,
) -> Verdict:
    """What is to be done with a server that runs. What is not known counts as use.

    :param seen: what its machine has said last; None before
    :param since: when the server was ready
    :param last_activity: when JupyterHub was last told of activity; 0 for never. It
        counts where the machine cannot see people
    :param kept_until: to when somebody has asked to keep it; 0 when nobody has
    :param warned_at: since when its user is told that it is about to stop; 0 before
    """
    used = _Use(seen, since, last_activity) if seen else None
    idle = used.idle_since(now) if used else 0.0
    ends = sorted(_ends(policy, used, since, kept_until))
    due = [end for end in ends if now >= end[0] - policy.warning(end[1])]
    # Since an old sight somebody may have come, and the Hub would not know.
    old = seen is None or now - seen.at > _BEATS_MISSED * policy.soon_beat
    certain = [end for end in due if end[1] is Limit.AGE or not old]
    if not certain:
        why = _OLD if due else _what_keeps(used)
        at, limit = ends[0] if ends else (0.0, None)
        return Verdict(Step.STAY, why, at, limit, 0.0 if due else idle)
    at, limit = certain[0]
    # Who is not warned in time, as the Hub was away, has as much of it.
    at = max(at, (warned_at or now) + policy.warning(limit))
    step = Step.STOP if now >= at else Step.WARN
    return Verdict(step, _why_not(policy, limit, used, now), at, limit, idle)


class _Use:
    """When somebody has last used a server, and when anything has last run on it."""

    def __init__(self, seen: Seen, since: float, last_activity: float) -> None:
        people = [since, seen.at - seen.human_idle]
        if not seen.sees_people:
            # As a culler would judge: an open tab counts.
            people.append(min(last_activity, seen.at))
        self.by_people = max(people)
        self.by_programs = max(since, seen.at - seen.compute_idle)
        self.why_active = seen.why_active

    @property
    def last(self) -> float:
        return max(self.by_people, self.by_programs)

    def idle_since(self, now: float) -> float:
        return 0.0 if self.why_active or self.last >= now else self.last


def _ends(
    policy: IdlePolicy, used: _Use | None, since: float, kept_until: float
) -> Iterator[tuple[float, Limit]]:
    if policy.max_age:
        yield since + policy.max_age, Limit.AGE
    if used is None:
        return
    if policy.idle_timeout:
        yield max(used.last + policy.idle_timeout, kept_until), Limit.IDLE
    if policy.busy_limit:
        yield max(used.by_people + policy.busy_limit, kept_until), Limit.BUSY


def _what_keeps(used: _Use | None) -> str:
    if used is None:
        return _NO_WORD
    if used.why_active:
        return "; ".join(used.why_active)
    if used.by_people >= used.by_programs:
        return "somebody has used it"
    return "something has run on it"


def _why_not(policy: IdlePolicy, limit: Limit, used: _Use | None, now: float) -> str:
    if limit is Limit.AGE or used is None:
        return f"it has run for {span(policy.max_age)}, which is as long as it may"
    if limit is Limit.IDLE:
        idle = span(now - used.last)
        return f"nobody has used it and nothing has run on it for {idle}"
    more = ", although something runs on it" if used.why_active else ""
    return f"nobody has used it for {span(now - used.by_people)}{more}"


def prolonged(
    policy: IdlePolicy, since: float, kept_until: float, kept: float, now: float
) -> tuple[float, float]:
    """(kept until, what all presses have given) after one more press of *Keep*.

    One press gives ``keep_seconds`` from now, all of a start together no more than
    ``keep_limit``, and none a time beyond ``max_age``. So pressing again and again
    gives no more than the limit, whoever presses.

    :param since: when the server was ready
    :param kept: seconds that earlier presses of this start have given
    """
    begins = max(kept_until, now)
    until = min(now + policy.keep_seconds, begins + policy.keep_limit - kept)
    if policy.max_age:
        until = min(until, since + policy.max_age)
    more = until - begins
    return (until, kept + more) if more > 0 else (kept_until, kept)
