"""profile_list -> checked profiles. Pure: no Hub, no EC2."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from unicodedata import normalize

from .overrides import KUBERNETES_ONLY
from .profile import Audience, Choice, Option, Override, Profile, UnlistedChoice
from .schema import ChoiceEntry, OptionEntry, ProfileEntry, UnlistedEntry, read_entry


class ProfileListError(ValueError):
    """``profile_list`` itself is wrong: a matter for the admin."""


def slugify(text: str) -> str:
    """A key of lower-case letters, digits and dashes; letters lose their accents."""
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


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
        if not all(isinstance(each, Mapping) for each in profile_list.values()):
            raise ProfileListError(
                "profile_list: must be a list of profiles, and is one profile: put it "
                "in brackets, [{...}]"
            )
        profile_list = [profile_list[key] for key in sorted(profile_list)]
    profiles = [
        _profile(entry, f"profile_list[{i}]", settable)
        for i, entry in enumerate(profile_list)
    ]
    slugs = [p.slug for p in profiles]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise ProfileListError(
                f"profile_list: two profiles have the slug {slug!r}; give each its own"
            )
    return tuple(profiles)


def ignored_settings(profile_list: Any) -> frozenset[str]:
    """The settings in overrides, at any depth, that only Kubernetes knows."""
    if isinstance(profile_list, Mapping):
        own = profile_list.get("ec2spawner_override")
        found = KUBERNETES_ONLY & set(own) if isinstance(own, Mapping) else frozenset()
        return found.union(*map(ignored_settings, profile_list.values()))
    if isinstance(profile_list, (list, tuple)):
        return frozenset().union(*map(ignored_settings, profile_list))
    return frozenset()


def _profile(entry: Any, where: str, settable: Collection[str]) -> Profile:
    if not isinstance(entry, Mapping):
        raise ProfileListError(f"{where}: must be a dictionary")
    name = entry.get("display_name")
    where = f"{where} ({name!r})" if isinstance(name, str) and name.strip() else where
    read = read_entry(ProfileEntry, entry)
    if isinstance(read, list):
        raise ProfileListError(f"{where}: {'; '.join(read)}")
    slug = read.slug or slugify(read.display_name)
    if not slug:
        raise ProfileListError(f"{where}: give it a slug")
    profile = Profile(
        slug=slug,
        display_name=read.display_name,
        description=read.description,
        default=read.default,
        audience=_audience(read),
        override=checked_override(read.ec2spawner_override, where, settable),
        options=tuple(
            _option(key, option, f"{where}, option {key!r}", settable)
            for key, option in read.profile_options.items()
        ),
    )
    return profile


def _option(
    key: str, entry: OptionEntry, where: str, settable: Collection[str]
) -> Option:
    if not (entry.choices or entry.unlisted_choice.enabled):
        raise ProfileListError(f"{where}: it has neither choices nor unlisted_choice")
    name = entry.display_name or key
    return Option(
        key=key,
        display_name=name,
        description=entry.description,
        choices=tuple(
            Choice(
                key=each,
                display_name=choice.display_name or each,
                description=choice.description,
                default=choice.default,
                audience=_audience(choice),
                override=checked_override(
                    choice.ec2spawner_override, f"{where}, choice {each!r}", settable
                ),
            )
            for each, choice in entry.choices.items()
        ),
        unlisted=_unlisted(entry.unlisted_choice, name, where, settable),
    )


def _unlisted(
    entry: UnlistedEntry, name: str, where: str, settable: Collection[str]
) -> UnlistedChoice | None:
    if not entry.enabled:
        return None
    return UnlistedChoice(
        display_name=entry.display_name or name,
        display_name_in_choices=entry.display_name_in_choices,
        pattern=entry.validation_regex,
        message=entry.validation_message,
        override=checked_override(
            entry.ec2spawner_override, f"{where}, unlisted_choice", settable
        ),
    )


def _audience(entry: ProfileEntry | ChoiceEntry) -> Audience:
    return Audience(entry.allowed_groups, entry.allowed_users)


def checked_override(
    override: Mapping[str, Any], where: str, settable: Collection[str]
) -> Override:
    ours = {key: v for key, v in override.items() if key not in KUBERNETES_ONLY}
    if wrong := set(ours) - set(settable):
        raise ProfileListError(
            f"{where}: EC2Spawner has no setting {', '.join(sorted(map(str, wrong)))} "
            "that a profile may override"
        )
    return ours
