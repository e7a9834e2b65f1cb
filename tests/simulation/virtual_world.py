"""One local EC2, any number of hubs, machines that claim by themselves, and time."""

from __future__ import annotations

import contextlib
import logging
import re
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from botocore.config import Config
from moto.moto_api._internal import mock_random

from ec2spawner.claim.user_data import user_data
from ec2spawner.core.saved_state import from_dict
from ec2spawner.core.state import ServerState
from ec2spawner.ec2 import clients
from localec2 import Fault, LocalSettings
from localec2.requests.client_tokens import ClientTokens
from localec2.requests.faults import FaultBook
from localec2.serve import LocalCloud

from . import chance, virtual_database, virtual_time, virtual_wire
from .coverage import Coverage, WatchedFaults
from .random_faults import FAULTS
from .trace import Trace
from .virtual_disks import Disks
from .virtual_hub import Hub, acting, watch_steps
from .virtual_late import LateCalls
from .virtual_machine import VirtualMachine
from .virtual_repeats import Repeats

#: the region of hubs, unless a test says otherwise; and another
HOME, ELSEWHERE = "us-west-2", "eu-west-1"
SETTINGS = LocalSettings(
    machines="none",
    regions=(ELSEWHERE,),
    pending_seconds=1.0,
    shutting_down_seconds=2.0,
    stopping_seconds=2.0,
    terminated_visible_seconds=600.0,
)
OVER = ("shutting-down", "terminated")
# Tags of homes that are nobody's any more.
GIVEN_UP = {"ec2spawner:discard", "ec2spawner:archive"}
_PORT = re.compile(r"http://([\d.]+):(\d+)")


class _NoMetadata:
    """The machines here read their user-data without a metadata service."""

    def open(self, *args: Any) -> str:
        return ""

    def close(self, instance_id: str) -> None:
        pass

    def close_all(self) -> None:
        pass


