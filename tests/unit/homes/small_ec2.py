"""As much of EC2 as a home's moves need: in memory, with calls that come too late.

What a killed process has sent last may be done at once, never, or a while later, when
others have gone on. Against that the rules of ``lineage.py`` must hold.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from ec2spawner.core.tags import HOME_TAG, HUB_TAG
from ec2spawner.ec2.answers import Answers
from ec2spawner.ec2.errors import from_botocore
from ec2spawner.ec2.volumes import read_volume
from ec2spawner.homes.attach import Attaching
from ec2spawner.homes.lineage import homes_among
from ec2spawner.homes.move import Moves
from ec2spawner.homes.store import Homes

HUB, OWNER = "hub", "owner"
_LOG = logging.getLogger(__name__)


class Killed(BaseException):
    """The process that made the call is no more."""


class SmallEC2:
    """Volumes, snapshots, what is written on them, and who has them."""

    def __init__(self) -> None:
        self.volumes: dict[str, dict[str, Any]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.made: dict[str, str] = {}
        #: tags that the index has of volumes that no other call knows
        self.index: dict[str, dict[str, str]] = {}
        self.may_ask_index = True
        self.now = 1_700_000_000.0
        self._ids = itertools.count(1)
        self._late: list[tuple[int, Callable[[], Any]]] = []
        self._calls = 0
        #: at which changing call from now on the caller is killed; None for never
        self.kill_at: int | None = None
        #: after how many more calls that one is done; None for never
        self.fate: int | None = 0
        #: which tagging call from now on arrives twice: its answer was late, so boto3
        #: has sent it again. The first one is done when late calls are
        self.twice_at: int | None = None

    # -- what boto3 offers -----------------------------------------------------

    def describe_volumes(self, **asked: Any) -> dict[str, Any]:
        self._pass()
        ids = asked.get("VolumeIds")
        for each in ids or ():
            self._known(self.volumes, each, "InvalidVolume.NotFound")
        found = [
            self._shown(id, volume)
            for id, volume in self.volumes.items()
            if ids is None or id in ids
        ]
        return {"Volumes": [v for v in found if _matches(v, asked, "VolumeId")]}

    def describe_snapshots(self, **asked: Any) -> dict[str, Any]:
        self._pass()
        found = [self._shown(id, each) for id, each in self.snapshots.items()]
        return {"Snapshots": [s for s in found if _matches(s, asked, "VolumeId")]}

    def describe_tags(self, **asked: Any) -> dict[str, Any]:
        self._pass()
        if not self.may_ask_index:
            raise ClientError({"Error": {"Code": "UnauthorizedOperation"}}, "?")
        wanted = {each["Name"]: each["Values"] for each in asked["Filters"]}
        return {
            "Tags": [
                {"ResourceId": id, "Key": key, "Value": value}
                for id, tags in {**self.index, **_tags_in(self.volumes)}.items()
                for key, value in tags.items()
                if id in wanted.get("resource-id", [id])
                and key in wanted.get("key", [key])
                and value in wanted.get("value", [value])
            ]
        }

    def get_paginator(self, name: str) -> Any:
        describe = getattr(self, name)

        class Paginator:
            def paginate(self, **asked: Any) -> Any:
                return [describe(**asked)]

        return Paginator()

    def create_tags(self, Resources: Any, Tags: Any) -> None:
        new = {tag["Key"]: tag["Value"] for tag in Tags}

        def work() -> None:
            for id in Resources:
                shelf = self.snapshots if id.startswith("snap-") else self.volumes
                self._known(shelf, id, "InvalidVolume.NotFound")["tags"].update(new)

        self._change(work)
        if self.twice_at is not None:
            self.twice_at -= 1
            if self.twice_at < 0:
                self.twice_at = None
                self._late.append((self._calls + 1000, work))

    def create_snapshot(self, VolumeId: str, **asked: Any) -> Any:
        def work() -> Any:
            volume = self._known(self.volumes, VolumeId, "InvalidVolume.NotFound")
            id = f"snap-{next(self._ids):017}"
            self.snapshots[id] = {
                "SnapshotId": id,
                "State": "completed",
                "VolumeId": VolumeId,
                "Progress": "100%",
                "StartTime": self._time(),
                "written": volume["written"],
                "tags": _tags_of(asked),
            }
            return self._shown(id, self.snapshots[id])

        return self._change(work)

    def create_volume(self, ClientToken: str, **asked: Any) -> Any:
        def work() -> Any:
            if ClientToken not in self.made:
                snapshot = self.snapshots[asked["SnapshotId"]]
                self.made[ClientToken] = self.new_volume(
                    asked["AvailabilityZone"], snapshot["written"], _tags_of(asked)
                )
            id = self.made[ClientToken]
            return self._shown(id, self.volumes[id])

        return self._change(work)

    def attach_volume(self, VolumeId: str, InstanceId: str, Device: str) -> None:
        def work() -> None:
            self.volumes[VolumeId]["Attachments"] = [
                {"InstanceId": InstanceId, "State": "attached"}
            ]
            self.volumes[VolumeId]["State"] = "in-use"

        # By the time a late one is carried out, the machine has ended.
        self._change(work, too_late=True)

    def delete_volume(self, VolumeId: str) -> None:
        self._change(lambda: self.volumes.pop(VolumeId, None))

    def delete_snapshot(self, SnapshotId: str) -> None:
        self._change(lambda: self.snapshots.pop(SnapshotId, None))

    # -- for tests -------------------------------------------------------------

    def new_volume(self, zone: str, written: Any, tags: dict[str, str]) -> str:
        id = f"vol-{next(self._ids):017}"
        self.volumes[id] = {
            "VolumeId": id,
            "State": "available",
            "AvailabilityZone": zone,
            "Size": 10,
            "CreateTime": self._time(),
            "Attachments": [],
            "written": written,
            "tags": tags,
        }
        return id

    def homes_of(self, owner: str) -> dict[str, Any]:
        """By the tags alone, as they are at this moment."""
        volumes = [read_volume(self._shown(*each)) for each in self.volumes.items()]
        return dict(homes_among([v for v in volumes if v.owner == owner]))

    def let_go(self) -> None:
        """The machines have ended."""
        for volume in self.volumes.values():
            volume["Attachments"], volume["State"] = [], "available"

    def land(self) -> None:
        """Whatever is late is carried out now."""
        late, self._late = self._late, []
        for _, work in late:
            _quietly(work)

    def _change(self, work: Callable[[], Any], too_late: bool = False) -> Any:
        self._pass()
        if self.kill_at is None:
            return work()
        self.kill_at -= 1
        if self.kill_at >= 0:
            return work()
        self.kill_at = None
        if self.fate == 0:
            work()
        elif self.fate is not None and not too_late:
            self._late.append((self._calls + self.fate, work))
        raise Killed

    def _pass(self) -> None:
        self._calls += 1
        due = [work for at, work in self._late if at <= self._calls]
        self._late = [(at, work) for at, work in self._late if at > self._calls]
        for work in due:
            _quietly(work)

    def _known(self, shelf: Any, id: str, code: str) -> Any:
        if id not in shelf:
            raise ClientError({"Error": {"Code": code, "Message": id}}, "?")
        return shelf[id]

    def _shown(self, id: str, thing: dict[str, Any]) -> dict[str, Any]:
        tags = [{"Key": k, "Value": v} for k, v in thing["tags"].items()]
        return {**thing, "Tags": tags}

    def _time(self) -> datetime:
        return datetime.fromtimestamp(self.now, timezone.utc)


def _tags_in(volumes: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {id: volume["tags"] for id, volume in volumes.items()}


def _quietly(work: Callable[[], Any]) -> None:
    try:
        work()
    except (ClientError, KeyError):
        pass  # what it speaks of is no more


def _tags_of(asked: dict[str, Any]) -> dict[str, str]:
    (specification,) = asked["TagSpecifications"]
    return {tag["Key"]: tag["Value"] for tag in specification["Tags"]}


def _matches(thing: dict[str, Any], asked: dict[str, Any], id_key: str) -> bool:
    for each in asked.get("Filters", ()):
        name, values = each["Name"], each["Values"]
        if name == "tag-key":
            ok = any(value in thing["tags"] for value in values)
        elif name.startswith("tag:"):
            ok = thing["tags"].get(name[4:]) in values
        else:
            assert name == "volume-id", name
            ok = thing[id_key] in values
        if not ok:
            return False
    return True


class Lane:
    """Takes the place of ``ec2.clients.Lane``."""

    def __init__(self, ec2: SmallEC2) -> None:
        self.ec2 = ec2
        self.answers = Answers()

    async def run(self, action: str, work: Any, resources: int = 1) -> Any:
        try:
            return work(self)
        except ClientError as e:
            raise from_botocore(action, e) from e


class _Clients:
    def __init__(self, ec2: SmallEC2) -> None:
        self.launching = self.reading = self.killing = Lane(ec2)


class _Inventory:
    def get(self, instance_id: str) -> None:
        """No machine is known to be pending."""


async def _nobody_ends(instance_id: str, timeout: float) -> bool:
    raise AssertionError(f"no machine hibernates here, and {instance_id} is ended")


class Hub:
    """The parts of a Hub that look after homes, as they are after a restart."""

    def __init__(self, ec2: SmallEC2) -> None:
        clients: Any = _Clients(ec2)
        inventory: Any = _Inventory()
        self.homes = Homes(HUB, clients, _LOG)
        self.attaching = Attaching(clients, inventory, self.homes, _LOG, _nobody_ends)
        self.moves = Moves(HUB, clients, self.homes, _LOG)


def first_home(ec2: SmallEC2, zone: str) -> str:
    return ec2.new_volume(zone, (), {HUB_TAG: HUB, HOME_TAG: OWNER})
