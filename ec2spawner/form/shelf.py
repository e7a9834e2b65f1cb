"""What the form says of software that is made from a repository. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

from ..core.tags import SOURCE_TAG, tag_value
from ..ec2.images import ShelvedImage
from .known import Known


def state_of(known: Known, region: str, image: str, repository: str) -> str:
    """Whether it is ready, and what it is; empty for other software, and where nobody
    has looked yet.

    :param image: as the setting has it
    :param repository: the setting, which counts more
    """
    if repository:
        slash, at = repository.rfind("/"), repository.rfind("@")
        what = tag_value(repository[:at] if at > slash else repository)
    elif image.startswith("repo:"):
        what = image.removeprefix("repo:")
    else:
        return ""
    shelf = known.shelf(region)
    mine = [i for i in shelf or () if what in (i.label, i.tags.get(SOURCE_TAG))]
    ready = max(
        (i for i in mine if i.ready), key=lambda i: (i.created_at, i.id), default=None
    )
    if ready is not None:
        return _ready(ready)
    left = known.building(region, what)
    if left is not None:
        minutes = f": about {max(1, round(left / 60))} min left" if left else ""
        return f"It is being built{minutes}."
    if shelf is None:
        return ""
    if repository:
        return "It is built when it is started first, which takes some minutes more."
    return "It needs a build: ask your hub's admin."


def _ready(image: ShelvedImage) -> str:
    day = datetime.fromtimestamp(image.created_at, timezone.utc)
    what = image.description or image.label
    return f"Ready: {what}, made on {day.day} {day:%B %Y}."
