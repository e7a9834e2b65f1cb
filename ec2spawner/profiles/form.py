"""The spawn form, from profiles to HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, select_autoescape

from .read import Profile, default_profile

_templates = Environment(
    loader=PackageLoader("ec2spawner.profiles"),
    autoescape=select_autoescape(default=True),
)


@dataclass(frozen=True)
class Fate:
    """What becomes of a machine, and of the files on it, when its server stops.

    :ivar stops: it is stopped, not ended
    :ivar has_home: the user's home directory outlives it
    """

    stops: bool = False
    has_home: bool = False


def render_form(
    offer: Sequence[Profile], chosen: object, fates: Mapping[str, Fate]
) -> str:
    """The part of the spawn page that lies inside the Hub's own ``<form>``.

    :param chosen: the slug to preselect; when it is not on offer, the default is
    :param fates: of each profile, by its slug
    """
    slugs = {p.slug for p in offer}
    selected = chosen if chosen in slugs else default_profile(offer).slug
    return _templates.get_template("form.html").render(
        profiles=offer,
        selected=selected,
        fates=fates,
        all_alike=len(set(fates.values())) == 1,
    )
