"""All that a hub has in AWS, with what each costs a month, and what stays. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from ...core.tags import ARCHIVE_TAG, DISCARD_TAG, HOME_TAG, MOVE_TAG
from ...costs.price_list import PriceList
from ...costs.runs import MONTH_HOURS
from ...ec2.images import ShelvedImage
from ...ec2.machines import Machine
from ...ec2.prices.products import ADDRESS, DISK, SNAPSHOT
from ...ec2.resources import Resource, ResourceKind
from ...ec2.snapshots import Snapshot
from ..explain import UNKNOWN

#: what makes a snapshot one of a home; others with the hub's tag are a person's
_OF_HOMES = (HOME_TAG, ARCHIVE_TAG, MOVE_TAG, DISCARD_TAG)
HEAD = ("WHAT", "ID", "REGION", "STATE", "USD/MONTH", "WHAT BECOMES OF IT")


class Kind(str, Enum):
    """In the order in which they are deleted: what uses another goes first."""

    MACHINE = "machine"
    VOLUME = "volume"
    HOME = "home"
    INTERFACE = "network interface"
    ADDRESS = "address"
    IMAGE = "image"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True)
class Region:
    """What one region has of a hub."""

    name: str
    machines: Sequence[Machine] = ()
    resources: Sequence[Resource] = ()
    images: Sequence[ShelvedImage] = ()
    #: with the hub's tag, whosever they are
    snapshots: Sequence[Snapshot] = ()
    trouble: Sequence[str] = ()


@dataclass(frozen=True)
class Owned:
    """One thing.

    :ivar usd: a month, by what it is now; None when a price is not known
    :ivar stays: why it is not deleted; empty when it is
    :ivar of_home: somebody's files are in it
    """

    kind: Kind
    id: str
    region: str
    state: str = ""
    usd: float | None = 0.0
    stays: str = ""
    of_home: bool = False
    tags: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kind.value} {self.id} in {self.region}"

    def cells(self) -> list[str]:
        """As text, in the order of :data:`HEAD`."""
        usd = UNKNOWN if self.usd is None else f"{self.usd:.2f}"
        fate = f"stays: {self.stays}" if self.stays else "deleted"
        return [self.kind.value, self.id, self.region, self.state or "-", usd, fate]

    def to_dict(self) -> dict[str, Any]:
        found = asdict(self)
        del found["tags"]
        return {**found, "kind": self.kind.value, "deleted": not self.stays}


def owned(regions: Iterable[Region], prices: PriceList, homes: bool) -> list[Owned]:
    """All of it, in the order in which it is deleted.

    :param homes: homes go, too, and their snapshots
    """
    found = [each for region in regions for each in _of(region, prices, homes)]
    order = list(Kind)
    return sorted(found, key=lambda o: (order.index(o.kind), o.region, o.id))


def _of(region: Region, prices: PriceList, homes: bool) -> Iterator[Owned]:
    for machine in region.machines:
        if not machine.gone:
            yield _machine(region.name, machine, prices)
    for resource in region.resources:
        # Snapshots are in a listing of their own.
        if not resource.gone and resource.kind is not ResourceKind.SNAPSHOT:
            yield _resource(region, resource, prices, homes)
    of_images = {id for image in region.images for id in image.snapshots}
    for image in region.images:
        yield _image(region.name, image, prices)
    for snapshot in region.snapshots:
        if snapshot.id not in of_images:
            yield _snapshot(region.name, snapshot, prices, homes)


def _machine(region: str, machine: Machine, prices: PriceList) -> Owned:
    usd: float | None = 0.0
    if not machine.over:
        kind = machine.instance_type
        spot = machine.market == "spot"
        price = prices.spot(region, kind, machine.zone) if spot else None
        price = price or prices.of(region, kind)
        address = prices.of(region, ADDRESS) if machine.public else None
        unknown = price is None or machine.public and address is None
        hourly = (price.usd if price else 0.0) + (address.usd if address else 0.0)
        usd = None if unknown else hourly * MONTH_HOURS
    stays = _KEPT if machine.kept else ""
    return Owned(Kind.MACHINE, machine.id, region, machine.state, usd, stays)


_KEPT = "a person keeps it (tag ec2spawner:keep)"
_HOME = "people's files; --homes deletes it, too"


def _resource(
    region: Region, resource: Resource, prices: PriceList, homes: bool
) -> Owned:
    kept = {m.id for m in region.machines if m.kept}
    stays = _KEPT if resource.kept or resource.used_by in kept else ""
    if resource.kind is ResourceKind.VOLUME:
        usd = _stored(prices, region.name, DISK, resource.size)
        # Of another type nobody has asked for the price.
        usd = usd if resource.type in ("", "gp3") else None
        kind = Kind.HOME if resource.home else Kind.VOLUME
    elif resource.kind is ResourceKind.ADDRESS:
        price = prices.of(region.name, ADDRESS)
        kind, usd = Kind.ADDRESS, price.usd * MONTH_HOURS if price else None
    else:
        kind, usd = Kind.INTERFACE, 0.0
    if kind is Kind.HOME and not homes:
        stays = stays or _HOME
    return Owned(
        kind,
        resource.id,
        region.name,
        resource.state,
        usd,
        stays,
        kind is Kind.HOME,
        resource.tags,
    )


def _stored(prices: PriceList, region: str, what: str, gib: float) -> float | None:
    price = prices.of(region, what)
    return None if price is None else price.usd * gib


def _image(region: str, image: ShelvedImage, prices: PriceList) -> Owned:
    usd = _stored(prices, region, SNAPSHOT, image.size)
    stays = _KEPT if image.kept else ""
    return Owned(Kind.IMAGE, image.id, region, image.state, usd, stays)


def _snapshot(region: str, snapshot: Snapshot, prices: PriceList, homes: bool) -> Owned:
    ours = any(tag in snapshot.tags for tag in _OF_HOMES)
    stays = _HOME if ours and not homes else ""
    if not ours:
        stays = "the hub has not made it; delete it yourself if nobody needs it"
    usd = _stored(prices, region, SNAPSHOT, snapshot.full or snapshot.size)
    return Owned(
        Kind.SNAPSHOT,
        snapshot.id,
        region,
        snapshot.state,
        usd,
        stays,
        ours,
        snapshot.tags,
    )


def cost_words(found: Iterable[Owned]) -> str:
    """``12.30 USD a month``, and whether that is all."""
    every = [each.usd for each in found]
    usd = sum(filter(None, every))
    if None not in every:
        return f"{usd:.2f} USD a month"
    if not usd:
        return "prices are not known: ec2spawner prices --refresh"
    return f"{usd:.2f} USD a month, and what nobody knows the price of"
