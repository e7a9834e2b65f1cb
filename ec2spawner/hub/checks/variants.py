"""Every server that a configuration offers, with all its settings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from traitlets import TraitError

from ...profiles.overrides import merged
from ...profiles.profile import Choice, Profile
from ...server.choice import known_profiles, settable_by_profiles
from ...settings import LaunchSettings

_OURS = frozenset(LaunchSettings.class_trait_names(config=True))


@dataclass(frozen=True)
class Variant:
    """A server that can be chosen, with all its settings.

    :ivar name: as an admin knows it; empty without profiles
    """

    name: str
    settings: LaunchSettings

    @property
    def region(self) -> str:
        return str(self.settings.region)

    @property
    def image(self) -> tuple[str, tuple[str, ...]]:
        """As the setting has it, and whose it may be."""
        return self.settings.image.strip(), tuple(self.settings.image_owners)


def names(variants: Iterable[Variant]) -> str:
    """For which servers something holds: ``Small and Large``."""
    found = list(dict.fromkeys(each.name for each in variants if each.name))
    if len(found) > 3:
        return f"{len(found)} profiles"
    return " and ".join(found) or "all servers"


def variants_of(settings: LaunchSettings) -> tuple[Variant, ...]:
    """Every profile, and every choice of its options beside the others' defaults.

    Not each combination of choices: there may be thousands, and what a choice sets is
    looked at once. What users write, and what a callable returns, is left out.

    :raises ProfileListError: for a ``profile_list`` that cannot be
    """
    profiles = known_profiles(settings)
    found = [made for profile in profiles for made in _of_profile(settings, profile)]
    return tuple(found) or (Variant("", settings),)


def _of_profile(settings: LaunchSettings, profile: Profile) -> Iterator[Variant]:
    defaults = {o.key: o.default for o in profile.options}
    chosen: list[tuple[str, Mapping[str, Choice | None]]] = [("", defaults)]
    for option in profile.options:
        for choice in option.choices:
            if choice is not option.default:
                more = {**defaults, option.key: choice}
                chosen.append((choice.display_name, more))
    for name, choices in chosen:
        overrides = [c.override for c in choices.values() if c]
        made = _with(settings, [profile.override, *overrides])
        # One that cannot be is told when the Hub starts: problems.py.
        if made is not None:
            label = profile.display_name
            if profile.is_short:
                label = name or " ".join(c.display_name for c in choices.values() if c)
            elif name:
                label = f"{label}, {name}"
            yield Variant(label, made)


def _with(
    settings: LaunchSettings, overrides: Sequence[Mapping[str, Any]]
) -> LaunchSettings | None:
    """A copy of settings as a server has them that was chosen so."""
    made = LaunchSettings()
    ours = _OURS & settable_by_profiles(settings)
    try:
        for name in ours:
            setattr(made, name, getattr(settings, name))
        for override in overrides:
            if "instance_type" in override and "instance_types" not in override:
                made.instance_types = []
            for name, value in override.items():
                if name in ours and not (callable(value) or "{value}" in str(value)):
                    setattr(made, name, merged(getattr(made, name), value))
    except TraitError:
        return None
    return made
