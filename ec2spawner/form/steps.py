"""A profile on the form: software, then size, then the rest, each with what it means.

Pure. The short forms and a ``profile_list`` are shown by the same code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..costs.budget import shown
from ..costs.budget_words import so_far
from ..costs.words import UNKNOWN, address, machine_cost, stored
from ..profiles.choose import ChoiceError, choose
from ..profiles.profile import EXTRA, SIZE, SOFTWARE, UNLISTED, Choice, Option, Profile
from .about import (
    Fate,
    fate_of,
    is_asked,
    is_priced,
    kinds_of,
    name_of,
    written,
)
from .combination import Combination, about, in_words
from .known import Known
from .preselect import first_choices


@dataclass(frozen=True)
class Row:
    """A choice as the form shows it.

    :ivar disabled: why it cannot be chosen
    :ivar costs: by ``hour`` and ``day``
    :ivar trouble: what AWS has refused lately
    """

    choice: Choice
    selected: bool
    disabled: str
    facts: str
    costs: Mapping[str, str]
    ready: str
    wakes: str
    trouble: str
    fate: Fate


@dataclass(frozen=True)
class Step:
    """An option as the form shows it.

    :ivar writes: its value is to be written, and not one of its rows
    :ivar text: what is written there at first
    """

    option: Option
    field: str
    rows: tuple[Row, ...]
    writes: bool = False
    text: str = ""

    @property
    def decides(self) -> bool:
        """Whether it depends on this choice what becomes of files."""
        return len({row.fate for row in self.rows}) > 1

    @property
    def priced(self) -> bool:
        """Whether it depends on this choice what a size costs."""
        return is_priced(self.option)


@dataclass(frozen=True)
class Again:
    """The card that repeats the last choice; ``options`` is what its button sends."""

    name: str
    options: str
    costs: Mapping[str, str]
    wakes: str
    ready: str
    stopped: bool


@dataclass(frozen=True)
class MachineWords:
    """What a profile without sizes to choose from tells of its machine."""

    facts: str = ""
    costs: str = ""
    ready: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Steps:
    """A profile, with all that there is to choose.

    :ivar machine: where no size tells it
    :ivar facts: what the live sentence is made of, for its script
    :ivar fate: of all choices, if they are alike; else those that decide tell theirs
    """

    profile: Profile
    software: Step | None
    size: Step | None
    extras: tuple[Step, ...]
    again: Again | None
    fate: Fate | None
    foot: tuple[str, ...]
    facts: Mapping[str, Any]
    button: str
    machine: MachineWords


class StepsView:
    """Makes what the form shows of one profile.

    :param setting: a setting of the hub, by its name
    """

    def __init__(
        self, profile: Profile, known: Known, setting: Callable[[str], Any]
    ) -> None:
        self._profile = profile
        self._known = known
        self._setting = setting
        self._kinds = kinds_of(profile)
        #: of each size, by its key: a long list is asked for them twice
        self._misfits_of: dict[str, dict[str, str]] = {}

    def make(self, preselected: Mapping[str, Any], last: Mapping[str, Any]) -> Steps:
        """
        :param preselected: what is to be chosen at first, where it is on offer
        :param last: what the user's last start had
        """
        texts = written(self._profile, preselected)
        self._misfits_of.clear()
        chosen = first_choices(
            self._profile, self._kinds, self._together, preselected, texts
        )
        steps = [self._step(o, chosen, texts) for o in self._profile.options]

        def of(kind: str) -> list[Step]:
            return [s for s in steps if self._kinds[s.option.key] == kind]

        size = next(iter(of(SIZE)), None)
        together = self._together(chosen)
        told = any(step.decides for step in steps)
        return Steps(
            profile=self._profile,
            software=next(iter(of(SOFTWARE)), None),
            size=size,
            extras=tuple(of(EXTRA)),
            again=self._again(last),
            fate=None if told else fate_of(together.settled),
            foot=tuple(self._foot(together, size)),
            facts=self._facts(chosen),
            button=self._button(chosen, together),
            machine=MachineWords() if size else self._machine(together),
        )

    # -- what is chosen ------------------------------------------------------------

    def _together(self, chosen: Mapping[str, Choice]) -> Combination:
        overrides = [
            chosen[option.key].override
            for option in self._profile.options
            if option.key in chosen
        ]
        return Combination(
            self._known, self._setting, [self._profile.override, *overrides]
        )

    # -- a choice ------------------------------------------------------------------

    def _step(
        self, option: Option, chosen: Mapping[str, Choice], texts: Mapping[str, str]
    ) -> Step:
        order = sorted(
            (*option.choices, *option.locked), key=lambda each: each.position
        )
        rows = [self._row(option, choice, chosen) for choice in order]
        field = f"profile-option-{self._profile.slug}--{option.key}"
        writes = option.unlisted is not None and option.key not in chosen
        return Step(option, field, tuple(rows), writes, texts.get(option.key, ""))

    def _row(self, option: Option, choice: Choice, chosen: Mapping[str, Choice]) -> Row:
        together = self._together({**chosen, option.key: choice})
        is_size = self._kinds[option.key] == SIZE
        disabled = choice.locked if choice in option.locked else ""
        if is_size and not disabled:
            disabled = self._never_fits(option, choice, chosen)
        wakes = ""
        if is_size and together.stopped_type and self._known.stopped:
            wakes = about(together.usual(self._known.stopped.how))
        return Row(
            choice=choice,
            selected=chosen.get(option.key) is choice,
            disabled=disabled,
            facts=self._told(option, choice, chosen, together),
            costs=together.costs() if is_size else {},
            ready=together.until_ready if is_size else "",
            wakes=wakes,
            trouble=together.trouble if is_size and not disabled else "",
            fate=fate_of(together.settled),
        )

    def _told(
        self,
        option: Option,
        choice: Choice,
        chosen: Mapping[str, Choice],
        together: Combination,
    ) -> str:
        """What is known of a choice by itself."""
        kind = self._kinds[option.key]
        if kind == SIZE:
            return in_words(together.facts)
        if kind == SOFTWARE:
            # In any of the regions that there are to choose.
            some = {**chosen, option.key: choice}
            every = self._varied(some, lambda o: self._kinds[o.key] == EXTRA)
            away = (self._together(s).elsewhere for _, s in every)
            return next(filter(None, away), together.state)
        return together.away_from_home if "region" in choice.override else ""

    def _never_fits(
        self, option: Option, choice: Choice, chosen: Mapping[str, Choice]
    ) -> str:
        """Why a size goes with no software that there is; empty if it may."""
        why = self._misfits(option, choice, chosen)
        return next(iter(why.values()), "") if why and all(why.values()) else ""

    def _misfits(
        self, option: Option, choice: Choice, chosen: Mapping[str, Choice]
    ) -> dict[str, str]:
        """Why a size does not go with each image, by its key; empty where it may."""
        if choice.key not in self._misfits_of:
            self._misfits_of[choice.key] = self._find_misfits(option, choice, chosen)
        return self._misfits_of[choice.key]

    def _find_misfits(
        self, option: Option, choice: Choice, chosen: Mapping[str, Choice]
    ) -> dict[str, str]:
        size = {**chosen, option.key: choice}
        images = [o for o in self._profile.options if self._kinds[o.key] == SOFTWARE]
        if not images:
            return {"": self._together(size).misfit}
        return {
            image.key: self._together({**size, images[0].key: image}).misfit
            for image in images[0].choices
        }

    # -- the rest ------------------------------------------------------------------

    def _again(self, last: Mapping[str, Any]) -> Again | None:
        """None unless the same can be had again."""
        if last.get("profile") != self._profile.slug:
            return None
        try:
            selection = choose((self._profile,), last)
        except ChoiceError:
            return None
        assert selection is not None, "there is a profile to choose"
        texts = written(self._profile, last)
        together = Combination(self._known, self._setting, selection.overrides)
        if together.misfit or together.elsewhere:
            return None
        stopped = self._known.stopped
        wakes = bool(stopped and together.stopped_type)
        options = {"profile": self._profile.slug}
        options |= {key: choice.key for key, choice in selection.choices.items()}
        options |= {f"{key}--{UNLISTED}": text for key, text in texts.items()}
        return Again(
            name=", ".join(
                (name_of(selection.profile, selection.choices), *texts.values())
            ),
            options=json.dumps(options),
            costs=together.costs(),
            wakes=about(together.usual(stopped.how)) if stopped and wakes else "",
            ready=together.until_ready,
            stopped=wakes,
        )

    def _button(self, chosen: Mapping[str, Choice], together: Combination) -> str:
        name = name_of(self._profile, chosen, short=True)
        hour = together.costs().get("hour", "")
        known = hour and together.usd() is not None
        return f"Start {name} ({hour} an hour)" if known else f"Start {name}"

    def _machine(self, together: Combination) -> MachineWords:
        prices, types = self._known.prices, {"instance_types": together.types}

        def value(name: str) -> Any:
            return types.get(name) or together.value(name)

        return MachineWords(
            # Where there is nothing to choose, the profile's own words say it.
            facts=in_words(together.facts) if self._profile.options else "",
            costs="" if prices is None else machine_cost(value, prices),
            ready=together.until_ready,
            trouble=together.trouble,
        )

    def _foot(self, together: Combination, size: Step | None) -> Iterator[str]:
        """What is not known yet, what else costs money, and who says so."""
        rows = size.rows if size else ()
        if self._known.learning and not all(row.facts for row in rows):
            yield (
                "The Hub is asking AWS for the CPUs and memory of these sizes: they "
                "are here when you load this page again."
            )
        if size and not is_asked(self._profile) and together.text("market") == "spot":
            yield "AWS may end a spot machine at two minutes' notice."
        yield from map(so_far, shown(self._known.budgets))
        prices, region = self._known.prices, together.text("region")
        if prices is None:
            return
        if together.value("public_ip"):
            yield _costs("A public address", address(prices, region), " more")
        if fate_of(together.settled).stops:
            owners = together.value("image_owners") or []
            image = self._known.image(region, together.text("image"), owners)
            disk = together.value("root_volume_size") or (image and image.root_size)
            if disk:
                cost = stored(prices, region, disk)
                yield _costs(f"While it is stopped its disk ({disk} GiB)", cost)
        if together.value("home") != "none" and (home := together.value("home_size")):
            yield _costs(f"Your home ({home} GiB)", stored(prices, region, home))
        told = [prices.of(region, each) for each in together.types]
        at = max((price.at for price in told if price), default=0.0)
        if at:
            day = datetime.fromtimestamp(at, timezone.utc)
            yield f"List prices for {region} of {day.day} {day:%B %Y}."

    def _facts(self, chosen: Mapping[str, Choice]) -> dict[str, Any]:
        """Of each size, what depends on other choices."""
        ours = (o for o in self._profile.options if self._kinds[o.key] == SIZE)
        sizes = next(ours, None)
        if sizes is None:
            return {}
        return {
            choice.key: {
                "misfits": self._misfits(sizes, choice, chosen),
                "costs": {
                    key: self._together({**some, sizes.key: choice}).costs()
                    for key, some in self._varied(chosen, is_priced)
                },
                "ready": {
                    key: self._together({**some, sizes.key: choice}).until_ready
                    for key, some in self._varied(chosen, self._is_software)
                },
            }
            for choice in sizes.choices
        }

    def _is_software(self, option: Option) -> bool:
        return self._kinds[option.key] == SOFTWARE

    def _varied(
        self, chosen: Mapping[str, Choice], which: Callable[[Option], bool]
    ) -> Iterator[tuple[str, dict[str, Choice]]]:
        """All combinations of some options, by the keys of their choices."""
        found: list[tuple[str, dict[str, Choice]]] = [("", dict(chosen))]
        for option in self._profile.options:
            if which(option):
                found = [
                    (f"{key}/{choice.key}", {**some, option.key: choice})
                    for key, some in found
                    for choice in option.choices
                ]
        yield from found


def _costs(what: str, cost: str, more: str = "") -> str:
    return f"{what}: {cost}." if cost == UNKNOWN else f"{what} costs {cost}{more}."
