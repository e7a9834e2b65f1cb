"""What the setting ``ready_machines`` wants, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..profiles.choose import ChoiceError, Selection, choose
from ..profiles.profile import Profile
from .hours import Hours, read_hours

_OF_THE_POOL = frozenset({"count", "hours"})


@dataclass(frozen=True)
class Wish:
    """So many machines of one choice, at some hours.

    :ivar name: the choice, in an admin's words
    :ivar selection: None for a hub without profiles
    """

    name: str
    count: int
    hours: Hours
    selection: Selection | None

    def count_at(self, now: float) -> int:
        """How many are wanted at a time, in seconds since the epoch."""
        return self.count if self.hours.include(now) else 0


def read_wishes(
    raw: Iterable[Mapping[str, Any]], profiles: Sequence[Profile]
) -> list[Wish]:
    """
    :param raw: the setting
    :raises ValueError: for what cannot be, with the number of the entry
    """
    return [_read(number, each, profiles) for number, each in enumerate(raw, 1)]


def _read(number: int, raw: Mapping[str, Any], profiles: Sequence[Profile]) -> Wish:
    where = f"ready_machines, entry {number}"
    count, hours = raw.get("count", 1), raw.get("hours", "")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"{where}: count is {count!r}, and must be a number, as 3")
    options = {key: value for key, value in raw.items() if key not in _OF_THE_POOL}
    if options and not profiles:
        raise ValueError(
            f"{where}: {', '.join(options)} cannot be chosen, as there is no list of "
            "profiles, sizes or images; or a function makes it, and then nobody knows "
            "its choices before somebody asks"
        )
    try:
        selection = choose(profiles, options)
        if strange := options.keys() - _known(selection):
            raise ValueError(f"there is nothing to choose called {min(strange)}")
        return Wish(_name(options), count, read_hours(str(hours)), selection)
    except (ChoiceError, ValueError) as e:
        raise ValueError(f"{where}: {e}") from e


def _known(selection: Selection | None) -> set[str]:
    options = selection.profile.options if selection else ()
    return {"profile", *(option.key for option in options)}


def _name(options: Mapping[str, Any]) -> str:
    return " ".join(map(str, options.values())) or "the hub's default"
