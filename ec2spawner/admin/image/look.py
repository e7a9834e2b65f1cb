"""What EC2 has of a hub's images, in every region, and who needs them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...core.errors import EC2SpawnError
from ...costs.price_list import PriceList
from ...ec2.clients import Account, Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.images import Images, ShelvedImage, machines_of_images, shelved_images
from ...ec2.prices.products import SNAPSHOT
from ...hub.costs.prices import Prices
from ...images.shelf import Version, uses, versions
from ...server.choice import known_profiles
from ...settings import LaunchSettings
from ..hub_config import Hub

#: what a setting names that follows something else than images
_PARAMETER = "ssm:"


@dataclass(frozen=True)
class RegionImages:
    """One region's part, or why it could not be asked."""

    account: Account
    images: tuple[ShelvedImage, ...]
    #: image id -> who needs it, in words
    used_by: Mapping[str, Sequence[str]]
    trouble: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.account.region


@dataclass(frozen=True)
class Shelf:
    """One look at all regions."""

    hub_id: str
    regions: tuple[RegionImages, ...]
    prices: PriceList

    @property
    def versions(self) -> list[Version]:
        used = {id: who for r in self.regions for id, who in r.used_by.items()}
        return versions({r.name: r.images for r in self.regions}, used)

    @property
    def trouble(self) -> list[str]:
        return [f"{r.name}: {each}" for r in self.regions for each in r.trouble]

    def usd(self, region: str, image: ShelvedImage) -> float | None:
        """What its snapshots cost in a month at most; None when that is not known.

        EC2 bills what is written in them, which can be far less than their size.
        """
        price = self.prices.of(region, SNAPSHOT)
        return None if price is None else price.usd * image.size


async def look(hub: Hub, regions: Iterable[str] = ()) -> Shelf:
    """Ask EC2 for the images of a hub. What fails is in the answer.

    :param regions: in addition to those of the hub
    """
    wishes = wanted_images(hub.settings)
    names = dict.fromkeys([*(a.region for a in hub.accounts), *regions])
    accounts = [hub.in_region(name) for name in names]
    found = [await _ask(hub.hub_id, account, wishes) for account in accounts]
    prices = Prices(hub.settings, logging.getLogger(__name__)).known
    return Shelf(hub.hub_id, tuple(found), prices)


def wanted_images(spawner: LaunchSettings) -> set[str]:
    """What the settings say for ``image``, in any profile and choice.

    Those that a callable returns are not known before somebody starts one.
    """
    overrides = (o for p in known_profiles(spawner) for o in p.overrides())
    found = [spawner.image, *(override.get("image") for override in overrides)]
    return {each.strip() for each in found if each and isinstance(each, str)}


async def _ask(hub_id: str, account: Account, wishes: set[str]) -> RegionImages:
    clients = Clients(account)
    images: list[ShelvedImage] = []
    trouble: list[str] = []
    used: Mapping[str, Sequence[str]] = {}
    try:
        images = await shelved_images(clients.reading, hub_id)
        machines = []
        if images:
            ids = [image.id for image in images]
            machines = await machines_of_images(clients.reading, ids)
        named = {await _followed(clients, hub_id, wish) for wish in wishes}
        used = uses(images, machines, named)
    except EC2Error as e:
        trouble.append(admin_hint(e))
    finally:
        clients.close()
    return RegionImages(account, tuple(images), used, tuple(trouble))


async def _followed(clients: Clients, hub_id: str, wish: str) -> str:
    """What a setting names: behind a parameter an image's id, if it names one."""
    if not wish.startswith(_PARAMETER):
        return wish
    try:
        return (await Images(clients.reading, hub_id).resolve(wish, ())).id
    except EC2SpawnError:
        return wish  # no image of this region
