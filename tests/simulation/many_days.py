"""Many days one after the other: what went wrong, how fast, and what met what."""

from __future__ import annotations

import gc
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .coverage import Coverage
from .day_plan import Plan, shorter
from .random_days import AIMS, live_through, plan


@dataclass
class Days:
    """What became of some days.

    :ivar wrong: seed -> what went wrong
    """

    lived: int = 0
    virtual: float = 0.0
    real: float = 0.0
    met: Coverage = field(default_factory=Coverage)
    wrong: dict[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        factor = self.virtual / self.real if self.real else 0.0
        return (
            f"{self.lived} days, {len(self.wrong)} went wrong; {self.virtual:.0f} s in "
            f"{self.real:.0f} s of the processor: {factor:.0f} times as fast"
        )


@contextmanager
def quiet() -> Iterator[None]:
    """What Hubs write while everything around them fails is of no interest."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def live_many(
    make_world: Callable[..., Any],
    seeds: Iterator[int],
    tell: Callable[[str], None] = print,
) -> Days:
    """Live through the days of these seeds; none keeps the next from its turn."""
    days = Days()
    for seed in seeds:
        began, day = time.process_time(), plan(seed)
        try:
            lived = live_through(make_world, day, days.met)
            days.virtual += lived.passed
        except Exception as e:  # whatever it was: it is told with the seed
            where = [
                f"{f.name}:{f.lineno}" for f in traceback.extract_tb(e.__traceback__)
            ]
            days.wrong[seed] = f"{type(e).__name__}: {e} ({' > '.join(where[-3:])})"
            tell(f"seed {seed}: {days.wrong[seed][:600]}")
        days.real += time.process_time() - began
        days.lived += 1
        # Dead Hubs are kept for ever; nobody need look through them again.
        gc.freeze()
    return days


def seeds_for(met: Coverage, first: int) -> Iterator[int]:
    """Seeds from the first on that aim at something that has never been met."""
    never = set(met.never)
    seed = first
    while True:
        aims = [AIMS[(3 * seed + n) % len(AIMS)] for n in range(3)]
        if any(dict(aim.choices)["cell"] in never for aim in aims):
            yield seed
        seed += 1


def command_for(make_world: Callable[..., Any], day: Plan) -> str:
    """How to play what went wrong again, with no step that it does not need."""

    def fails(shortened: Plan) -> bool:
        try:
            live_through(make_world, shortened)
        except Exception:
            return True
        return False

    kept = shorter(day, fails)
    shown = "\n".join(f"  {n}: {day.steps[n]}" for n in kept)
    numbers = ",".join(map(str, kept)) or "none"
    return f"python -m tests.simulation {day.seed} --only {numbers}\n{shown}"
