"""What a hub may ask of AWS, by its settings and all that its profiles can change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...images.builds.request import LEAST_DISK, UBUNTU
from ...ready.giving import late_keys
from ...server.choice import known_profiles
from ...settings import LaunchSettings

# What is read of a profile.
_READ = {
    *("image", "instance_type", "instance_types", "market", "subnets"),
    *("security_groups", "key_name", "data_volumes", "iam_instance_profile"),
    *("home", "home_size", "home_may_move", "home_on_delete", "home_kms_key_id"),
    *("root_volume_size", "on_stop", "region"),
}


@dataclass(frozen=True)
class Needs:
    """What a policy is made of. Sizes are in GiB, and 0 for any."""

    hub_id: str
    regions: tuple[str, ...]
    types: tuple[str, ...]
    account: str = "*"
    partition: str = "aws"
    #: as the setting ``image`` has them
    images: tuple[str, ...] = ()
    #: users may write one
    any_image: bool = False
    #: none for any, and so are groups
    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    #: none for none, and so are those below
    keys: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    instance_profiles: tuple[str, ...] = ()
    kms_keys: tuple[str, ...] = ()
    #: of all that are made with a machine
    largest_disk: int = 0
    largest_home: int = 0
    homes: bool = False
    home_snapshots: bool = False
    spot: bool = False
    rests: bool = False
    builds: bool = False
    prices: bool = False
    #: the hub's own tags on machines, of which those of ready machines come late; empty
    #: without ready machines
    late_tags: tuple[str, ...] = ()


def needs_of(
    settings: LaunchSettings,
    hub_id: str,
    regions: Iterable[str],
    account: str = "*",
    partition: str = "aws",
    for_images: bool = False,
) -> Needs:
    """Read the settings, and what every profile, option and choice makes of them.

    What a callable returns is not known before somebody starts a server: see
    :func:`unknown`.

    :param for_images: ``ec2spawner image`` is used, whatever the settings say
    :raises ProfileListError: for a ``profile_list`` that cannot be
    """
    every = _Every(settings)
    images = every.texts("image")
    # Who builds anew does not begin with an image that was built.
    for_images = for_images or any(i.startswith("repo:") for i in images)
    images = _once([*images, *([UBUNTU] if for_images else [])])
    builds = for_images or bool(settings.build_sources)
    types = [*every.texts("instance_type"), *every.flat("instance_types")]
    data = every.flat("data_volumes")
    homes = "user" in every("home") or "server" in every("home")
    on_delete = every("home_on_delete")
    return Needs(
        hub_id=hub_id,
        regions=tuple(dict.fromkeys(regions)),
        types=_once([*types, *([settings.build_instance_type] if builds else [])]),
        account=account,
        partition=partition,
        images=images,
        any_image=every.is_written("image"),
        subnets=every.named("subnets"),
        groups=every.named("security_groups"),
        keys=every.texts("key_name"),
        snapshots=_once(volume["snapshot_id"] for volume in data),
        instance_profiles=every.texts("iam_instance_profile"),
        kms_keys=every.texts("home_kms_key_id") if homes else (),
        largest_disk=_largest_disk(every, bool(data), builds),
        largest_home=max(every("home_size")) if homes else 0,
        homes=homes,
        home_snapshots=homes
        and (any(every("home_may_move")) or "snapshot" in on_delete),
        spot=any(each != "on-demand" for each in every("market")),
        # A budget that is used up stops machines whatever on_stop says.
        rests=bool(settings.budgets)
        or any(each != "terminate" for each in every("on_stop")),
        builds=builds,
        prices=bool(settings.prices_region),
        late_tags=late_keys(settings.tags) if settings.ready_machines else (),
    )


def unknown(settings: LaunchSettings) -> list[str]:
    """The settings whose values only a user's start tells: what a policy lacks."""
    if callable(settings.profile_list):
        return ["profile_list"]
    overrides = [o for p in known_profiles(settings) for o in p.overrides()]
    found = [(name, value) for o in overrides for name, value in o.items()]
    return sorted({n for n, v in found if n in _READ and _is_unknown(n, v)})


def _is_unknown(name: str, value: Any) -> bool:
    # Of an image that users write, any is allowed; of a parameter, none.
    written = "{value}" in str(value)
    covered = name == "image" and not str(value).startswith("ssm:")
    return callable(value) or written and not covered


class _Every:
    """All values that a setting may have."""

    def __init__(self, settings: LaunchSettings) -> None:
        self._settings = settings
        profiles = known_profiles(settings)
        self._overrides = [o for p in profiles for o in p.overrides()]

    def __call__(self, name: str) -> list[Any]:
        over = [o[name] for o in self._overrides if name in o]
        return [getattr(self._settings, name), *(v for v in over if not callable(v))]

    def texts(self, name: str) -> tuple[str, ...]:
        return _once(v for v in self(name) if v and "{value}" not in v)

    def is_written(self, name: str) -> bool:
        """Users may write it themselves."""
        return any("{value}" in v for v in self(name))

    def flat(self, name: str) -> list[Any]:
        return [each for value in self(name) for each in value]

    def named(self, name: str) -> tuple[str, ...]:
        """The ids of a list; none when somewhere there are none, which is any."""
        return _once(self.flat(name)) if all(self(name)) else ()


def _largest_disk(every: _Every, data: bool, builds: bool) -> int:
    """0 where an image, or a snapshot, says how large a disk is."""
    sizes: list[int] = every("root_volume_size")
    if data or not all(sizes):
        return 0
    return max([*sizes, *([LEAST_DISK] if builds else [])])


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
