"""A local EC2 in this process: owns everything and takes it all down again."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..client import LocalControl
from ..errors import AwsError
from ..machines.base import Ending, Machine, MachineSpec, VolumeSpec
from ..machines.marks import MARKER
from ..machines.substrate import ground_for, traces
from ..machines.volume_store import VolumeStore
from ..metadata.identity_document import Signer
from ..net.addresses import AddressPool
from ..processes import marked
from ..processes.reaper import Keeper
from ..requests.faults import Fault, FaultBook
from ..requests.request import ApiRequest
from ..requests.request_log import RequestLog
from ..requests.throttle import Buckets
from ..settings import BOOTED, LocalSettings
from . import capacity
from .clock import Clock
from .security_groups import policy_of
from .seed import ACCOUNT, plant

if TYPE_CHECKING:
    from .images import ImageLife
    from .instance import LocalInstance
    from .lifecycle import Lifecycle
    from .volumes import VolumeLife

#: states in which an instance takes up capacity and quota
_IN_USE = ("pending", "running")


class LocalCloud:
    """A local EC2, started by entering it. One at a time in a process: moto keeps
    its world in module globals."""

    _taken = threading.Lock()

    def __init__(
        self,
        settings: LocalSettings | None = None,
        region: str = "us-west-2",
        folder: str | os.PathLike[str] | None = None,
        port: int = 0,
    ) -> None:
        self.settings = settings or LocalSettings()
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
        self.lifecycle: Lifecycle
        self.volume_life: VolumeLife
        self.image_life: ImageLife
        self._parent = folder
        self._port = port
        self._pools: dict[str, AddressPool] = {}
        self._undo = contextlib.ExitStack()

    # ---- start and stop

    def start(self) -> LocalCloud:
        _import_moto()
        if not LocalCloud._taken.acquire(blocking=False):
            raise RuntimeError("this process runs a local EC2 already")
        with contextlib.ExitStack() as undo:
            undo.callback(LocalCloud._taken.release)
            self._start(undo)
            self._undo = undo.pop_all()
        return self

    def _start(self, undo: contextlib.ExitStack) -> None:
        """Start part by part; ``undo`` ends them in the opposite order."""
        from moto.core.base_backend import BackendDict
        from moto.ec2.models import ec2_backends

        from ..api.control_api import ControlApi
        from ..api.dispatch import Ec2Api
        from ..api.http import Gate, HttpServer
        from . import moto_patches as patches
        from .describe import describe_instance_status, describe_instances
        from .images import ImageLife, LocalAmi
        from .instance import LocalInstance
        from .lifecycle import Lifecycle
        from .volumes import LocalModification, LocalSnapshot, LocalVolume, VolumeLife

        if self._parent is not None:
            Path(self._parent).mkdir(parents=True, exist_ok=True)
        self.folder = Path(
            tempfile.mkdtemp(prefix="ec2spawner-local-", dir=self._parent)
        )
        kind = self.settings.machines
        left = [self.folder, *traces(kind, self.cloud_id)]
        undo.callback(Keeper(MARKER, self.cloud_id, left).close)
        for each in left:
            undo.callback(marked.remove_folder, str(each))
        self.ground = ground_for(self.settings, self.cloud_id)
        undo.callback(self.ground.close)
        self.network, self.metadata = self.ground.network, self.ground.metadata
        undo.callback(marked.kill_marked, MARKER, self.cloud_id)
        self.volumes = VolumeStore(self.folder / "volumes", kind in BOOTED)
        undo.callback(self.volumes.close)
        self.clock = Clock()
        undo.callback(self.clock.close)
        # Before the workers are waited for: some wait for machines to end.
        undo.callback(marked.kill_marked, MARKER, self.cloud_id)
        self.lifecycle = Lifecycle(self)
        LocalInstance.lifecycle_of = self.lifecycle
        self.volume_life = LocalVolume.life_of = VolumeLife(self)
        BackendDict.reset()
        patches.install(
            instance_class=LocalInstance,
            hidden=self._hidden,
            ran=self._ran,
            pool_of=self.pool_of,
            newest_first=lambda: self.settings.address_reuse == "newest-first",
            describe_instances=describe_instances,
            describe_instance_status=describe_instance_status,
        )
        patches.install_volumes(
            LocalVolume, LocalModification, LocalSnapshot, self.volume_life
        )
        patches.install_images(LocalAmi)
        self.resources = plant(self.region, self.network)
        self.backend: Any = ec2_backends[ACCOUNT][self.region]
        self.image_life = ImageLife(self)
        if "nspawn" in self.ground.kinds:
            self.image_life.list_roots(self.backend.amis[self.resources.image_id])
        self.network_changed()
        self.api = Ec2Api(self)
        server = HttpServer(Gate(self.api, ControlApi(self)), self._port)
        undo.callback(server.stop)
        self.endpoint_url = server.url

    def stop(self) -> None:
        """All machines gone, all ports free, the folder removed."""
        self._undo.close()

    def __enter__(self) -> LocalCloud:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def control(self) -> LocalControl:
        return LocalControl(self.endpoint_url)

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
            many = len(missing) > 1
            raise AwsError(
                "InvalidInstanceID.NotFound",
                f"The instance ID{'s' if many else ''} '{', '.join(missing)}' "
                f"do{'' if many else 'es'} not exist",
            )
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


def _import_moto() -> None:
    try:
        found = version("moto")
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        # Read at import only; thousands of images that nobody here can boot.
        with tempfile.NamedTemporaryFile("w", suffix=".json") as empty:
            empty.write("[]")
            empty.flush()
            os.environ["MOTO_AMIS_PATH"] = empty.name
            try:
                import moto.ec2.models  # noqa: F401
            finally:
                del os.environ["MOTO_AMIS_PATH"]
    except ImportError as error:
        raise ImportError(
            "The local EC2 needs moto, which is not installed: "
            'pip install "ec2spawner[demo]"'
        ) from error
    from .moto_patches import MOTO_VERSION

    if found != MOTO_VERSION:
        raise ImportError(
            f"The local EC2 needs moto {MOTO_VERSION} exactly and found {found}: "
            'pip install "ec2spawner[demo]"'
        )
