"""What a user may expect of a start: how long it takes, and what its machine costs."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.state import Phase, ServerState
from ...costs.words import hourly, machine_cost
from ...launch.history import Expected, kind_of
from ...launch.progress import IMAGE, STAGES, Stage
from ...server.context import ServerContext


@dataclass(frozen=True)
class Expectation:
    """Of a start that is under way.

    :ivar price: in words; empty where a hub does not speak of prices
    :ivar seconds: since it began
    :ivar expected: None while nothing is known of earlier starts like it
    """

    instance_type: str
    price: str
    seconds: float
    stages: tuple[Stage, ...]
    expected: Expected | None


def expect(context: ServerContext) -> Expectation:
    """What may be said of the present start, at any moment of it."""
    settings = context.settings
    size = context.launch.instance_type or next(iter(settings.types), "")
    kind = kind_of(settings, size, woken_from(context.state))
    first = "Your machine is woken" if kind.woken else STAGES[0].words
    third = "It is set up" if settings.home == "none" else STAGES[2].words
    words = (first, STAGES[1].words, third, STAGES[3].words)
    stages = tuple(Stage(s.name, text, s.done) for s, text in zip(STAGES, words))
    progress, expected = context.progress, context.runtime.history.expected(kind)
    if progress.builds:
        # What it takes depends on the repository: its steps say it.
        stages, expected = (IMAGE, *stages), None
    return Expectation(
        size,
        price_of(context),
        # Before its first step it has not begun: the form may have been open for long.
        progress.seconds - progress.apart if progress.steps else 0.0,
        stages,
        expected,
    )


def woken_from(state: ServerState) -> str:
    """From what the machine of a start is woken; empty for a new machine."""
    launch = state.current
    if state.stopped is not None:
        return state.stopped.how
    wakes = launch.ready_at and launch.phase in (Phase.BOOTING, Phase.CLAIMED)
    return launch.on_stop if wakes else ""


def speaks_of_prices(context: ServerContext) -> bool:
    """Whether the hub wants its users to read of money."""
    return bool(context.settings.prices or context.settings.prices_region)


def price_of(context: ServerContext) -> str:
    """What the server's machine costs, in words: the one that it has, else the one
    that its settings mean. Empty where the hub does not speak of prices."""
    settings, prices = context.settings, context.runtime.prices
    if not speaks_of_prices(context):
        return ""
    launch = context.launch
    if not launch.instance_type:
        return machine_cost(lambda name: getattr(settings, name), prices)
    region = launch.region or settings.region
    return hourly(prices, region, launch.instance_type, launch.market, launch.zone)
