"""Profiles, options and choices, as they are after ``profile_list`` was checked.

The words and their meaning are KubeSpawner's, so that its lists, tools and links fit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

#: the value of an option's field that means: see the text beside it
UNLISTED = "unlisted-choice"
#: the same, as jupyterhub-fancy-profiles 0.7 sends it
UNLISTED_TOO = "unlisted_choice"

Override = Mapping[str, Any]

_ADMIN = "your hub's admin"

#: what an option of the short forms is about; others are about anything
SOFTWARE, SIZE, EXTRA = "software", "size", "extra"


@dataclass(frozen=True)
class Audience:
    """Whom something is for: everybody, unless groups or users are named."""

    groups: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def admits(self, user: str, groups: Collection[str]) -> bool:
        """Whether a user, a member of these Hub groups, is one of them."""
        if not (self.groups or self.users):
            return True
        return user in self.users or not self.groups.isdisjoint(groups)


@dataclass(frozen=True)
class Choice:
    """One of the values of an option.

    :ivar version: of the software that it is about
    :ivar ask: whom to ask who may not have it
    :ivar position: among all choices of its option
    """

    key: str
    display_name: str
    description: str = ""
    default: bool = False
    audience: Audience = Audience()
    override: Override = field(default_factory=dict)
    version: str = ""
    ask: str = ""
    position: int = 0

    @property
    def locked(self) -> str:
        """What somebody reads whom it is not for."""
        groups = " or ".join(sorted(self.audience.groups))
        whose = f"Only for the group {groups}" if groups else "Only for some people"
        return f"{whose}: ask {self.ask or _ADMIN}."


@dataclass(frozen=True)
class UnlistedChoice:
    """A value that the user writes.

    :ivar pattern: it must match the whole text; None takes any
    :ivar override: ``{value}`` in its texts is what the user wrote
    """

    display_name: str
    display_name_in_choices: str
    pattern: re.Pattern[str] | None = None
    message: str = ""
    override: Override = field(default_factory=dict)
    audience: Audience = Audience()


@dataclass(frozen=True)
class Option:
    """One more thing to choose once a profile is chosen.

    :ivar kind: :data:`SOFTWARE`, :data:`SIZE` or :data:`EXTRA`; empty for any other
    :ivar locked: choices that are shown to a user, and are for others only
    """

    key: str
    display_name: str
    description: str = ""
    choices: tuple[Choice, ...] = ()
    unlisted: UnlistedChoice | None = None
    kind: str = ""
    locked: tuple[Choice, ...] = ()

    @property
    def default(self) -> Choice | None:
        """What counts when nothing is chosen; None when a text must be written."""
        first = next(iter(self.choices), None)
        return next((c for c in self.choices if c.default), first)


@dataclass(frozen=True)
class Profile:
    """One entry of ``profile_list``, checked."""

    slug: str
    display_name: str
    description: str = ""
    default: bool = False
    audience: Audience = Audience()
    override: Override = field(default_factory=dict)
    options: tuple[Option, ...] = ()

    @property
    def is_short(self) -> bool:
        """It is made of ``sizes``, ``images`` and so on, and not of a list."""
        return any(option.kind for option in self.options)

    def overrides(self) -> list[Override]:
        """Its own override, and those of all choices that it offers."""
        ours = [self.override]
        for option in self.options:
            ours += [choice.override for choice in option.choices]
            ours += [option.unlisted.override] if option.unlisted else []
        return ours

    def audiences(self) -> list[Audience]:
        """Whom it is for, and whom all choices are for that it offers."""
        found = [self.audience]
        for option in self.options:
            found += [each.audience for each in (*option.choices, *option.locked)]
            found += [option.unlisted.audience] if option.unlisted else []
        return found