class World:
    """What stays when a Hub dies."""

    def __init__(
        self, cloud: LocalCloud, events: virtual_time.EventQueue, seed: int = 0
    ) -> None:
        self.cloud = cloud
        self.seed = seed
        self.trace = Trace()
        self.faults = cloud.faults = WatchedFaults(Coverage())
        self.events = events
        self.time = events.time
        self.folder = Path(tempfile.mkdtemp(prefix="virtual-world-"))
        self.hubs: list[Hub] = []
        #: action -> how long its answer takes
        self.seconds: dict[str, float] = {}
        #: machines say nothing by themselves: a test speaks for them
        self.silent = False
        self.log = logging.getLogger("virtual-hub")
        self.disks = Disks()
        self.late = LateCalls(events)
        cloud.volumes = self.disks  # type: ignore[assignment]
        cloud.machine_for = self._machine_for  # type: ignore[method-assign]

    def hub(self, **settings: Any) -> Hub:
        """A new hub, not yet started."""
        folder = self.folder / f"hub-{len(self.hubs)}"
        folder.mkdir()
        where = self.settings_in(self.cloud.region)
        usual = {
            "endpoint_url": self.cloud.endpoint_url,
            # Each life would ask for them, and few tests are about it.
            "prices_region": "",
        }
        hub = Hub(self, folder, {**where, **usual, **settings})
        self.hubs.append(hub)
        return hub

    def settings_in(self, region: str) -> dict[str, Any]:
        """What a hub has to set to launch machines there."""
        seeded = self.cloud.regions[region].resources
        return {
            "region": region,
            "image": seeded.image_id,
            "subnets": list(seeded.subnet_ids.values()),
            "security_groups": [seeded.security_group_id],
        }

    def all_of(self, kind: str) -> dict[str, Any]:
        """Id -> thing, of all "volumes" or "snapshots" in all regions."""
        found = [getattr(r.backend, kind) for r in self.cloud.regions.values()]
        return {id: thing for each in found for id, thing in each.items()}

    def close(self) -> None:
        """Nothing of it is left for the next."""
        for hub in self.hubs:
            hub.kill()
        self.clear_faults()
        self.cloud.settings = SETTINGS
        self.time.wrong = 0.0
        for instance in self.cloud.all_instances():
            self.cloud.lifecycle.terminate(instance)
        self.wait_until(self.time.now + 60)
        for instance in self.cloud.all_instances():
            self.cloud.forget(instance)
        for region in self.cloud.regions.values():
            region.backend.volumes.clear()
            region.backend.snapshots.clear()
            region.backend.enis.clear()
            region.backend.addresses.clear()
            # The next world has the same ids, if its seed is the same.
            tags = region.backend.tags
            for gone in [id for id in tags if id.startswith(("vol-", "snap-", "i-"))]:
                del tags[gone]
        self.events.clear()
        self.cloud.log.clear()
        shutil.rmtree(self.folder)

    def note(self, who: str, what: str, sent: Mapping[str, str]) -> None:
        """Something happens that belongs into the trace."""
        self.trace.note(self.time.now - virtual_time.BEGIN, who, what, sent)

    # EC2 and its machines.

    def fault(self, action: str, times: int | None = None, **what: Any) -> None:
        if not what.keys() & {"delay", "delay_answer"}:
            self.cloud.faults.add(Fault(action, times=times, **what))
        else:
            self.late.add(action, times, what.get("delay", 0.0))

    def clear_faults(self) -> None:
        self.cloud.faults.clear()
        self.late.clear()

    def fail(
        self, action: str, kind: str, times: int | None, region: str = "*"
    ) -> None:
        """One of ``random_faults.py``, in one region or in all."""
        self.faults.add(Fault(action, times=times, region=region, **FAULTS[kind]))

    def living(self, hub: Hub) -> list[Any]:
        """The instances of a hub that exist or are about to, whoever knows of them."""
        return [
            i
            for i in self.cloud.all_instances()
            if tags_of(i).get("ec2spawner:hub") == hub.hub_id and i.state not in OVER
        ]

    def homes(self, hub: Hub) -> dict[str, list[Any]]:
        """Whose, in which region -> the volumes of a hub that hold their files there,
        and no older copy."""
        found: dict[str, list[Any]] = {}
        volumes = [
            (volume, tags)
            for volume, tags in self._volumes(hub)
            if "ec2spawner:home" in tags and not GIVEN_UP & tags.keys()
        ]
        moved = [tags.get("ec2spawner:moved-from", "").split() for _, tags in volumes]
        before = {id for ids in moved for id in ids}
        for volume, tags in volumes:
            if volume.id not in before:
                whose = f"{tags['ec2spawner:home']} in {region_of(volume)}"
                found.setdefault(whose, []).append(volume)
        return found

    def archives(self, hub: Hub) -> list[str]:
        """The snapshots in which homes are kept that were given up."""
        return [
            snapshot.id
            for snapshot in self.all_of("snapshots").values()
            if tags_of(snapshot).get("ec2spawner:hub") == hub.hub_id
            and "ec2spawner:archive" in tags_of(snapshot)
        ]

    def discarded(self, hub: Hub) -> list[str]:
        """Volumes of a hub that are to be deleted, by somebody's decision."""
        found = self._volumes(hub)
        return [v.id for v, tags in found if "ec2spawner:discard" in tags]

    def strays(self, hub: Hub) -> list[str]:
        """Volumes and snapshots of a hub that nothing uses, and that hold no home."""
        homes = [volume for found in self.homes(hub).values() for volume in found]
        kept = self.archives(hub)
        return [
            volume.id
            for volume, _ in self._volumes(hub)
            if volume.attachment is None and volume not in homes
        ] + [
            snapshot.id
            for snapshot in self.all_of("snapshots").values()
            if tags_of(snapshot).get("ec2spawner:hub") == hub.hub_id
            and snapshot.id not in kept
        ]

    def _volumes(self, hub: Hub) -> list[tuple[Any, dict[str, str]]]:
        volumes = list(self.all_of("volumes").values())
        tagged = [(volume, tags_of(volume)) for volume in volumes]
        return [v for v in tagged if v[1].get("ec2spawner:hub") == hub.hub_id]

    def lose(self, instance_id: str) -> None:
        """EC2's host of a machine fails."""
        instance = self.cloud.instance(instance_id)
        reason = ("Server.InternalError", "host failure")
        self.cloud.lifecycle.fail(instance, reason)  # type: ignore[arg-type]

    def leak(self, hub: Hub, region: str = "") -> None:
        """A machine of a hub that its database does not know."""
        region = region or self.cloud.region
        client = clients.boto3.Session(region_name=region).client(
            "ec2", endpoint_url=self.cloud.endpoint_url, config=Config()
        )
        tags = {"hub": hub.hub_id, "launch": "leak", "server": "leak"}
        pairs = [{"Key": f"ec2spawner:{k}", "Value": v} for k, v in tags.items()]
        acting.hub = None
        self.cloud.faults = FaultBook()
        client.run_instances(
            ImageId=self.cloud.regions[region].resources.image_id,
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            UserData=user_data("leak", "nonce", "http://127.0.0.1:8081/hub/api", 100),
            TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}],
        )
        self.cloud.faults = self.faults

    def machine(self, instance_id: str) -> VirtualMachine | None:
        instance = self.cloud.instance(instance_id)
        return instance.machine if instance is not None else None  # type: ignore

    def _machine_for(self, instance: Any, ended: Any) -> VirtualMachine:
        from localec2.machines.base import MachineSpec

        spec = MachineSpec(
            cloud_id="virtual",
            instance_id=instance.id,
            private_ip=str(instance.private_ip),
            mac="",
            metadata_url="",
            folder=self.folder,
            volumes=self.cloud.volume_life.of_machine(instance),
        )
        owner = tags_of(instance).get("ec2spawner:hub")
        hub = next((h for h in self.hubs if h.hub_id == owner), None)
        return VirtualMachine(spec, ended, instance, hub, self.disks)

    # Time.

    def wait_until(self, moment: float) -> None:
        """Time passes although no Hub lives to see it."""
        while self.events.next_at <= moment:
            self.time.now = max(self.time.now, self.events.next_at)
            self.events.run_due()
        self.time.now = max(self.time.now, moment)

    # The network, as the Hub sees it.

    async def fetch(self, url: str, **options: Any) -> Any:
        match = _PORT.match(str(url))
        if match is not None:
            for instance in self.cloud.all_instances():
                machine = instance.machine
                if str(instance.private_ip) == match[1] and machine is not None:
                    if machine.serving:
                        return _Answer()
        raise aiohttp.ClientConnectionError(f"nobody answers at {url}")


