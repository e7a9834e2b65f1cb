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

from ...core.clock_words import span

Line = dict[str, Any]

#: what JupyterLab shows of a notice at once; the rest is a press of a button away
ROOM = 140
# How long before its end a machine that may run for so long tells people, at most.
_LIFETIME_WARNING = 1800.0


@dataclass(frozen=True)
class Facts:
    """What is known of one server for the people who work there.

    :ivar size: how its size is called, and ``choice`` with all that was chosen; empty
        when there was nothing to choose
    :ivar instance_type: empty while EC2 has not been asked for one
    :ivar memory: GiB; 0 when nobody knows, as with ``cpus``
    :ivar cost: of the machine so far, US dollars; None where nothing is said of money
    :ivar at_least: there is more than that, of which nobody knows the price
    :ivar rate: US dollars an hour, and ``hourly`` in words; None and empty for a price
        that nobody knows
    :ivar idle_timeout: seconds; 0 for never
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
    idle_timeout: float = 0.0
    lifetime: float = 0.0
    ends_at: float = 0.0
    has_home: bool = True
    sleeps: str = ""
    more: tuple[Line, ...] = ()
    notices: tuple[Line, ...] = ()


def told(facts: Facts, now: float) -> dict[str, Any]:
    """All that a page shows, until there is something new.

    :param now: seconds since the epoch
    """
    return {
        "bar": ", ".join(_bar(facts)),
        "cost": facts.cost or 0.0,
        "rate": facts.rate or 0.0,
        "heading": "Your machine",
        "details": [*_details(facts, now), *facts.more],
        "actions": [],
        "notices": [*_lifetime(facts, now), *facts.notices],
        "announced": announced(facts.has_home),
        "close": "Close",
        "more": "More",
        "away": "No word from this machine",
        "asked": "That is on its way. It may take a minute until it shows here.",
        "failed": "That could not be done: the server does not answer. Try again.",
    }


def _bar(facts: Facts) -> Iterator[str]:
    yield facts.size or facts.choice or facts.instance_type or "Your machine"
    if facts.cost is not None:
        least = "at least " if facts.at_least else ""
        yield f"{least}{{cost}} USD so far"
    if facts.idle_timeout:
        yield f"stops after {span(facts.idle_timeout)} idle"


def _details(facts: Facts, now: float) -> Iterator[Line]:
    yield {"text": _machine(facts)}
    if facts.cost is not None:
        yield {"text": _money(facts)}
    if facts.idle_timeout:
        yield {"text": f"It stops after {span(facts.idle_timeout)} without activity."}
    if facts.ends_at:
        at = facts.ends_at - now
        yield {"text": "It ends at the latest on {day}.", "left": at}
    yield {"text": _kept(facts)}


def _machine(facts: Facts) -> str:
    size = f"{facts.cpus} CPUs, {facts.memory:g} GiB" if facts.cpus else ""
    name = facts.choice or facts.size
    about = [facts.instance_type if name else "", size]
    known = ", ".join(filter(None, about))
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


def _kept(facts: Facts) -> str:
    home = "Your home is kept" if facts.has_home else "Nothing on it is kept"
    if facts.sleeps == "hibernate":
        return "When it stops, its disk and what is in its memory are kept."
    if facts.sleeps == "stop":
        return "When it stops, its disk is kept; what is in its memory is lost."
    if facts.has_home:
        return f"When it stops: {home.lower()}, and all else on it is lost."
    return f"When it stops: {home.lower()}, so save your work elsewhere."


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
