"""``sizes``, ``images`` and what is beside them -> one profile. Pure.

The short way to say what ``profile_list`` says with ``profile_options``. From here on
there is no difference: the same choices, checks and overrides.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..core.clock_words import span
from .profile import (
    EXTRA,
    SIZE,
    SOFTWARE,
    Audience,
    Choice,
    Option,
    Profile,
    UnlistedChoice,
)
from .read import ProfileListError, checked_override, slugify
from .repository import has_wildcard, hint, sources_pattern
from .schema import Name, Names, Overrides, read_entry

#: what an admin may write for any of them
Short = Mapping[str, Any] | Sequence[Any]

SLUG = "machine"


@dataclass(frozen=True)
class Sources:
    """The repositories whose packages users may have, beside the software on offer.

    :ivar patterns: as the setting ``build_sources``
    """

    patterns: Sequence[str] = ()
    audience: Audience = Audience()


_MARKETS = {
    "on-demand": ("Steady", ""),
    "spot": ("Spot", "costs less, and AWS may end it at two minutes' notice"),
    "spot-then-on-demand": (
        "Spot, or steady where there is none",
        "AWS may end a spot machine at two minutes' notice",
    ),
}

# What docs/explanation/idleness.md says counts, for who chooses.
_IDLE = (
    "When nobody has used your server for so long, and nothing has run on it, it is "
    "stopped. A computation keeps it on; an open tab that nobody touches does not."
)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    display_name: Name | None = None
    description: str = ""
    default: bool = False
    allowed_groups: Names = frozenset()
    allowed_users: Names = frozenset()
    ask: str = ""
    ec2spawner_override: Overrides = Field(default_factory=dict)

    def own(self) -> dict[str, Any]:
        """The settings that the entry's own words are."""
        words = set(_Entry.model_fields) | {"version"}
        return {
            name: value
            for name, value in self.model_dump(exclude_unset=True).items()
            if name not in words
        }


class _Size(_Entry):
    instance_type: Name | None = None
    instance_types: list[Name] = Field(default_factory=list)
    root_volume_size: int = 0


class _Image(_Entry):
    image: Name
    image_owners: list[Name] = Field(default_factory=list)
    version: str = ""


class _Region(_Entry):
    region: Name
    subnets: list[Name] = Field(default_factory=list)
    security_groups: list[Name] = Field(default_factory=list)


class _Market(_Entry):
    market: Name


class _IdleTimeout(_Entry):
    idle_timeout: float = Field(gt=0, allow_inf_nan=False)


def read_short(
    sizes: Short,
    images: Short,
    regions: Short,
    markets: Sequence[Any],
    idle_timeouts: Short,
    settable: Collection[str],
    sources: Sources = Sources(),
) -> tuple[Profile, ...]:
    """The one profile that they make; none when all are empty.

    :param settable: the names of the settings that a choice may override
    :raises ProfileListError: naming the entry that is wrong, and how
    """
    # What comes later counts more: an image may be for one region only.
    options = [
        _option("region", "Region", EXTRA, _Region, regions, "regions", settable),
        _with_sources(
            _option("image", "Software", SOFTWARE, _Image, images, "images", settable),
            sources,
        ),
        _option("size", "Size", SIZE, _Size, sizes, "sizes", settable, "instance_type"),
        _option(
            "market",
            "Price",
            EXTRA,
            _Market,
            {str(each): _market(each) for each in markets},
            "markets",
            settable,
        ),
        replace(
            _option(
                "idle",
                "Idle time",
                EXTRA,
                _IdleTimeout,
                _with_names(idle_timeouts),
                "idle_timeouts",
                settable,
                "idle_timeout",
            ),
            description=_IDLE,
        ),
    ]
    offered = tuple(o for o in options if o.choices)
    return (Profile(SLUG, "Machine", options=offered),) if offered else ()


def _with_sources(software: Option, sources: Sources) -> Option:
    try:
        pattern = sources_pattern(sources.patterns)
    except ValueError as e:
        raise ProfileListError(f"build_sources: {e}") from e
    if not has_wildcard(sources.patterns):
        return software  # each can be a choice with a name
    usual = Choice("standard", "Standard", "The software of this hub", default=True)
    return replace(
        software,
        choices=software.choices or (usual,),
        unlisted=UnlistedChoice(
            "Repository",
            "From a repository",
            pattern,
            hint(sources.patterns),
            {"repository": "{value}"},
            sources.audience,
        ),
    )


def _market(market: Any) -> Any:
    if not isinstance(market, str) or market not in _MARKETS:
        raise ProfileListError(
            f"markets: {market!r} is none; they are {', '.join(_MARKETS)}"
        )
    name, description = _MARKETS[market]
    return {"display_name": name, "description": description, "market": market}


def _with_names(idle_timeouts: Short) -> Short:
    """Each as a dictionary; in a list with a name that says how long it is."""
    if isinstance(idle_timeouts, Mapping):
        return {name: _seconds(each) for name, each in idle_timeouts.items()}
    return [
        (
            {"display_name": span(each["idle_timeout"]), **each}
            if isinstance(each, Mapping) and _is_number(each.get("idle_timeout"))
            else each
        )
        for each in map(_seconds, idle_timeouts)
    ]


def _seconds(entry: Any) -> Any:
    return {"idle_timeout": entry} if _is_number(entry) else entry


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _option(
    key: str,
    name: str,
    kind: str,
    shape: type[_Entry],
    entries: Short,
    trait: str,
    settable: Collection[str],
    main: str = "",
) -> Option:
    choices: list[Choice] = []
    for where, entry in _entries(entries, trait, main or key):
        choice = replace(_choice(shape, entry, where, settable), position=len(choices))
        if any(choice.key == other.key for other in choices):
            raise ProfileListError(f"{where}: another has the key {choice.key!r}, too")
        choices.append(choice)
    return Option(key, name, choices=tuple(choices), kind=kind)


def _entries(
    entries: Short, trait: str, main: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each entry as a dict with its name, and how its place is called."""
    named: list[tuple[Any, Any]] = (
        [(name, each) for name, each in entries.items()]
        if isinstance(entries, Mapping)
        else [(i, each) for i, each in enumerate(entries)]
    )
    for name, each in named:
        where = f"{trait}[{name!r}]"
        entry = {main: each} if isinstance(each, str) else each
        if not isinstance(entry, Mapping):
            raise ProfileListError(f"{where}: must be a dictionary or one word")
        shown = name if isinstance(name, str) else entry.get(main)
        yield where, {"display_name": shown, **entry, "key": name}


def _choice(
    shape: type[_Entry],
    entry: Mapping[str, Any],
    where: str,
    settable: Collection[str],
) -> Choice:
    name = entry["key"]
    read = read_entry(shape, {k: v for k, v in entry.items() if k != "key"})
    if isinstance(read, list):
        raise ProfileListError(f"{where}: {'; '.join(read)}")
    if isinstance(read, _Size) and not (read.instance_type or read.instance_types):
        raise ProfileListError(f"{where}: instance_type is missing")
    shown = str(read.display_name)
    key = slugify(name if isinstance(name, str) else shown)
    if not key:
        raise ProfileListError(f"{where}: its name has no letter and no digit")
    override = {**read.own(), **read.ec2spawner_override}
    return Choice(
        key=key,
        display_name=shown,
        description=read.description,
        default=read.default,
        audience=Audience(read.allowed_groups, read.allowed_users),
        override=checked_override(override, where, settable),
        version=read.version if isinstance(read, _Image) else "",
        ask=read.ask,
    )