class _Answer:
    status = 200
    headers: dict[str, str] = {}


def region_of(thing: Any) -> str:
    """Where a machine or volume is."""
    return str(thing.ec2_backend.region_name)


def tags_of(thing: Any) -> dict[str, str]:
    return {t["key"]: t["value"] for t in thing.get_tags()}


def saved(hub: Hub) -> dict[tuple[str, str], tuple[bool, ServerState]]:
    """What a hub's database says: (user, server) -> (it runs, its state)."""
    import json
    import sqlite3

    found = {}
    with contextlib.closing(sqlite3.connect(hub.folder / "jupyterhub.sqlite")) as db:
        rows = db.execute(
            "select u.name, s.name, s.server_id, s.state from spawners s "
            "join users u on u.id = s.user_id"
        )
        for user, name, server, state in rows:
            loaded = json.loads(state) if state else {}
            found[user, name] = (server is not None, from_dict(loaded))
    return found


@contextlib.contextmanager
def one_cloud() -> Iterator[Callable[..., World]]:
    """Makes worlds, one after the other, on one local EC2 in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    watch_steps()
    # The ids of what is there from the start are the same in every process.
    mock_random.seed(0)
    with contextlib.ExitStack() as undo:
        patch = undo.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        cloud = undo.enter_context(LocalCloud(SETTINGS, HOME))
        patch.setenv("AWS_ENDPOINT_URL_SSM", cloud.endpoint_url)
        # Or each Hub would look for AWS's price list on the real network.
        patch.setenv("AWS_ENDPOINT_URL_PRICING", cloud.endpoint_url)
        time = virtual_time.VirtualTime()
        events = virtual_time.EventQueue(time)
        cloud.clock = events  # type: ignore[assignment]
        cloud.metadata = _NoMetadata()  # type: ignore[assignment]
        virtual_time.install(time, patch)
        reading = virtual_wire.install(cloud, events, patch)
        repeats = Repeats(cloud, reading)
        repeats.install(patch)
        virtual_database.install(patch)
        chances = undo.enter_context(chance.steady(patch))
        worlds: list[World] = []
        virtual_wire.remember_clients(patch)

        # What moto makes with its first volume, it makes before the first world.
        first = World(cloud, events)
        for region in cloud.regions:
            clients.boto3.Session(region_name=region).client(
                "ec2", endpoint_url=cloud.endpoint_url, config=Config()
            ).create_volume(AvailabilityZone=f"{region}a", Size=1, Encrypted=True)
        first.close()

        async def fetch(url: str, **options: Any) -> Any:
            return await worlds[-1].fetch(url, **options)

        patch.setattr("jupyterhub.utils.fetch", fetch)

        def make(seed: int = 0) -> World:
            # As if nothing had ever been: the same seed leads to the same story.
            time.now, time.slept = virtual_time.BEGIN, 0.0
            chances.seed(seed)
            reading.forget()
            repeats.forget()
            cloud.scripted = Fault()
            cloud.buckets.reset()
            for region in cloud.regions.values():
                region.tokens = ClientTokens()
                region._pools.clear()
            worlds[:] = [World(cloud, events, seed)]
            return worlds[0]

        yield make
        acting.hub = None
