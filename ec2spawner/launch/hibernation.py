"""Which machines can hibernate. Pure.

EC2 user guide, "Prerequisites for EC2 instance hibernation" and "Limitations".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.errors import EC2SpawnError, Reason
from ..ec2.facts import Image, TypeFacts
from ..settings import LaunchSettings

# Of Linux machines, GiB.
_MOST_MEMORY = 150


def able_types(
    settings: LaunchSettings,
    types: Sequence[str],
    image: Image,
    known: Mapping[str, TypeFacts],
) -> frozenset[str]:
    """The types that are to hibernate; what EC2 does not say is tried.

    :raises EC2SpawnError: when the disk is too small for the memory of one
    """
    if settings.on_stop != "hibernate":
        return frozenset()
    able = {each for each in types if each not in known or _can(known[each])}
    size = settings.root_volume_size or image.root_size
    memory = {each: known[each].memory for each in types if each in able & set(known)}
    if size and (too_much := {t: m for t, m in memory.items() if m > size}):
        sizes = ", ".join(f"{t} has {m:g} GiB" for t, m in too_much.items())
        raise EC2SpawnError(
            "The disk of this server is too small to hibernate. Please tell your "
            "hub's admin.",
            reason=Reason.CONFIG,
            log_message=f"on_stop is 'hibernate' and the root volume has {size} GiB, "
            f"but its memory must fit on it, beside the image: {sizes}. Raise "
            "root_volume_size",
        )
    return frozenset(able)


def _can(facts: TypeFacts) -> bool:
    return facts.can_hibernate and facts.memory < _MOST_MEMORY
