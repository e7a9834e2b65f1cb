"""The world of one local EC2: what there is in it, and what holds for all of it."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AwsError, unknown_instances
from ..machines.base import Ending, Machine, MachineSpec, VolumeSpec
from ..machines.substrate import Ground, Network
from ..machines.volume_store import VolumeStore
from ..metadata.identity_document import Signer
from ..metadata.service import MetadataService
from ..net.addresses import AddressPool
from ..net.outside import Outside
from ..requests.faults import Fault, FaultBook
from ..requests.request import ApiRequest
from ..requests.request_log import RequestLog
from ..requests.throttle import Buckets
from ..resources import Resources
from ..settings import LocalSettings
from . import capacity
from .clock import Clock
from .security_groups import policy_of

if TYPE_CHECKING:
    from .images import ImageLife
    from .instance import LocalInstance
    from .lifecycle import Lifecycle
    from .volumes import VolumeLife

#: states in which an instance takes up capacity and quota
_IN_USE = ("pending", "running")


class Cloud:
    """Everything of one local EC2. `serve.LocalCloud` fills it."""

    folder: Path
    ground: Ground
    network: Network
    metadata: MetadataService
    outside: Outside
    volumes: VolumeStore
    clock: Clock
    lifecycle: Lifecycle
    volume_life: VolumeLife
    image_life: ImageLife
    resources: Resources
    #: moto's EC2
    backend: Any

    def __init__(self, settings: LocalSettings, region: str) -> None:
        self.settings = settings
        self.region = region
        self.cloud_id = secrets.token_hex(8)
        #: everything that changes the world holds it
        self.lock = threading.RLock()
        self.log = RequestLog()
        self.faults = FaultBook()
        self.buckets = Buckets()
        self.signer = Signer()
        #: the request and fault that are being worked on, under the lock
        self.launching: ApiRequest | None = None
        self.scripted = Fault()
        self.endpoint_url = ""
        self._pools: dict[str, AddressPool] = {}

    def info(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.endpoint_url,
            "region": self.region,
            "pid": os.getpid(),
            "cloud_id": self.cloud_id,
            "vpc_cidr": self.network.cidr,
            "hub_address": self.network.hub_address,
            "folder": str(self.folder),
        }

    # ---- the world, for the other modules; under the lock

    def all_instances(self) -> list[LocalInstance]:
        return [
            instance
            for reservation in list(self.backend.reservations.values())
            for instance in reservation.instances
        ]

    def instances(self, ids: list[str]) -> list[LocalInstance]:
        """As a client of the API sees them; InvalidInstanceID.NotFound if not."""
        by_id = {i.id: i for i in self.all_instances() if not self._hidden(i)}
        missing = [each for each in ids if each not in by_id]
        if missing:
            raise unknown_instances(missing)
        return [by_id[each] for each in ids]

    def instance(self, instance_id: str) -> LocalInstance | None:
        for each in self.all_instances():
            if each.id == instance_id:
                return each
        return None

    def group(self, group_id: str) -> Any:
        """A security group; InvalidGroup.NotFound when there is none."""
        found = self.backend.get_security_group_from_id(group_id)
        if found is None:
            raise AwsError(
                "InvalidGroup.NotFound",
                f"The security group '{group_id}' does not exist",
            )
        return found

    def states(self, ids: list[str]) -> list[str | None]:
        found = (self.instance(each) for each in ids)
        return [each.state if each else None for each in found]

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

    def check_start(self, instance: LocalInstance) -> None:
        market = capacity.market_of(instance.lifecycle)
        self.quota_left(market, instance.instance_type, 1)
        zone = instance.availability_zone or ""
        if self.room(market, instance.instance_type, zone) == 0:
            raise AwsError(
                "InsufficientInstanceCapacity", "Insufficient capacity.", 500
            )
        instance.doom = self.scripted.state_reason

    def pool_of(self, subnet: Any) -> AddressPool | None:
        if subnet.vpc_id not in self.backend_vpcs():
            return None
        with self.lock:
            if subnet.id not in self._pools:
                self._pools[subnet.id] = AddressPool(subnet.cidr_block)
            return self._pools[subnet.id]

    def backend_vpcs(self) -> tuple[str, ...]:
        return (self.resources.vpc_id,) if hasattr(self, "resources") else ()

    def machine_for(
        self, instance: LocalInstance, ended: Callable[[Ending], None]
    ) -> Machine:
        root = instance.block_device_mapping.get(instance.root_device_name)
        spec = MachineSpec(
            cloud_id=self.cloud_id,
            instance_id=instance.id,
            private_ip=str(instance.private_ip),
            mac=str(instance.nics[0].mac_address),
            metadata_url=instance.metadata_url,
            folder=self.folder / "machines" / instance.id,
            path_prefix=self.settings.path_prefix,
            clock_offset=self.settings.clock_offset_seconds,
            root_volume_id=root.volume_id if root is not None else "",
            volumes=self.volume_life.of_machine(instance),
            image=instance.image_layers,
            root=instance.image_root,
            outside=self.outside.layer(self.settings),
        )
        return self.ground.machine(self.settings.machines, spec, ended)

    def volumes_of(self, instance: LocalInstance) -> tuple[VolumeSpec, ...]:
        return self.volume_life.of_machine(instance)

    def forget(self, instance: LocalInstance) -> None:
        """A terminated instance is not listed any more."""
        with self.lock:
            for key, reservation in list(self.backend.reservations.items()):
                if instance in reservation.instances:
                    reservation.instances.remove(instance)
                    if not reservation.instances:
                        del self.backend.reservations[key]
            self.backend.tags.pop(instance.id, None)

    def untag(self, instance: LocalInstance) -> None:
        """The tags of a terminated instance have left it."""
        with self.lock:
            self.backend.tags.pop(instance.id, None)

    def network_changed(self) -> None:
        """Put the security groups in force as they are now."""
        if self.network.enforces:
            with self.lock:
                policy = policy_of(self.backend, self.resources.vpc_id)
                self.network.enforce(policy)

    # ---- called by the patches

    def _hidden(self, instance: LocalInstance) -> bool:
        wait = self.settings.consistency_seconds
        return wait > 0 and time.monotonic() - instance.born < wait

    def _ran(self, reservation: Any, tags: Any) -> None:
        request = self.launching
        for instance in reservation.instances:
            instance.reservation_id = reservation.id
            instance.doom = self.scripted.state_reason
            image = self.backend.amis.get(instance.image_id)
            if image is not None:
                instance.image_layers = image.layers
                instance.image_root = image.root
            if request is not None and request.flag("DisableApiTermination"):
                instance.disable_api_termination = True
            if request is not None:
                option = "HibernationOptions.Configured"
                instance.may_hibernate = request.flag(option)
                kind = "InstanceMarketOptions.SpotOptions.SpotInstanceType"
                instance.spot_persistent = request.get(kind) == "persistent"
            if not instance.security_groups and 0 in instance.nics:
                # moto leaves them out when they are given with the interface
                instance.security_groups = list(instance.nics[0]._group_set)
            for nic in instance.nics.values():
                nic.add_tags(tags.get("network-interface", {}))
            self.lifecycle.launched(instance)
