"""What options are about, and what becomes of a machine by what is chosen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..profiles.choose import LONGEST_TEXT
from ..profiles.profile import EXTRA, SIZE, SOFTWARE, UNLISTED, Choice, Option, Profile

# What a price depends on, beside the size.
_PRICED = {"region", "market"}
_ABOUT = ((SIZE, {"instance_type", "instance_types"}), (SOFTWARE, {"image"}))


@dataclass(frozen=True)
class Fate:
    """What becomes of a machine, and of the files on it, when its server stops.

    :ivar stops: it is stopped, not ended
    :ivar has_home: the user's home directory outlives it
    """

    stops: bool = False
    has_home: bool = False


def kinds_of(profile: Profile) -> dict[str, str]:
    """What each option is about, by its key: :data:`SIZE` and so on.

    Of a list it is not said: the first option whose choices set an instance type is
    the size, and the first other one whose choices set an image is the software.
    """
    if profile.is_short:
        return {option.key: option.kind for option in profile.options}
    found: dict[str, str] = {}
    for kind, names in _ABOUT:
        for option in profile.options:
            sets = any(names & set(choice.override) for choice in option.choices)
            if sets and option.key not in found:
                found[option.key] = kind
                break
    return {each.key: found.get(each.key, EXTRA) for each in profile.options}


def is_priced(option: Option) -> bool:
    """Whether it depends on this option what a size costs, beside its size."""
    return any(_PRICED & set(choice.override) for choice in option.choices)


def is_asked(profile: Profile) -> bool:
    """Whether it is the user's choice in which market the machine is bought."""
    return any("market" in c.override for o in profile.options for c in o.choices)


def written(profile: Profile, options: Mapping[str, Any]) -> dict[str, str]:
    """What ``user_options`` have written for options that take it, by option."""
    texts = {
        option.key: options.get(f"{option.key}--{UNLISTED}")
        for option in profile.options
        if option.unlisted
    }
    return {
        key: text
        for key, text in texts.items()
        if isinstance(text, str) and 0 < len(text) <= LONGEST_TEXT
    }


def fate_of(setting: Callable[[str], Any]) -> Fate:
    """What becomes of a machine and its files, by its settings."""
    # What may be a spot machine cannot be stopped.
    stops = setting("on_stop") != "terminate" and setting("market") == "on-demand"
    return Fate(stops=stops, has_home=setting("home") != "none")


def name_of(profile: Profile, chosen: Mapping[str, Choice], short: bool = False) -> str:
    """How a choice is called: ``Medium, Hydrology 2026.2``.

    :param short: by its size only, where there are sizes
    """
    names, kinds = [], kinds_of(profile)
    for kind in (SIZE, SOFTWARE):
        for option in profile.options:
            if kinds[option.key] == kind and (choice := chosen.get(option.key)):
                version = "" if short else choice.version
                names.append(" ".join(filter(None, (choice.display_name, version))))
    found = ", ".join(names[:1] if short else names)
    if profile.is_short or (short and found):
        return found or profile.display_name
    return ": ".join(filter(None, (profile.display_name, found)))
