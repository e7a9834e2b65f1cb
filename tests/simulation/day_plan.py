"""What will happen on a day, drawn from one number before anything happens.

So a day is a list of steps: it can be printed, played again, and made shorter until
each step that is left is needed for what went wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

STEPS = 15
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Step:
    """One thing that happens: the name of a method of ``Day``, and its arguments."""

    what: str
    choices: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.choices)
        return f"{self.what}({shown})"


@dataclass(frozen=True)
class Plan:
    """A whole day.

    :ivar hubs: the settings of each hub
    """

    seed: int
    hubs: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]

    def only(self, numbers: Sequence[int]) -> Plan:
        """The same day with only some of its steps, counted from 0."""
        return Plan(self.seed, self.hubs, tuple(self.steps[n] for n in numbers))


@dataclass(frozen=True)
class _May:
    weight: int
    choices: dict[str, Sequence[Any]]


def may_happen(weight: int = 2, **choices: Sequence[Any]) -> Callable[[F], F]:
    """Marks a method of ``Day`` as something that may happen.

    :param weight: how often, beside the others
    :param choices: what each argument is one of
    """

    def mark(method: F) -> F:
        method.may_happen = _May(weight, choices)  # type: ignore[attr-defined]
        return method

    return mark


def plan_of(
    seed: int, day: type, settings: dict[str, Sequence[Any]], aims: Sequence[Step]
) -> Plan:
    """The day of a seed.

    :param day: the class whose marked methods may happen
    :param settings: what each setting of a hub is one of
    :param aims: all that days aim at, one after the other: each day has three of them
    """
    chance = random.Random(seed)
    hubs = tuple(
        {name: chance.choice(values) for name, values in settings.items()}
        for _ in range(2)
    )
    known = {
        name: vars(day)[name].may_happen
        for name in sorted(vars(day))
        if hasattr(vars(day)[name], "may_happen")
    }
    names, weights = list(known), [may.weight for may in known.values()]
    steps = [
        Step(
            name,
            tuple((k, chance.choice(v)) for k, v in known[name].choices.items()),
        )
        for name in chance.choices(names, weights, k=STEPS)
    ]
    for number in range(3):
        aim = aims[(3 * seed + number) % len(aims)]
        steps.insert(chance.randrange(len(steps)), aim)
    return Plan(seed, hubs, tuple(steps))


def shorter(plan: Plan, fails: Callable[[Plan], bool], tries: int = 60) -> list[int]:
    """Numbers of the steps that a failure needs, as far as so many tries tell."""
    kept = list(range(len(plan.steps)))
    size = len(kept) // 2
    while size and tries:
        for begin in range(0, len(kept), size):
            without = kept[:begin] + kept[begin + size :]
            tries -= 1
            if fails(plan.only(without)):
                kept = without
                break
            if not tries:
                break
        else:
            size //= 2
    return kept
