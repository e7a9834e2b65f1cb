"""profile_list -> checked profiles -> a validated choice. Pure: no Hub, no EC2."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_KEYS = {
    "display_name",
    "slug",
    "description",
    "default",
    "allowed_groups",
    "ec2spawner_override",
}


class ProfileListError(ValueError):
    """``profile_list`` itself is wrong: a matter for the admin."""


class ChoiceError(ValueError):
    """What the user asked for is not on offer. The text is fit to be shown."""


@dataclass(frozen=True)
class Profile:
    """One entry of ``profile_list``, checked."""

    slug: str
    display_name: str
    description: str = ""
    default: bool = False
    allowed_groups: frozenset[str] = frozenset()
    override: Mapping[str, Any] = field(default_factory=dict)

    def is_for(self, groups: Collection[str]) -> bool:
        """Whether a member of these Hub groups may use it."""
        return not self.allowed_groups or not self.allowed_groups.isdisjoint(groups)


def slugify(text: str) -> str:
    """A key of lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def read_profiles(
    profile_list: Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]],
    settable: Collection[str],
) -> tuple[Profile, ...]:
    """Check a ``profile_list``.

    :param profile_list: the admin's list, or a dict that is taken in key order
    :param settable: the names of the settings that a profile may override
    :raises ProfileListError: naming the entry that is wrong, and how
    """
    if isinstance(profile_list, Mapping):
        profile_list = [profile_list[key] for key in sorted(profile_list)]
    profiles = [
        _read_profile(entry, f"profile_list[{i}]", settable)
        for i, entry in enumerate(profile_list)
    ]
    slugs = [p.slug for p in profiles]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise ProfileListError(
                f"profile_list: two profiles have the slug {slug!r}; give each its own"
            )
    return tuple(profiles)


def _read_profile(
    entry: Mapping[str, Any], where: str, settable: Collection[str]
) -> Profile:
    if not isinstance(entry, Mapping):
        raise ProfileListError(f"{where}: must be a dictionary")
    if unknown := set(entry) - _KEYS:
        raise ProfileListError(
            f"{where}: unknown key(s) {', '.join(sorted(map(str, unknown)))}; "
            f"known are {', '.join(sorted(_KEYS))}"
        )
    name = entry.get("display_name")
    if not isinstance(name, str) or not name.strip():
        raise ProfileListError(f"{where}: display_name is missing")
    slug = entry.get("slug") or slugify(name)
    if not isinstance(slug, str) or not slug:
        raise ProfileListError(f"{where} ({name!r}): give it a slug")
    override = entry.get("ec2spawner_override", {})
    if not isinstance(override, Mapping):
        raise ProfileListError(
            f"{where} ({name!r}): ec2spawner_override must be a dictionary"
        )
    groups = entry.get("allowed_groups", ())
    # A string would be taken for the groups that its letters name.
    if not isinstance(groups, (list, tuple, set, frozenset)) or not all(
        isinstance(group, str) for group in groups
    ):
        raise ProfileListError(
            f"{where} ({name!r}): allowed_groups must be a list of names of groups, "
            f"and is {groups!r}"
        )
    if wrong := set(override) - set(settable):
        raise ProfileListError(
            f"{where} ({name!r}): EC2Spawner has no setting "
            f"{', '.join(sorted(map(str, wrong)))} that a profile may override"
        )
    return Profile(
        slug=slug,
        display_name=name,
        description=str(entry.get("description", "")),
        default=bool(entry.get("default", False)),
        allowed_groups=frozenset(groups),
        override=dict(override),
    )


def on_offer(
    profiles: Sequence[Profile], groups: Collection[str]
) -> tuple[Profile, ...]:
    """The profiles that a member of these Hub groups may use."""
    return tuple(p for p in profiles if p.is_for(groups))


def default_profile(offer: Sequence[Profile]) -> Profile:
    """The profile of a user who did not choose."""
    return next((p for p in offer if p.default), offer[0])


def choose(offer: Sequence[Profile], user_options: Mapping[str, Any]) -> Profile | None:
    """The profile that ``user_options`` ask for; the default when they ask for none.

    ``user_options`` come from forms, the REST API, links and the database, so
    nothing is assumed about them.

    :returns: None when there are no profiles at all
    :raises ChoiceError: for anything but the key of a profile on offer
    """
    if unknown := set(user_options) - {"profile"}:
        names = ", ".join(sorted(str(name)[:40] for name in unknown))
        raise ChoiceError(f"There is no such option: {names}.")
    wanted = user_options.get("profile")
    if not offer:
        if wanted is None:
            return None
        raise ChoiceError("This hub has no choice of servers.")
    if wanted is None:
        return default_profile(offer)
    if isinstance(wanted, str):
        for profile in offer:
            if profile.slug == wanted:
                return profile
    names = ", ".join(p.slug for p in offer)
    raise ChoiceError(f"This server is not on offer. Choose one of: {names}.")


def options_from_form(form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The ``user_options`` of a submitted form: what was chosen, not yet checked.

    KubeSpawner's field name, ``profile``, is kept, so that links and tools made
    for it fit. An empty value counts as no choice.
    """
    return {name: values[0] for name, values in form.items() if values and values[0]}
