"""The spawn form, from profiles to HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    select_autoescape,
)

from ..profiles.choose import AS_LAST_TIME, default_profile
from ..profiles.profile import Option, Profile
from .about import fate_of
from .known import Known
from .steps import StepsView


@cache
def _templates(folders: tuple[str, ...]) -> Environment:
    """A hub's own templates come first, as with KubeSpawner."""
    own = [FileSystemLoader(folder) for folder in folders]
    return Environment(
        loader=ChoiceLoader([*own, PackageLoader("ec2spawner.form")]),
        autoescape=select_autoescape(default=True),
    )


def render_form(
    offer: Sequence[Profile],
    known: Known,
    setting: Callable[[str], Any],
    preselected: Mapping[str, Any],
    last: Mapping[str, Any],
    template_folders: Sequence[str] = (),
) -> str:
    """The part of the spawn page that lies inside the Hub's own ``<form>``.

    :param offer: empty where there is nothing to choose
    :param setting: a setting of the hub, by its name
    :param preselected: options to preselect; where they are not on offer, the
        defaults are
    :param last: the options of the user's last start
    :param template_folders: where a ``form.html`` in place of ours may be. It is given
        what KubeSpawner's is: ``profile_list`` and ``user_options``
    """
    setting = cache(setting)  # a long list asks for the same ones thousands of times
    # Lists: what is stored may be anything, a set takes no list.
    slugs = [p.slug for p in offer]
    asked = preselected.get("profile")
    if asked and asked not in slugs:
        preselected = {}  # they were options of another profile
    selected = asked if asked in slugs else ""
    if offer and not selected:
        selected = default_profile(offer).slug
    shown = [
        StepsView(profile, known, setting).make(
            preselected if profile.slug == selected else {}, last
        )
        for profile in offer
    ]
    fates = {each.fate for each in shown} or {fate_of(setting)}
    feet = {each.foot for each in shown}
    return (
        _templates(tuple(template_folders))
        .get_template("form.html")
        .render(
            shown=shown,
            selected=selected,
            again=next((each.again for each in shown if each.again), None),
            as_last_time=AS_LAST_TIME,
            # What is the same for all is told once.
            fate=next(iter(fates)) if len(fates) == 1 else None,
            foot=next(iter(feet)) if len(feet) == 1 else (),
            profile_list=[_as_kubespawner(p, p.slug == selected) for p in offer],
            user_options=dict(preselected),
        )
    )


def render_note(text: str) -> str:
    """A sentence above a form that is no error."""
    return _templates(()).get_template("note.html").render(text=text)


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
