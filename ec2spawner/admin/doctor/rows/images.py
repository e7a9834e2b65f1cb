"""What machines are made from: images, data volumes, and key pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from ....core.errors import EC2SpawnError
from ....ec2.facts import Image
from ....hub.checks.variants import Variant, names
from ....launch.block_devices import data_devices
from ..look.facts import Facts, Missing, RegionFacts, Unknown
from ..look.wants import Wants
from .check import Check, not_known, ok, problem, warning

#: the home's (homes/attach.py)
_HOMES_DEVICES = frozenset({"/dev/sdf", "/dev/xvdf"})


def images(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whether there are the images that settings name, and machines can be made so."""
    for region in facts.regions.values():
        for key in dict.fromkeys(v.image for v in wants.of(region.name)):
            whose = [v for v in wants.of(region.name) if v.image == key]
            yield from _of_setting(region, key[0], region.images.get(key), whose, facts)


def _of_setting(
    region: RegionFacts,
    setting: str,
    image: Image | Missing | Unknown | None,
    whose: Sequence[Variant],
    facts: Facts,
) -> Iterator[Check]:
    if not setting:
        return  # the configuration's own row says so
    if image is None or isinstance(image, Unknown):
        yield not_known("image", setting, image or Unknown("Nobody has asked for it."))
    elif isinstance(image, Missing):
        yield problem(
            "image",
            setting,
            f"{setting} is no image in {region.name}: {image.why}.",
            f"No machine starts, for {names(whose)}.",
            _those_of(region),
        )
    else:
        found = list(_trouble(region, setting, image, whose, facts.now))
        what = image.id if setting == image.id else f"{setting}: {image.id}"
        yield from found or [ok("image", setting, f"{what}, {image.architecture}")]


def _those_of(region: RegionFacts) -> str:
    return (
        f"aws ec2 describe-images --region {region.name} --owners self "
        "--query 'Images[].[ImageId,Name,Architecture]'"
    )


def _trouble(
    region: RegionFacts,
    setting: str,
    image: Image,
    whose: Sequence[Variant],
    now: float,
) -> Iterator[Check]:
    if image.state != "available":
        yield problem(
            "image",
            setting,
            f"{image.id} is {image.state}.",
            f"No machine can be made from it, for {names(whose)}.",
            _those_of(region),
        )
    if not image.modern:
        yield problem(
            "image",
            setting,
            f"{image.id} is not of today's kind (EBS, hvm, ENA).",
            "No current instance type boots it.",
            _those_of(region),
        )
    if image.marketplace:
        yield warning(
            "image",
            setting,
            f"{image.id} is of AWS's Marketplace.",
            "Its terms must have been accepted with this account, else EC2 refuses "
            "launches (OptInRequired).",
            "Subscribe to it at https://aws.amazon.com/marketplace",
        )
    if 0 < image.deprecated_at < now:
        day = datetime.fromtimestamp(image.deprecated_at, timezone.utc)
        yield warning(
            "image",
            setting,
            f"{image.id} is deprecated since {day:%Y-%m-%d}.",
            "Its maker updates it no more, and may delete it.",
            _those_of(region),
        )
    for variant in whose:
        yield from _disks(region, setting, image, variant)


def _disks(
    region: RegionFacts, setting: str, image: Image, variant: Variant
) -> Iterator[Check]:
    size = variant.settings.root_volume_size
    if 0 < size < image.root_size:
        yield problem(
            "image",
            setting,
            f"root_volume_size is {size} GiB, and {image.id} needs {image.root_size}.",
            f"EC2 refuses launches, for {names([variant])}.",
            f"c.EC2Spawner.root_volume_size = {image.root_size}",
        )
    if variant.settings.home != "none" and image.devices & _HOMES_DEVICES:
        yield problem(
            "image",
            setting,
            f"{image.id} brings a disk along at /dev/sdf, where homes are attached.",
            f"No home can be attached, for {names([variant])}.",
            _those_of(region),
        )
    try:
        data_devices(variant.settings, image)
    except EC2SpawnError as e:
        why = f"No machine starts, for {names([variant])}."
        yield problem(
            "image",
            setting,
            f"{e.log_message}.",
            why,
            "Fewer c.EC2Spawner.data_volumes",
        )


def key_pairs(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Those that settings name."""
    for region in facts.regions.values():
        variants = wants.of(region.name)
        named = dict.fromkeys(v.settings.key_name for v in variants)
        for name in filter(None, named):
            if isinstance(region.key_pairs, Unknown):
                yield not_known("key-pair", name, region.key_pairs)
            elif name in region.key_pairs:
                yield ok("key-pair", region.name, name)
            else:
                whose = names(v for v in variants if v.settings.key_name == name)
                yield problem(
                    "key-pair",
                    name,
                    f"There is no key pair {name!r} in {region.name}.",
                    f"EC2 refuses launches, for {whose}.",
                    f"aws ec2 import-key-pair --region {region.name} --key-name {name} "
                    "--public-key-material fileb://KEY.pub",
                )


def data(wants: Wants, facts: Facts) -> Iterator[Check]:
    """The snapshots that data volumes are made of."""
    for region in facts.regions.values():
        variants = wants.of(region.name)
        ids = [d["snapshot_id"] for v in variants for d in v.settings.data_volumes]
        for id in dict.fromkeys(ids):
            if isinstance(region.snapshots, Unknown):
                yield not_known("data", id, region.snapshots)
                continue
            snapshot = region.snapshots.get(id)
            if snapshot and snapshot.state == "completed":
                yield ok("data", region.name, f"{id}, {snapshot.size} GiB")
                continue
            says = f"There is no snapshot {id} in {region.name}."
            whose = [
                v
                for v in variants
                if id in [d["snapshot_id"] for d in v.settings.data_volumes]
            ]
            yield problem(
                "data",
                id,
                f"{id} is {snapshot.state}." if snapshot else says,
                f"EC2 refuses launches, for {names(whose)}.",
                f"aws ec2 describe-snapshots --region {region.name} --owner-ids self",
            )
