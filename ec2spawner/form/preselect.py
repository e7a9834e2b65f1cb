"""What is chosen when a form opens: what was asked for, else what fits. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..profiles.profile import EXTRA, SIZE, Choice, Option, Profile
from .combination import Combination

#: what choices make together
Together = Callable[[Mapping[str, Choice]], Combination]


def first_choices(
    profile: Profile,
    kinds: Mapping[str, str],
    together: Together,
    preselected: Mapping[str, Any],
    texts: Mapping[str, str],
) -> dict[str, Choice]:
    """A choice of each option, but for those that have a text instead.

    :param kinds: of each option's key, which step it is
    :param preselected: what is to be chosen, where it is on offer
    """
    chosen: dict[str, Choice] = {}
    for option in profile.options:
        if option.key in texts:
            continue
        by_key = {choice.key: choice for choice in option.choices}
        asked = preselected.get(option.key)
        if isinstance(asked, str) and asked in by_key:
            chosen[option.key] = by_key[asked]
        elif option.default:
            # Of software its size is not known yet.
            chosen[option.key] = option.default
            if kinds[option.key] == SIZE:
                _take_fitting(option, chosen, together, with_region=False)
    # Where the software is counts for the region, at which no one has to look.
    for option in profile.options:
        ours = option.key in chosen and option.key not in preselected
        if ours and kinds[option.key] == EXTRA:
            _take_fitting(option, chosen, together, with_region=True)
    return chosen


def _take_fitting(
    option: Option, chosen: dict[str, Choice], together: Together, with_region: bool
) -> None:
    """Choose the first that fits instead of a default that does not."""
    for choice in (chosen[option.key], *option.choices):
        made = together({**chosen, option.key: choice})
        if not (made.misfit or (with_region and made.elsewhere)):
            chosen[option.key] = choice
            return
