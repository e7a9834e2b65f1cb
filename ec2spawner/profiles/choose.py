"""``user_options`` -> a profile and its choices, checked. Pure: no Hub, no EC2.

``user_options`` come from forms, the REST API, links and the database, so nothing is
assumed about them. What is not known is none of our business: a hub's own form and
hooks may have options, too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .overrides import with_value
from .profile import (
    UNLISTED,
    UNLISTED_TOO,
    Choice,
    Option,
    Override,
    Profile,
    UnlistedChoice,
)

#: that a user may write, in characters
LONGEST_TEXT = 1000
#: the button of the form that repeats the last choice, whatever is selected beside it
AS_LAST_TIME = "as-last-time"


class ChoiceError(ValueError):
    """What the user asked for is not on offer. The text is fit to be shown."""


@dataclass(frozen=True)
class Selection:
    """A profile, and what was chosen of its options.

    :ivar overrides: in the order in which they count, the last one most
    :ivar choices: of each option, by its key; of none that was written
    """

    profile: Profile
    overrides: tuple[Override, ...]
    choices: Mapping[str, Choice] = field(default_factory=dict)


def on_offer(
    profiles: Sequence[Profile], user: str, groups: Collection[str]
) -> tuple[Profile, ...]:
    """What a user, a member of these Hub groups, may choose.

    A profile with an option of which nothing is for this user is not on offer.
    """
    seen = [
        _seen_by(p, user, groups) for p in profiles if p.audience.admits(user, groups)
    ]
    return tuple(p for p in seen if all(o.choices or o.unlisted for o in p.options))


def _seen_by(profile: Profile, user: str, groups: Collection[str]) -> Profile:
    options = [
        replace(
            option,
            choices=tuple(c for c in option.choices if c.audience.admits(user, groups)),
            unlisted=_unlisted_for(option, user, groups),
            # Of a list, as with KubeSpawner, others are not even shown.
            locked=tuple(
                c
                for c in option.choices
                if option.kind and not c.audience.admits(user, groups)
            ),
        )
        for option in profile.options
    ]
    return replace(profile, options=tuple(options))


def _unlisted_for(
    option: Option, user: str, groups: Collection[str]
) -> UnlistedChoice | None:
    unlisted = option.unlisted
    return unlisted if unlisted and unlisted.audience.admits(user, groups) else None


def default_profile(offer: Sequence[Profile]) -> Profile:
    """The profile of a user who did not choose."""
    return next((p for p in offer if p.default), offer[0])


def choose(
    offer: Sequence[Profile], user_options: Mapping[str, Any]
) -> Selection | None:
    """What ``user_options`` ask for; the defaults where they ask for nothing.

    :param offer: empty when there are no profiles at all: ``profile`` is an option of
        the hub's own then
    :returns: None in that case
    :raises ChoiceError: for anything that is not on offer
    """
    if not offer:
        return None
    wanted = user_options.get("profile")
    profile = _profile(offer, wanted)
    chosen = [(option, _chosen(option, user_options)) for option in profile.options]
    overrides = [c.override if isinstance(c, Choice) else c for _, c in chosen]
    return Selection(
        profile,
        (profile.override, *overrides),
        {option.key: c for option, c in chosen if isinstance(c, Choice)},
    )


def _profile(offer: Sequence[Profile], wanted: object) -> Profile:
    if wanted in (None, ""):
        return default_profile(offer)
    if isinstance(wanted, str):
        for profile in offer:
            if profile.slug == wanted:
                return profile
    names = ", ".join(p.slug for p in offer)
    raise ChoiceError(f"This server is not on offer. Choose one of: {names}.")


def _chosen(option: Option, user_options: Mapping[str, Any]) -> Choice | Override:
    text = user_options.get(f"{option.key}--{UNLISTED}")
    if text not in (None, ""):
        return _written(option, text)
    wanted = user_options.get(option.key)
    if wanted in (None, "") and option.default:
        return option.default
    if isinstance(wanted, str):
        for choice in option.choices:
            if choice.key == wanted:
                return choice
        for choice in option.locked:
            if choice.key == wanted:
                raise ChoiceError(f"{choice.display_name}: {choice.locked}")
    if option.unlisted and wanted in (None, "", UNLISTED, UNLISTED_TOO):
        raise ChoiceError(
            f"{option.unlisted.display_name}: please write what you want."
        )
    names = ", ".join(choice.key for choice in option.choices)
    raise ChoiceError(
        f"{option.display_name}: this is not on offer. Choose one of: {names}."
    )


def _written(option: Option, text: object) -> Override:
    unlisted = option.unlisted
    if unlisted is None:
        raise ChoiceError(f"{option.display_name}: choose from the list, please.")
    if (
        not isinstance(text, str)
        or len(text) > LONGEST_TEXT
        or not text.isprintable()
        or unlisted.pattern
        # All of it: KubeSpawner's match() lets through what follows.
        and not unlisted.pattern.fullmatch(text)
    ):
        why = unlisted.message or "this is not accepted. Choose something else."
        raise ChoiceError(f"{unlisted.display_name}: {why}")
    filled: Override = with_value(unlisted.override, text)
    return filled


def options_from_form(form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The ``user_options`` of a submitted form: what was chosen, not yet checked.

    The names of the fields are KubeSpawner's: ``profile``, and for each option
    ``profile-option-<slug>--<option>``, perhaps with ``--unlisted-choice``. The form
    sends the options of all profiles: those of others than the chosen one go. Fields
    of other forms stay as they are. An empty value counts as no choice.
    """
    values = {name: each[0] for name, each in form.items() if each and each[0]}
    if (again := values.pop(AS_LAST_TIME, None)) is not None:
        return _as_last_time(again)
    ours = f"profile-option-{values.get('profile', '')}--"
    options: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith(ours):
            options[name.removeprefix(ours)] = value
        elif not name.startswith("profile-option-"):
            options[name] = value
    for name in [n for n in options if n.endswith(f"--{UNLISTED}")]:
        # The text field of an option is sent whatever is chosen in its list.
        chosen = options.get(name.removesuffix(f"--{UNLISTED}"), UNLISTED)
        if chosen not in (UNLISTED, UNLISTED_TOO):
            del options[name]
    return options


def _as_last_time(text: str) -> dict[str, Any]:
    """What the button that repeats the last choice sends, checked as any other."""
    try:
        options = json.loads(text)
    except (ValueError, RecursionError):
        options = None
    return options if isinstance(options, dict) else {"profile": text}


def options_from_own_form(form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The ``user_options`` of a form that is the hub's own: as JupyterHub gives them,
    lists of texts, but for what is a choice of ours."""
    ours = {
        name: values
        for name, values in form.items()
        if name == "profile" or name.startswith("profile-option-")
    }
    others = {name: values for name, values in form.items() if name not in ours}
    return {**others, **options_from_form(ours)}
