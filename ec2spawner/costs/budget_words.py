"""What a user reads of budgets. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..core.clock_words import clock, day
from ..core.errors import EC2SpawnError, Reason
from .budget import Decision, Use
from .words import dollars


def notices(decision: Decision, stops_at: float = 0.0) -> Iterator[str]:
    """What a user is to know of budgets, for the Hub's pages.

    :param stops_at: when their servers are stopped, seconds since the epoch; 0 for
        never, such as when none runs
    """
    if full := decision.refused_by:
        yield level(full, stops_at)
    for use in decision.told:
        if not use.full:
            yield level(use)
    if decision.unknown:
        yield unknown_price(decision)


def level(use: Use, stops_at: float = 0.0) -> str:
    """How far one is used up, and what follows.

    :param stops_at: as above
    """
    return _used_up(use, stops_at) if use.full else _reached(use)


def _used_up(use: Use, stops_at: float) -> str:
    text = f"{_whole(use)} is used up, so no server starts."
    if stops_at:
        text += f" Servers that run are stopped at {clock(stops_at)}: save your work."
    return f"{text} {_advice(use)}"


def _reached(use: Use) -> str:
    return (
        f"{use.level} % of {_small(_whole(use))} is spent: {use.spent}. When all of it "
        "is, servers are stopped and none starts. If you need more, ask your hub's "
        "admin."
    )


def so_far(use: Use) -> str:
    """``Your budget of 60.00 USD a month: 4.10 USD is spent, 55.90 USD is left.``"""
    left = dollars(max(0.0, use.left))
    most = "at most " if use.spent.unknown else ""
    return f"{_whole(use)}: {use.spent} is spent, {most}{left} is left."


def lasts(uses: Collection[Use], usd: float | None) -> str:
    """For how long a machine may run; empty without a budget.

    :param usd: what it costs an hour; None for a price that nobody knows
    """
    if not uses:
        return ""
    if usd is None:
        return "It counts toward no budget, as nobody knows its price."
    left = max(0.0, min(use.left for use in uses))
    if not usd:
        return ""
    return f"What is left of the budget pays for {_hours(left / usd)}."


def _hours(hours: float) -> str:
    if hours >= 2:
        return f"about {int(hours):,} hours"
    minutes = int(hours * 60)
    return f"about {minutes} minutes" if minutes >= 2 else "less than 2 minutes"


def unknown_price(decision: Decision) -> str:
    """Something counts toward no budget."""
    what = ", ".join(sorted(decision.unknown))
    return (
        f"Nobody knows the price of {what}, so it counts toward no budget. Please tell "
        "your hub's admin."
    )


def stopped(use: Use, now: float) -> str:
    """Why a server was stopped, for a page from which it cannot be started yet."""
    return (
        f"Your server was stopped on {day(now)}, as {_small(_whole(use))} is used up. "
        "Your files are kept."
    )


def refused(use: Use) -> EC2SpawnError:
    """No server starts: the budget is used up."""
    return EC2SpawnError(
        f"{_whole(use)} is used up: {use.spent} is spent. Homes and stopped machines "
        f"cost, too. {_again(use)}or ask your hub's admin.",
        reason=Reason.BUDGET,
        log_message=f"The budget is used up: {use.budget}, spent {use.spent}",
    )


def refused_unknown(what: str) -> EC2SpawnError:
    """No server starts: nobody can say what it would cost."""
    return EC2SpawnError(
        f"Nobody knows the price of {what}, and this hub starts nothing within a "
        "budget that has no price. Choose another one, or ask your hub's admin.",
        reason=Reason.BUDGET,
        log_message=f"budget_unknown = 'refuse', and the price of {what} is unknown",
    )


def _whole(use: Use) -> str:
    return f"{use.budget.whose} of {use.budget.amount}"


def _small(text: str) -> str:
    return text[0].lower() + text[1:]


def _again(use: Use) -> str:
    return (
        "Try again next month, " if use.budget.monthly else "Wait until it is raised, "
    )


def _advice(use: Use) -> str:
    if use.budget.monthly:
        return "Start the server again next month, or ask your hub's admin."
    return "If you need more, ask your hub's admin."
