"""The world of one local EC2: what there is in it, and what holds for all of it."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AwsError
from ..machines.base import Ending, Machine, MachineSpec, VolumeSpec
from ..machines.substrate import Ground, Network
from ..machines.volume_store import VolumeStore
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
from .security_groups import joined, policy_of

if TYPE_CHECKING:
    from ..metadata.identity_document import Signer
    from .instance import LocalInstance
    from .lifecycle import Lifecycle
    from .region import Region
    from .volumes import VolumeLife


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
    #: by name; the first one is where it is at home
    regions: dict[str, Region]

    def __init__(self, settings: LocalSettings, region: str) -> None:
        self.settings = settings
        self.region = region
        self.cloud_id = secrets.token_hex(8)
        #: everything that changes the world holds it
        self.lock = threading.RLock()
        self.log = RequestLog()
        self.faults = FaultBook()
        self.buckets = Buckets()
        #: the request and fault that are being worked on, under the lock
        self.launching: ApiRequest | None = None
        self.scripted = Fault()
        self.endpoint_url = ""
        self.regions = {}

    def info(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.endpoint_url,
            "region": self.region,
            "regions": list(self.regions),
            "pid": os.getpid(),
            "cloud_id": self.cloud_id,
            "vpc_cidr": self.network.cidr,
            "hub_address": self.network.hub_address,
            "folder": str(self.folder),
        }

    # ---- the world, for the other modules; under the lock

    @property
    def home(self) -> Region:
        """The Region that it is without being told of another."""
        return self.regions[self.region]

    @property
    def backend(self) -> Any:
        """moto's EC2 of the Region that it is at home in."""
        return self.home.backend

    @property
    def resources(self) -> Resources:
        return self.home.resources

    def region_of(self, thing: Any) -> Region:
        """Where something of moto's is."""
        return self.regions[thing.ec2_backend.region_name]

    def signer_of(self, instance: LocalInstance) -> Signer:
        """What says who a machine is, in its Region."""
        return self.region_of(instance).signer

    def all_instances(self) -> list[LocalInstance]:
        return [
            instance
            for region in self.regions.values()
            for instance in region.all_instances()
        ]

    def instance(self, instance_id: str) -> LocalInstance | None:
        for each in self.all_instances():
            if each.id == instance_id:
                return each
        return None

    def check_start(self, instance: LocalInstance) -> None:
        region = self.region_of(instance)
        market = capacity.market_of(instance.lifecycle)
        region.quota_left(market, instance.instance_type, 1)
        zone = instance.availability_zone or ""
        if region.room(market, instance.instance_type, zone) == 0:
            raise AwsError(
                "InsufficientInstanceCapacity", "Insufficient capacity.", 500
            )
        instance.doom = self.scripted.state_reason

    def pool_of(self, subnet: Any) -> AddressPool | None:
        region = self.regions.get(subnet.ec2_backend.region_name)
        if region is None:
            return None  # it is being made
        with self.lock:
            return region.pool_of(subnet)

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
        backend = instance.ec2_backend
        with self.lock:
            for key, reservation in list(backend.reservations.items()):
                if instance in reservation.instances:
                    reservation.instances.remove(instance)
                    if not reservation.instances:
                        del backend.reservations[key]
            backend.tags.pop(instance.id, None)

    def untag(self, instance: LocalInstance) -> None:
        """The tags of a terminated instance have left it."""
        with self.lock:
            instance.ec2_backend.tags.pop(instance.id, None)

    def network_changed(self) -> None:
        """Put the security groups in force as they are now."""
        if self.network.enforces:
            with self.lock:
                regions = self.regions.values()
                policies = [policy_of(r.backend, r.resources.vpc_id) for r in regions]
                self.network.enforce(joined(policies))

    # ---- called by the patches

    def hides(self, instance: LocalInstance) -> bool:
        """Whether no client can see it yet."""
        wait = self.settings.consistency_seconds
        return wait > 0 and time.monotonic() - instance.born < wait

    def _ran(self, reservation: Any, tags: Any) -> None:
        request = self.launching
        for instance in reservation.instances:
            instance.reservation_id = reservation.id
            instance.doom = self.scripted.state_reason
            image = instance.ec2_backend.amis.get(instance.image_id)
            if image is not None:
                instance.image_layers = image.layers
                instance.image_root = image.root
                image.launched()
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
