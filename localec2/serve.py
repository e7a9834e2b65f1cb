"""A local EC2 in this process: made part by part, and taken down again."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from importlib.metadata import version
from pathlib import Path

from .client import LocalControl
from .machines.substrate import ground_for, traces
from .machines.volume_store import VolumeStore
from .net.outside import Outside
from .processes import marked
from .processes.marked import MARKER
from .processes.reaper import Keeper
from .settings import BOOTED, LocalSettings
from .world.clock import Clock
from .world.cloud import Cloud
from .world.seed import ACCOUNT, plant


class LocalCloud(Cloud):
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
        super().__init__(settings or LocalSettings(), region)
        self._parent = folder
        self._port = port
        self._undo = contextlib.ExitStack()

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

        from .api.control_api import ControlApi
        from .api.dispatch import Ec2Api
        from .api.http import Gate, HttpServer
        from .world import moto_patches as patches
        from .world.describe import describe_instance_status, describe_instances
        from .world.describe.disks import seen, tags_seen
        from .world.images import LocalAmi
        from .world.instance import LocalInstance
        from .world.lifecycle import Lifecycle
        from .world.region import Region
        from .world.volumes import (
            LocalModification,
            LocalSnapshot,
            LocalVolume,
            VolumeLife,
        )

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
        hub_address = self.network.hub_address
        self.outside = Outside(self.cloud_id, hub_address, self.folder / "outside")
        undo.callback(self.outside.close)
        self.outside.allow(self.settings)
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
            hidden=self.hides,
            ran=self._ran,
            pool_of=self.pool_of,
            newest_first=lambda: self.settings.address_reuse == "newest-first",
            describe_instances=lambda response: describe_instances(response, self),
            describe_instance_status=describe_instance_status,
        )
        patches.install_volumes(
            LocalVolume, LocalModification, LocalSnapshot, self.volume_life
        )
        patches.install_images(LocalAmi)
        patches.install_listings(
            lambda name, found, ids: seen(name, found, ids, self),
            lambda found: tags_seen(found, self),
        )
        for number, name in enumerate((self.region, *self.settings.regions)):
            resources = plant(name, self.network, number)
            region = Region(self, ec2_backends[ACCOUNT][name], resources)
            self.regions[name] = region
            if "nspawn" in self.ground.kinds:
                like = region.backend.amis[resources.image_id]
                region.image_life.list_roots(like)
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

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def control(self) -> LocalControl:
        return LocalControl(self.endpoint_url)


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
    from .world.moto_patches import MOTO_VERSION

    if found != MOTO_VERSION:
        raise ImportError(
            f"The local EC2 needs moto {MOTO_VERSION} exactly and found {found}: "
            'pip install "ec2spawner[demo]"'
        )
