"""Whether the launches that a hub offers can be, as far as EC2 tells without one.

What an image cannot have is read from its facts; whether an instance profile is there,
a dry run of the launch itself tells: the Hub has no right to list profiles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...core.errors import EC2SpawnError
from ...core.ids import new_launch_id
from ...ec2.account.dry_runs import may
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.facts import Image, Region, TypeFacts
from ...ec2.instance_types import type_facts
from ...fleet.fleet import Fleet
from ...launch.plan import LaunchIdentity, plan_launch
from ...settings import LaunchSettings
from .variants import Variant, variants_of

#: what EC2 says to a dry run beside rights (kubernetes-sigs/karpenter, nodeclass
#: validation)
NO_PROFILE = "Invalid IAM Instance Profile"
#: of whoever asks without meaning it
_NOBODY = "ec2spawner-check"


async def untenable(settings: LaunchSettings, fleet: Fleet) -> list[str]:
    """A sentence for each size, disk and instance profile that cannot be had.

    Of every profile and each choice of its options. What EC2 does not answer is left
    to who asks it later.
    """
    here = [v for v in variants_of(settings) if v.region == fleet.region and v.image[0]]
    names = dict.fromkeys(v.image for v in here)
    found = await asyncio.gather(*(_image(fleet, *name) for name in names))
    images = {name: image for name, image in zip(names, found) if image}
    here = [each for each in here if each.image in images]
    types = list(dict.fromkeys(name for v in here for name in v.settings.types))
    try:
        known = await type_facts(fleet.clients.reading, types) if types else {}
    except EC2Error:
        known = {}  # who asks whether they are there tells it
    said = [
        line
        for variant in here
        for line in misfits(variant.settings, images[variant.image], known)
    ]
    for variant in _with_profiles(here):
        said += await _without_profile(variant, images[variant.image], known, fleet)
    return list(dict.fromkeys(said))


async def _image(fleet: Fleet, name: str, owners: Sequence[str]) -> Image | None:
    try:
        return await fleet.images.resolve(name, owners)
    except (EC2Error, EC2SpawnError):
        return None  # who looks for images tells it


def misfits(
    settings: LaunchSettings, image: Image, known: Mapping[str, TypeFacts]
) -> Iterator[str]:
    """Sizes and disks that an image cannot have. Pure."""
    kinds = {n: known[n].architectures if n in known else () for n in settings.types}
    # A list may hold types of several kinds: those that do not fit are left out.
    if all(kind and image.architecture not in kind for kind in kinds.values()):
        for name, kind in kinds.items():
            yield (
                f"{name} has {'/'.join(sorted(kind))} processors, and image "
                f"{image.id} is for {image.architecture}: no server starts with the "
                "two."
            )
    if 0 < settings.root_volume_size < image.root_size:
        yield (
            f"root_volume_size is {settings.root_volume_size} GiB, and image "
            f"{image.id} needs {image.root_size}: no server starts with the two."
        )


def _with_profiles(variants: Iterable[Variant]) -> list[Variant]:
    """One for each instance profile."""
    found: dict[str, Variant] = {}
    for variant in variants:
        if variant.settings.iam_instance_profile:
            found.setdefault(variant.settings.iam_instance_profile, variant)
    return list(found.values())


async def _without_profile(
    variant: Variant, image: Image, known: Mapping[str, TypeFacts], fleet: Fleet
) -> list[str]:
    settings = variant.settings
    name = settings.iam_instance_profile
    architectures = {each: facts.architectures for each, facts in known.items()}
    who = LaunchIdentity(fleet.hub_id, _NOBODY, new_launch_id())
    try:
        region = Region(architectures, {}, known)
        plan = plan_launch(settings, image, who, b"#!", region)
        request = plan.candidates[0].request
        refusal = await may(fleet.clients.launching, "RunInstances", request)
    except EC2Error as e:
        if NO_PROFILE not in admin_hint(e):
            return []
        return [
            f"There is no IAM instance profile {name}, which "
            "c.EC2Spawner.iam_instance_profile or a profile names: no server starts "
            "with it. `ec2spawner doctor` tells more."
        ]
    except EC2SpawnError:
        return []  # a misfit
    if refusal is None:
        return []
    return [
        f"The Hub may not launch machines with the IAM instance profile {name}: "
        f"{admin_hint(refusal)}. `ec2spawner doctor` tells more."
    ]
