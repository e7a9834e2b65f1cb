"""What people in Jupyter read of their machine, whole, as its page shows it. Pure.

In a sentence ``{left}`` is the time until its moment, ``{at}`` and ``{day}`` that
moment on the reader's own clock, without and with its day, and ``{cost}`` what the
machine has cost by now. The moment is given as ``left``, seconds from now: the clocks
of Hub, machine and page differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...core.clock_words import moments, span
from ...core.idleness import UNKNOWN, IdlePolicy, Limit, Step, Verdict

Line = dict[str, Any]

#: characters of a notice that JupyterLab shows; the rest is a press of a button away
ROOM = 140
# How long before its end a machine that may run for so long tells people, at most.
_LIFETIME_WARNING = 1800.0
# Who has closed a warning is told once more, so long before the end.
_LAST_WARNING = 120.0


@dataclass(frozen=True)
class Facts:
    """What is known of one server for the people who work there. Moments are seconds
    since the epoch.

    :ivar size: how its size is called, and ``choice`` with all that was chosen; empty
        when there was nothing to choose
    :ivar instance_type: empty while EC2 has not been asked for one
    :ivar memory: GiB; 0 when nobody knows, as with ``cpus``
    :ivar cost: of the machine so far, US dollars; None where nothing is said of money
    :ivar at_least: there is more than that, of which nobody knows the price
    :ivar rate: US dollars an hour, and ``hourly`` in words; None and empty for a price
        that nobody knows
    :ivar idle: when it stops
    :ivar culled: a service of the Hub sees to that, by the activity that it hears of
    :ivar warned_at: since when it is about to stop; 0 while it is not
    :ivar ready_at: since when it may be used
    :ivar kept_until: to when it is kept, as somebody has asked; 0 when nobody has
    :ivar keep: seconds that one more press of *Keep* gives; 0 for no such button
    :ivar lifetime: seconds that the machine may run, and ``ends_at`` until when; 0 and
        0 for no limit
    :ivar has_home: the user's files outlive the machine
    :ivar sleeps: what becomes of the machine when its server stops: ``stop``,
        ``hibernate``, or empty for its end
    :ivar more: further lines for the dialog
    :ivar notices: further notices
    """

    size: str = ""
    choice: str = ""
    instance_type: str = ""
    cpus: int = 0
    memory: float = 0.0
    market: str = ""
    cost: float | None = None
    at_least: bool = False
    rate: float | None = None
    hourly: str = ""
    idle: IdlePolicy = IdlePolicy()
    culled: bool = False
    verdict: Verdict = UNKNOWN
    warned_at: float = 0.0
    ready_at: float = 0.0
    kept_until: float = 0.0
    keep: float = 0.0
    lifetime: float = 0.0
    ends_at: float = 0.0
    has_home: bool = True
    sleeps: str = ""
    more: tuple[Line, ...] = ()
    notices: tuple[Line, ...] = ()

    @property
    def stops(self) -> bool:
        """It is about to."""
        return self.verdict.step is not Step.STAY


def told(facts: Facts, now: float) -> dict[str, Any]:
    """All that a page shows, until there is something new.

    :param now: seconds since the epoch
    """
    keep = [_keep(facts)] if facts.keep else []
    return {
        **_bar(facts, now),
        "cost": facts.cost or 0.0,
        "rate": facts.rate or 0.0,
        "heading": "Your machine",
        "details": [*_details(facts, now), *facts.more],
        "actions": keep,
        "notices": [*_stops(facts, now), *_lifetime(facts, now), *facts.notices],
        "announced": announced(facts.has_home),
        "close": "Close",
        "more": "More",
        "away": "No word from this machine",
        "asked": "That is on its way. It may take a minute until it shows here.",
        "failed": "That could not be done: the server does not answer. Try again.",
    }


def line(text: str, now: float, **more: Any) -> Line:
    """A sentence of the Hub's pages, with its time by the reader's own clock."""
    moment = next(moments(text, now), None)
    if moment is None:
        return {"text": text, **more}
    mark = "{day}" if moment.has_day else "{at}"
    marked = f"{text[: moment.start]}{mark}{text[moment.end :]}"
    return {"text": marked, "left": moment.at - now, **more}


# -- the bar, and its dialog -----------------------------------------------------------


def _bar(facts: Facts, now: float) -> Line:
    name = facts.size or facts.choice or facts.instance_type or "Your machine"
    least = "at least " if facts.at_least else ""
    cost = "" if facts.cost is None else f"{least}{{cost}} USD so far"
    if facts.stops:
        return _joined(now, facts.verdict.at, "Stops in {left}", cost)
    if facts.kept_until > now:
        return _joined(now, facts.kept_until, name, cost, "kept until {at}")
    timeout = facts.idle.idle_timeout
    idle = f"stops after {span(timeout)} idle" if timeout else ""
    return _joined(now, now, name, cost, idle)


def _joined(now: float, at: float, *parts: str) -> Line:
    return {"bar": ", ".join(filter(None, parts)), "left": at - now}


def _details(facts: Facts, now: float) -> Iterator[Line]:
    yield {"text": _machine(facts)}
    if facts.cost is not None:
        yield {"text": _money(facts)}
    yield from _when_it_stops(facts, now)
    yield {"text": _kept_then(facts)}


def _when_it_stops(facts: Facts, now: float) -> Iterator[Line]:
    idle, verdict = facts.idle, facts.verdict
    if idle.idle_timeout and facts.culled:
        yield {
            "text": "It stops when your hub has heard of no activity for "
            f"{span(idle.idle_timeout)}. What computes and prints nothing is none."
        }
    elif idle.idle_timeout:
        # Heartbeats are minutes apart: it may be otherwise by now.
        seen = "" if verdict == UNKNOWN else f" When it last looked: {verdict.why}."
        yield {
            "text": "It stops when nobody has used it and nothing has run on it for "
            f"{span(idle.idle_timeout)}.{seen}"
        }
    if idle.busy_limit:
        yield {
            "text": "Although something runs, it stops when nobody has used it for "
            f"{span(idle.busy_limit)}."
        }
    if facts.stops:
        yield {"text": "It stops at {at}.", "left": verdict.at - now}
    elif facts.kept_until > now:
        yield {"text": "It is kept until {day}.", "left": facts.kept_until - now}
    ages = facts.ready_at + idle.max_age if idle.max_age and facts.ready_at else 0.0
    if end := min(filter(None, (ages, facts.ends_at)), default=0.0):
        yield {"text": "It stops at the latest on {day}.", "left": end - now}


def _machine(facts: Facts) -> str:
    size = f"{facts.cpus} CPUs, {facts.memory:g} GiB" if facts.cpus else ""
    name = facts.choice or facts.size
    known = ", ".join(filter(None, [facts.instance_type if name else "", size]))
    text = name or facts.instance_type or "A machine of your own"
    text += f" ({known})" if known else ""
    if facts.market == "spot":
        return f"{text}, spot: AWS may take it back at two minutes' notice."
    return f"{text}."


def _money(facts: Facts) -> str:
    if facts.rate is None and not facts.cost:
        return "Nobody knows its price."
    least = "At least " if facts.at_least else ""
    hourly = f", {facts.hourly}" if facts.hourly else ""
    return f"{least}{{cost}} USD so far{hourly}."


def _kept_then(facts: Facts) -> str:
    if facts.sleeps == "hibernate":
        return "When it stops, its disk and what is in its memory are kept."
    if facts.sleeps == "stop":
        return "When it stops, its disk is kept; what is in its memory is lost."
    if facts.has_home:
        return "When it stops, your home is kept, and all else on it is lost."
    return "When it stops, nothing on it is kept: save your work elsewhere."


def _keep(facts: Facts) -> Line:
    """The button that keeps it on."""
    cost = ""
    if facts.rate and facts.cost is not None:
        cost = f" ({facts.rate * facts.keep / 3600:.2f} USD)"
    label = f"Keep for {span(facts.keep)}{cost}"
    return {"label": label, "ask": {"keep": round(facts.keep)}}


# -- notices ---------------------------------------------------------------------------


def announced(has_home: bool) -> dict[str, str]:
    """What the machine itself says when EC2 announces that it takes it back: by the
    step that it reports."""
    kept = "Your home is kept, all else is lost." if has_home else "All on it is lost."
    return {
        "interruption": "AWS takes this machine back at {at}, in {left}. Save your "
        f"work now! {kept}",
        "rebalance": "AWS may soon take this machine back. Save your work, then stop "
        "the server and start it again.",
    }


def _stops(facts: Facts, now: float) -> Iterator[Line]:
    verdict = facts.verdict
    if not facts.stops or verdict.limit is None:
        return
    limit, idle = verdict.limit, span(now - verdict.idle_since)
    why = {
        Limit.IDLE: f"Nobody has used this machine for {idle}, nothing runs: it stops",
        Limit.BUSY: f"Nobody has used this machine for {span(facts.idle.busy_limit)}, "
        "though something runs: it stops",
        Limit.AGE: "This server has run for as long as it may: it stops",
    }[limit]
    notice = {
        "kind": "warning",
        "left": verdict.at - now,
        "text": f"{why} in {{left}}. {_lost(facts)}",
        "actions": [_keep(facts)] if facts.keep and limit is not Limit.AGE else [],
    }
    # The next time it is another one, although the first was closed.
    name = f"{limit.value}-{facts.warned_at:.0f}"
    yield {**notice, "id": name}
    if facts.idle.warning(limit) > 2 * _LAST_WARNING:
        yield {**notice, "id": f"{name}-last", "within": _LAST_WARNING}


def _lost(facts: Facts) -> str:
    if facts.sleeps == "hibernate":
        return "Everything is kept."
    if facts.sleeps == "stop":
        return "Files are kept, memory is lost."
    return "Your home is kept." if facts.has_home else "All on it is lost."


def _lifetime(facts: Facts, now: float) -> Iterator[Line]:
    if facts.ends_at:
        kept = "Your home is kept." if facts.has_home else "All on it is lost."
        yield {
            "id": "lifetime",
            "kind": "warning",
            "left": facts.ends_at - now,
            "within": min(_LIFETIME_WARNING, facts.lifetime / 10),
            "text": "This machine ends in {left}, at {at}: it has run for as long as "
            f"it may. Save your work. {kept}",
        }
