"""The spawn form, from profiles to HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    select_autoescape,
)

from ..profiles.choose import AS_LAST_TIME, LONGEST_TEXT, default_profile
from ..profiles.profile import UNLISTED, Option, Profile
from .steps import Fate, Steps


@cache
def _templates(folders: tuple[str, ...]) -> Environment:
    """A hub's own templates come first, as with KubeSpawner."""
    own = [FileSystemLoader(folder) for folder in folders]
    return Environment(
        loader=ChoiceLoader([*own, PackageLoader("ec2spawner.form")]),
        autoescape=select_autoescape(default=True),
    )


#: of a profile, by its slug, or of one of its choices, by slug, option and key: what
#: its machine costs, in words
Costs = Mapping[tuple[str, ...], str]


def render_form(
    offer: Sequence[Profile],
    preselected: Mapping[str, Any],
    fates: Mapping[str, Fate],
    costs: Costs,
    template_folders: Sequence[str] = (),
    steps: Steps | None = None,
) -> str:
    """The part of the spawn page that lies inside the Hub's own ``<form>``.

    :param preselected: options to preselect; where they are not on offer, the
        defaults are
    :param offer: empty where there is nothing to choose
    :param fates: of each profile, by its slug; of no profile under ""
    :param costs: where they are to be shown
    :param steps: for the one profile of the short kind
    :param template_folders: where a ``form.html`` in place of ours may be. It is given
        what KubeSpawner's is: ``profile_list`` and ``user_options``
    """
    # Lists: what is stored may be anything, a set takes no list.
    slugs = [p.slug for p in offer]
    asked = preselected.get("profile")
    if asked and asked not in slugs:
        preselected = {}  # they were options of another profile
    selected = asked if asked in slugs else ""
    if offer and not selected:
        selected = default_profile(offer).slug
    return (
        _templates(tuple(template_folders))
        .get_template("form.html")
        .render(
            profiles=[
                _shown(p, preselected if p.slug == selected else {}) for p in offer
            ],
            selected=selected,
            fates=fates,
            costs=costs,
            steps=steps,
            as_last_time=AS_LAST_TIME,
            all_alike=len(set(fates.values())) == 1,
            profile_list=[_as_kubespawner(p, p.slug == selected) for p in offer],
            user_options=dict(preselected),
        )
    )


def render_note(text: str) -> str:
    """A sentence above a form that is no error."""
    return _templates(()).get_template("note.html").render(text=text)


@dataclass(frozen=True)
class ShownOption:
    """An option as the form shows it: its field, and what is in it at first."""

    option: Option
    field: str
    selected: str
    text: str


@dataclass(frozen=True)
class ShownProfile:
    """A profile as the form shows it."""

    profile: Profile
    options: tuple[ShownOption, ...]


def _shown(profile: Profile, preselected: Mapping[str, Any]) -> ShownProfile:
    return ShownProfile(
        profile,
        tuple(_shown_option(profile, o, preselected) for o in profile.options),
    )


def _shown_option(
    profile: Profile, option: Option, preselected: Mapping[str, Any]
) -> ShownOption:
    text = preselected.get(f"{option.key}--{UNLISTED}")
    if not (option.unlisted and isinstance(text, str) and len(text) <= LONGEST_TEXT):
        text = ""
    asked = preselected.get(option.key)
    keys = [choice.key for choice in option.choices]
    if text or not option.default:
        selected = UNLISTED
    else:
        selected = asked if asked in keys else option.default.key
    field = f"profile-option-{profile.slug}--{option.key}"
    return ShownOption(option, field, selected, text)


def _as_kubespawner(profile: Profile, default: bool) -> dict[str, Any]:
    """In KubeSpawner's shape, for templates that were made for it. No overrides: what
    they say is the admin's business."""
    return {
        "slug": profile.slug,
        "display_name": profile.display_name,
        "description": profile.description,
        "default": default,
        "profile_options": {o.key: _option_shape(o) for o in profile.options},
    }


def _option_shape(option: Option) -> dict[str, Any]:
    unlisted = option.unlisted
    return {
        "display_name": option.display_name,
        "choices": {
            c.key: {
                "display_name": c.display_name,
                "description": c.description,
                "default": c is option.default,
            }
            for c in option.choices
        },
        "unlisted_choice": {
            "enabled": unlisted is not None,
            "display_name": unlisted.display_name if unlisted else "",
            "display_name_in_choices": (
                unlisted.display_name_in_choices if unlisted else ""
            ),
            "validation_regex": (
                unlisted.pattern.pattern if unlisted and unlisted.pattern else ""
            ),
            "validation_message": unlisted.message if unlisted else "",
        },
    }
