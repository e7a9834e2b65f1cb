"""The short form: software, then size, then the rest, each with what it means. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..costs.words import UNKNOWN, address, stored
from ..profiles.choose import ChoiceError, choose
from ..profiles.profile import EXTRA, SIZE, SOFTWARE, Choice, Option, Profile
from .combination import Combination, about, in_words
from .known import Known


@dataclass(frozen=True)
class Fate:
    """What becomes of a machine, and of the files on it, when its server stops.

    :ivar stops: it is stopped, not ended
    :ivar has_home: the user's home directory outlives it
    """

    stops: bool = False
    has_home: bool = False


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
    """An option as the form shows it."""

    option: Option
    field: str
    rows: tuple[Row, ...]

    @property
    def decides(self) -> bool:
        """Whether it depends on this choice what becomes of files."""
        return len({row.fate for row in self.rows}) > 1


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
class Steps:
    """The whole form.

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


class StepsView:
    """Makes the form of one profile of the short kind.

    :param setting: a setting of the hub, by its name
    """

    def __init__(
        self, profile: Profile, known: Known, setting: Callable[[str], Any]
    ) -> None:
        self._profile = profile
        self._known = known
        self._setting = setting

    def make(self, preselected: Mapping[str, Any], last: Mapping[str, Any]) -> Steps:
        """
        :param preselected: what is to be chosen at first, where it is on offer
        :param last: what the user's last start had
        """
        chosen = self._first(preselected)
        steps = {o.key: self._step(o, chosen) for o in self._profile.options}

        def of(kind: str) -> list[Step]:
            return [s for s in steps.values() if s.option.kind == kind]

        size = next(iter(of(SIZE)), None)
        together = self._together(chosen)
        told = any(step.decides for step in steps.values())
        return Steps(
            profile=self._profile,
            software=next(iter(of(SOFTWARE)), None),
            size=size,
            extras=tuple(of(EXTRA)),
            again=self._again(last),
            fate=None if told else fate_of(together.settled),
            foot=tuple(self._foot(together)),
            facts=self._facts(chosen),
            button=self._button(chosen, together),
        )

    # -- what is chosen ------------------------------------------------------------

    def _first(self, preselected: Mapping[str, Any]) -> dict[str, Choice]:
        """A choice of each option: what was asked for, else what fits."""
        chosen: dict[str, Choice] = {}
        for option in self._profile.options:
            by_key = {choice.key: choice for choice in option.choices}
            asked = preselected.get(option.key)
            default = option.default
            if isinstance(asked, str) and asked in by_key:
                chosen[option.key] = by_key[asked]
            elif default:
                fitting = (
                    choice
                    for choice in (default, *option.choices)
                    if not self._together({**chosen, option.key: choice}).misfit
                )
                # Of software its size is not known yet.
                first = fitting if option.kind == SIZE else iter((default,))
                chosen[option.key] = next(first, default)
        return chosen

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

    def _step(self, option: Option, chosen: Mapping[str, Choice]) -> Step:
        order = sorted(
            (*option.choices, *option.locked), key=lambda each: each.position
        )
        rows = [self._row(option, choice, chosen) for choice in order]
        field = f"profile-option-{self._profile.slug}--{option.key}"
        return Step(option, field, tuple(rows))

    def _row(self, option: Option, choice: Choice, chosen: Mapping[str, Choice]) -> Row:
        together = self._together({**chosen, option.key: choice})
        is_size = option.kind == SIZE
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
            facts=in_words(together.facts) if is_size else "",
            costs=together.costs() if is_size else {},
            ready=about(together.usual()) if is_size else "",
            wakes=wakes,
            trouble=together.trouble if is_size and not disabled else "",
            fate=fate_of(together.settled),
        )

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
        size = {**chosen, option.key: choice}
        images = [o for o in self._profile.options if o.kind == SOFTWARE]
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
        together = self._together(selection.choices)
        if together.misfit:
            return None
        stopped = self._known.stopped
        wakes = bool(stopped and together.stopped_type)
        options = {"profile": self._profile.slug}
        options |= {key: choice.key for key, choice in selection.choices.items()}
        return Again(
            name=name_of(selection.profile, selection.choices),
            options=json.dumps(options),
            costs=together.costs(),
            wakes=about(together.usual(stopped.how)) if stopped and wakes else "",
            ready=about(together.usual()),
            stopped=wakes,
        )

    def _button(self, chosen: Mapping[str, Choice], together: Combination) -> str:
        name = name_of(self._profile, chosen, short=True)
        hour = together.costs().get("hour", "")
        known = hour and together.usd() is not None
        return f"Start {name} ({hour} an hour)" if known else f"Start {name}"

    def _foot(self, together: Combination) -> Iterator[str]:
        """What else costs money, and who says so."""
        prices, region = self._known.prices, together.text("region")
        if prices is None:
            return
        if together.value("public_ip"):
            yield _costs("A public address", address(prices, region), " more")
        if fate_of(together.settled).stops:
            owners = together.value("image_owners") or []
            image = self._known.image(region, together.text("image"), owners)
            size = together.value("root_volume_size") or (image and image.root_size)
            if size:
                cost = stored(prices, region, size)
                yield _costs(f"While it is stopped its disk ({size} GiB)", cost)
        if together.value("home") != "none" and (size := together.value("home_size")):
            yield _costs(f"Your home ({size} GiB)", stored(prices, region, size))
        told = [prices.of(region, each) for each in together.types]
        at = max((price.at for price in told if price), default=0.0)
        if at:
            day = datetime.fromtimestamp(at, timezone.utc)
            yield f"List prices for {region} of {day.day} {day:%B %Y}."

    def _facts(self, chosen: Mapping[str, Choice]) -> dict[str, Any]:
        """Of each size, what depends on other choices."""
        sizes = next((o for o in self._profile.options if o.kind == SIZE), None)
        if sizes is None:
            return {}
        return {
            choice.key: {
                "misfits": self._misfits(sizes, choice, chosen),
                "costs": {
                    key: self._together({**some, sizes.key: choice}).costs()
                    for key, some in self._varied(chosen, EXTRA)
                },
                "ready": {
                    key: about(self._together({**some, sizes.key: choice}).usual())
                    for key, some in self._varied(chosen, SOFTWARE)
                },
            }
            for choice in sizes.choices
        }

    def _varied(
        self, chosen: Mapping[str, Choice], kind: str
    ) -> Iterator[tuple[str, dict[str, Choice]]]:
        """All combinations of the options of a kind, by the keys of their choices."""
        found: list[tuple[str, dict[str, Choice]]] = [("", dict(chosen))]
        for option in self._profile.options:
            if option.kind == kind:
                found = [
                    (f"{key}/{choice.key}", {**some, option.key: choice})
                    for key, some in found
                    for choice in option.choices
                ]
        yield from found


def _costs(what: str, cost: str, more: str = "") -> str:
    return f"{what}: {cost}." if cost == UNKNOWN else f"{what} costs {cost}{more}."


def fate_of(setting: Callable[[str], Any]) -> Fate:
    """What becomes of a machine and its files, by its settings."""
    # What may be a spot machine cannot be stopped.
    stops = setting("on_stop") != "terminate" and setting("market") == "on-demand"
    return Fate(stops=stops, has_home=setting("home") != "none")


def name_of(profile: Profile, chosen: Mapping[str, Choice], short: bool = False) -> str:
    """How a choice is called: ``Medium, Hydrology 2026.2``.

    :param short: by its size only, where there are sizes
    """
    if not profile.is_short:
        return profile.display_name
    names = []
    for kind in (SIZE, SOFTWARE):
        for option in profile.options:
            if option.kind == kind and (choice := chosen.get(option.key)):
                version = "" if short else choice.version
                names.append(" ".join(filter(None, (choice.display_name, version))))
    return ", ".join(names[:1] if short else names) or profile.display_name
