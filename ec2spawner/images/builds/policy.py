"""What a build needs next, from what EC2 has of it. Pure.

Whoever follows a build may be killed at any moment, and another one may follow it at
the same time: nothing is remembered, EC2 is asked, and each step can be taken twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ...core.tags import BUILD_TAG
from ...ec2.images import ShelvedImage
from ...ec2.machines import Machine
from .console import Progress


class Do(Enum):
    """The next step."""

    LAUNCH = "a builder"
    WAIT = "look again later"
    STOP = "stop the builder, which has done its work"
    SAVE = "make an image of the builder, which is stopped"
    DISCARD = "delete the image, which EC2 could not make"
    TIDY = "end builders, which nobody needs"
    FAIL = "end the builder, and say why"
    READY = "nothing"


@dataclass(frozen=True)
class Next:
    """What to do, and with what."""

    do: Do
    machine: Machine | None = None
    image: ShelvedImage | None = None
    why: str = ""


_PENDING = frozenset({"pending"})
#: EC2 has made nothing that can be used (EC2 API reference, Image, "state")
_BROKEN = frozenset({"failed", "error", "invalid"})


def builders_of(machines: Iterable[Machine], key: str) -> list[Machine]:
    """Those that make one image, the oldest first: it is the one that counts."""
    mine = [m for m in machines if m.tags.get(BUILD_TAG) == key]
    return sorted(mine, key=lambda m: (m.launched_at, m.id))


def next_step(
    image: ShelvedImage | None,
    builders: Iterable[Machine],
    progress: Progress,
) -> Next:
    """What to do now.

    :param image: the one with this key's name, whatever its state
    :param builders: of this key, those that have ended left out
    :param progress: what the first of them has said
    """
    there = [m for m in builders if not m.gone]
    if image is not None and image.state == "available":
        return Next(Do.TIDY, there[0], image) if there else Next(Do.READY, image=image)
    if image is not None and image.state in _BROKEN:
        return Next(Do.DISCARD, image=image, why=image.state)
    if image is not None:
        return Next(Do.WAIT, image=image)
    if not there:
        return Next(Do.LAUNCH)
    builder = there[0]
    if progress.failed:
        return Next(Do.FAIL, builder, why=progress.failed)
    if builder.state == "stopped":
        if progress.done:
            return Next(Do.SAVE, builder)
        # It ends when it shuts itself down, so somebody has stopped it: nothing is
        # known of how far it was.
        return Next(Do.FAIL, builder, why="somebody has stopped the builder")
    if builder.state == "running" and progress.done:
        return Next(Do.STOP, builder)
    return Next(Do.WAIT, builder)
