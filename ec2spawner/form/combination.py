"""Some choices together: the settings that they make, and whether they fit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from ..costs.budget_words import lasts
from ..costs.words import UNKNOWN, dollars
from ..ec2.facts import TypeFacts
from ..launch.history import StartKind
from ..profiles.profile import Override
from .known import Known
from .shelf import state_of

_HOURS = 8


class Combination:
    """The settings as choices make them, before anybody has chosen.

    :param setting: a setting of the hub, by its name
    :param overrides: in the order in which they count, the last one most
    """

    def __init__(
        self,
        known: Known,
        setting: Callable[[str], Any],
        overrides: Iterable[Override],
    ) -> None:
        self._known = known
        self._setting = setting
        self._overrides = list(overrides)

    def value(self, name: str) -> Any:
        """A setting; None for what only a callable can tell."""
        value = self._setting(name)
        for override in self._overrides:
            value = override.get(name, value)
        return None if callable(value) else value

    def settled(self, name: str) -> Any:
        """A setting, as if no callable would change it."""
        value = self._setting(name)
        for override in self._overrides:
            own = override.get(name)
            value = value if own is None or callable(own) else own
        return value

    def text(self, name: str) -> str:
        value = self.value(name)
        return value if isinstance(value, str) else ""

    @cached_property
    def types(self) -> list[str]:
        """The instance types to try; empty when they are not known."""
        several, one = self._setting("instance_types"), self._setting("instance_type")
        for override in self._overrides:
            if "instance_type" in override:
                several, one = [], override["instance_type"]
            several = override.get("instance_types", several)
        types = (several if not callable(several) else None) or [one]
        return [each for each in types if isinstance(each, str)]

    @cached_property
    def facts(self) -> list[TypeFacts]:
        """Of the types of which EC2 has told them."""
        region = self.text("region")
        found = (self._known.type_facts(region, each) for each in self.types)
        return [each for each in found if each is not None]

    @cached_property
    def misfit(self) -> str:
        """Why size and image do not go together; empty when they may."""
        facts, types = self.facts, self.types
        if (
            facts
            and len(facts) == len(types)
            and not any(f.architectures for f in facts)
        ):
            return "AWS does not have it in this region."
        owners = self.value("image_owners") or []
        image = self._known.image(self.text("region"), self.text("image"), owners)
        if image is None:
            return ""
        here = [each.architectures for each in facts if each.architectures]
        if (
            image.architecture
            and len(facts) == len(types)
            and here
            and not any(image.architecture in each for each in here)
        ):
            have = "/".join(sorted(set().union(*here)))
            return (
                f"Its processors are {have}, the software is for {image.architecture}."
            )
        size = self.value("root_volume_size") or 0
        if 0 < size < image.root_size:
            return f"Its disk has {size} GiB, the software needs {image.root_size} GiB."
        return ""

    @property
    def elsewhere(self) -> str:
        """Where the image is, when it is not in this region; empty when it may be."""
        owners = self.value("image_owners") or []
        places = self._known.elsewhere(self.text("region"), self.text("image"), owners)
        return f"The software is in {in_a_row(places)} only." if places else ""

    @property
    def state(self) -> str:
        """What there is of software that is made from a repository."""
        names = ("region", "image", "repository")
        return state_of(self._known, *(self.text(name) for name in names))

    @property
    def away_from_home(self) -> str:
        """That the home is in another region, where it stays; empty when it is not."""
        home, region = self._known.home_region, self.text("region")
        if not home or home == region or self.value("home") == "none":
            return ""
        return f"Your home is in {home} and stays there: its files are not here."

    def usd(self) -> tuple[float, bool] | None:
        """The most that it costs an hour, and whether it may be less."""
        prices, region = self._known.prices, self.text("region")
        market = self.text("market")
        if prices is None or not self.types:
            return None
        found = [
            prices.spot(region, each) if market == "spot" else prices.of(region, each)
            for each in self.types
        ]
        usd = sorted({price.usd for price in found if price is not None})
        if not usd or None in found:
            return None
        return usd[-1], len(usd) > 1 or market == "spot-then-on-demand"

    def costs(self) -> dict[str, str]:
        """In words, by ``hour``, ``day`` and ``budget``, of which the last is a
        sentence; empty where nobody speaks of prices."""
        if self._known.prices is None:
            return {}
        found = self.usd()
        budget = lasts(self._known.budgets, found[0] if found else None)
        if found is None:
            return {"hour": UNKNOWN, "day": "", "budget": budget}
        most, varies = found
        up_to = "up to " if varies else ""
        amount = dollars(most * _HOURS).removesuffix(" USD")
        day = f"{up_to}{amount} for a day of {_HOURS}\N{NO-BREAK SPACE}h"
        return {"hour": f"{up_to}{dollars(most)}", "day": day, "budget": budget}

    def usual(self, woken: str = "") -> float:
        """Seconds that such starts took; 0 while there was none."""
        for each in self.types:
            image = "" if woken else self.text("repository") or self.text("image")
            kind = StartKind(self.text("region"), image, each, woken)
            if expected := self._known.history.expected(kind):
                return expected.usual
        return 0.0

    @property
    def until_ready(self) -> str:
        """``in about 45 s``, as such starts took; ``at once`` where a machine is ready;
        empty where nothing is known."""
        if self._known.ready(self.settled, self.types):
            return "at once"
        seconds = about(self.usual())
        return f"in {seconds}" if seconds else ""

    @property
    def trouble(self) -> str:
        """What AWS has refused lately."""
        return self._known.refused(
            self.text("region"),
            self.text("market"),
            self.types,
            self.value("subnets") or [],
            self.text("image"),
        )

    @property
    def stopped_type(self) -> str:
        """The type of the server's stopped machine, if this is its size."""
        stopped = self._known.stopped
        fits = stopped is not None and stopped.instance_type in self.types
        return stopped.instance_type if stopped and fits else ""


def in_a_row(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def in_words(facts: Sequence[TypeFacts]) -> str:
    """``NVIDIA T4 16 GiB, 4 CPUs, 16 GiB of memory``; of several types the first."""
    if not facts or not facts[0].cpus:
        return ""
    first = facts[0]
    cpus = f"{first.cpus} CPU{'s' if first.cpus > 1 else ''}"
    return ", ".join([*first.gpus, cpus, f"{first.memory:g} GiB of memory"])


def about(seconds: float) -> str:
    """In round figures: ``about 45 s``, ``about 3 min``; empty for 0."""
    if not seconds:
        return ""
    if seconds < 90:
        step = 1 if seconds < 10 else 5
        return f"about {max(1, round(seconds / step) * step)} s"
    return f"about {round(seconds / 60)} min"
