"""One Region of a local EC2: what there is in it, and what holds for all of it.

Machines, volumes, images, network and quotas are a Region's own. Time, settings and
this computer are shared.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import AwsError, unknown_instances
from ..metadata.identity_document import Signer
from ..net.addresses import AddressPool
from ..requests.client_tokens import ClientTokens
from ..resources import Resources
from ..settings import LocalSettings
from . import capacity, images

if TYPE_CHECKING:
    from .instance import LocalInstance
    from .lifecycle import Lifecycle
    from .volumes import VolumeLife

#: states in which an instance takes up capacity and quota
_IN_USE = ("pending", "running")


class World(images.World, Protocol):
    """What a Region needs of the cloud."""

    volume_life: VolumeLife
    regions: dict[str, Region]

    def hides(self, instance: LocalInstance) -> bool: ...


class Region:
    """A Region, as its part of the API sees it. Calls are made under the lock.

    :param backend: moto's EC2 of this Region
    """

    def __init__(self, cloud: World, backend: Any, resources: Resources) -> None:
        self.cloud = cloud
        self.backend = backend
        self.resources = resources
        self.name = resources.region
        self.image_life = images.ImageLife(cloud, backend)
        self.tokens = ClientTokens()
        self.signer = Signer()
        self._pools: dict[str, AddressPool] = {}

    # ---- what all Regions share

    @property
    def settings(self) -> LocalSettings:
        return self.cloud.settings

    @property
    def lock(self) -> threading.RLock:
        return self.cloud.lock

    @property
    def lifecycle(self) -> Lifecycle:
        return self.cloud.lifecycle

    @property
    def volume_life(self) -> VolumeLife:
        return self.cloud.volume_life

    # ---- what is in this one

    def region(self, name: str) -> Region | None:
        """Another one of this account, None when it is not there."""
        return self.cloud.regions.get(name)

    def all_instances(self) -> list[LocalInstance]:
        return [
            instance
            for reservation in list(self.backend.reservations.values())
            for instance in reservation.instances
        ]

    def instances(self, ids: list[str]) -> list[LocalInstance]:
        """As a client of the API sees them; InvalidInstanceID.NotFound if not."""
        by_id = {i.id: i for i in self.all_instances() if not self.cloud.hides(i)}
        missing = [each for each in ids if each not in by_id]
        if missing:
            raise unknown_instances(missing)
        return [by_id[each] for each in ids]

    def states(self, ids: list[str]) -> list[str | None]:
        states = {each.id: each.state for each in self.all_instances()}
        return [states.get(each) for each in ids]

    def group(self, group_id: str) -> Any:
        """A security group; InvalidGroup.NotFound when there is none."""
        found = self.backend.get_security_group_from_id(group_id)
        if found is None:
            raise AwsError(
                "InvalidGroup.NotFound",
                f"The security group '{group_id}' does not exist",
            )
        return found

    def room(self, market: str, instance_type: str, zone: str) -> int | None:
        used = [
            (
                capacity.market_of(i.lifecycle),
                i.instance_type,
                i.availability_zone or "",
            )
            for i in self.all_instances()
            if i.state in _IN_USE
        ]
        return capacity.room(self.settings.capacity, used, market, instance_type, zone)

    def quota_left(self, market: str, instance_type: str, wanted: int) -> int:
        """How many machines of the type the vCPU quota allows; at least ``wanted``
        or it raises VcpuLimitExceeded, MaxSpotInstanceCountExceeded for spot."""
        from moto.ec2.models.instance_types import INSTANCE_TYPES

        bucket = capacity.quota_bucket(instance_type)
        key = f"spot:{bucket}" if market == "spot" else bucket
        limit = self.settings.vcpu_quota.get(key)
        if limit is None:
            return 1_000_000
        used = sum(
            INSTANCE_TYPES[i.instance_type]["VCpuInfo"]["DefaultVCpus"]
            for i in self.all_instances()
            if i.state in _IN_USE
            and capacity.market_of(i.lifecycle) == market
            and capacity.quota_bucket(i.instance_type) == bucket
        )
        each = INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"]
        fits = int(max(0, limit - used) // each)
        if fits < wanted:
            raise capacity.over_quota(limit, market)
        return fits

    def pool_of(self, subnet: Any) -> AddressPool | None:
        """The addresses of a subnet; None for one that no machine can be in."""
        if subnet.vpc_id != self.resources.vpc_id:
            return None
        if subnet.id not in self._pools:
            self._pools[subnet.id] = AddressPool(subnet.cidr_block)
        return self._pools[subnet.id]
