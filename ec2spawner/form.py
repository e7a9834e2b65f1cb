"""The spawn form, from profiles to HTML."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, select_autoescape

from .profiles import Profile, default_profile

_templates = Environment(
    loader=PackageLoader("ec2spawner"), autoescape=select_autoescape(default=True)
)


def render_form(
    offer: Sequence[Profile],
    chosen: object,
    has_home: bool = False,
    rests: bool = False,
) -> str:
    """The part of the spawn page that lies inside the Hub's own ``<form>``.

    :param chosen: the slug to preselect; when it is not on offer, the default is
    :param has_home: the user's home directory outlives the machine
    :param rests: the machine is stopped when its server stops, not ended
    """
    slugs = {p.slug for p in offer}
    selected = chosen if chosen in slugs else default_profile(offer).slug
    return _templates.get_template("form.html").render(
        profiles=offer, selected=selected, has_home=has_home, rests=rests
    )
