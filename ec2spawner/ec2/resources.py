"""What there is beside machines: volumes, snapshots, network interfaces, addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from ..core.tags import (
    ARCHIVE_TAG,
    DATABASE_TAG,
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    KEEP_TAG,
    LAUNCH_TAG,
    LEASE_TAG,
    MOVED_FROM_TAG,
    read_lease,
)
from .clients import Lane
from .errors import EC2Error
from .tags import from_pairs, to_pairs

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef

# The API's limit for a page is higher; nothing is gained by it.
_PAGE = 500
# Up to 1000 ids in a call; AWS recommends fewer (EC2 API reference, CreateTags).
_IDS = 500


class ResourceKind(str, Enum):
    """Kinds of resource. The value is what a person reads."""

    VOLUME = "volume"
    INTERFACE = "network interface"
    ADDRESS = "address"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True)
class Resource:
    """A volume, snapshot, network interface or address with a hub's tag."""

    id: str
    kind: ResourceKind
    #: EC2's word; an address has none
    state: str = ""
    #: what it belongs to: an instance or a network interface; empty for nothing
    used_by: str = ""
    zone: str = ""
    size: int = 0  # GiB, of a volume
    #: of a volume, in EC2's word: gp3, ...
    type: str = ""
    launch_id: str = ""
    #: seconds since the epoch, by EC2's clock; 0 where EC2 does not tell
    launched_at: float = 0.0
    lease_until: float = 0.0
    kept: bool = False
    #: the name of the Hub's database that asked for it
    database: str = ""
    #: it is nobody's home any more, and to be discarded once it has a snapshot
    archived: bool = False
    home: bool = False
    #: it is to be deleted; somebody has decided that
    discarded: bool = False
    #: when, seconds since the epoch; 0 for a tag that does not tell
    discarded_at: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def gone(self) -> bool:
        """It is being deleted."""
        return self.state in ("deleting", "deleted")

    @property
    def to_archive(self) -> bool:
        """A snapshot of it is to be made now: nobody writes to it any more."""
        return (
            self.kind is ResourceKind.VOLUME
            and self.archived
            and self.state == "available"
            and not (self.discarded or self.kept)
        )

    @property
    def spared(self) -> bool:
        """No sweep may delete it, whatever the database says."""
        if self.kept or self.used_by:
            return True
        if self.discarded:
            return self.state not in ("available", "completed", "error")
        # A snapshot may be a person's, who had it made with the volume's tags.
        lasting = self.home or self.kind is ResourceKind.SNAPSHOT
        return lasting or self.state not in ("available", "")


async def list_resources(lane: Lane, hub_id: str) -> list[Resource]:
    """Every resource with the tag of a hub, whether it is in use or not.

    Of snapshots only those that are discarded: an account may have many.

    :raises EC2Error: when EC2 does not answer, or denies it
    """
    ours: list[FilterTypeDef] = [{"Name": f"tag:{HUB_TAG}", "Values": [hub_id]}]
    pages: Any = {"PageSize": _PAGE}

    def volumes(lane: Lane) -> list[Resource]:
        found = lane.ec2.get_paginator("describe_volumes").paginate(
            Filters=ours, PaginationConfig=pages
        )
        return [_volume(v) for page in found for v in page["Volumes"]]

    def interfaces(lane: Lane) -> list[Resource]:
        found = lane.ec2.get_paginator("describe_network_interfaces").paginate(
            Filters=ours, PaginationConfig=pages
        )
        return [_interface(i) for page in found for i in page["NetworkInterfaces"]]

    def addresses(lane: Lane) -> list[Resource]:
        # There are too few of them for pages.
        answer = lane.ec2.describe_addresses(Filters=ours)
        return [_address(a) for a in answer["Addresses"] if a.get("AllocationId")]

    def snapshots(lane: Lane) -> list[Resource]:
        found = lane.ec2.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"],
            Filters=[*ours, {"Name": "tag-key", "Values": [DISCARD_TAG]}],
            PaginationConfig=pages,
        )
        return [_snapshot(s) for page in found for s in page["Snapshots"]]

    return [
        *await lane.run("DescribeVolumes", volumes),
        *await lane.run("DescribeNetworkInterfaces", interfaces),
        *await lane.run("DescribeAddresses", addresses),
        *await lane.run("DescribeSnapshots", snapshots),
    ]


async def delete_resource(lane: Lane, resource: Resource) -> None:
    """Delete a resource that nothing uses. EC2 itself refuses one that is in use.

    :raises EC2Error: when it cannot be deleted, or EC2 does not know it
    """

    def work(lane: Lane) -> None:
        if resource.kind is ResourceKind.VOLUME:
            lane.ec2.delete_volume(VolumeId=resource.id)
        elif resource.kind is ResourceKind.INTERFACE:
            lane.ec2.delete_network_interface(NetworkInterfaceId=resource.id)
        elif resource.kind is ResourceKind.SNAPSHOT:
            lane.ec2.delete_snapshot(SnapshotId=resource.id)
        else:
            lane.ec2.release_address(AllocationId=resource.id)

    await lane.run(_DELETES[resource.kind], work)


_DELETES = {
    ResourceKind.VOLUME: "DeleteVolume",
    ResourceKind.INTERFACE: "DeleteNetworkInterface",
    ResourceKind.ADDRESS: "ReleaseAddress",
    ResourceKind.SNAPSHOT: "DeleteSnapshot",
}


async def create_tags(
    lane: Lane, ids: Sequence[str], tags: Mapping[str, str]
) -> list[str]:
    """Set tags on many resources, and say on which it was not possible.

    One id that EC2 does not know fails a call for all of its ids: such a call is
    split in two, again and again, until only that id is left.

    :returns: the ids that EC2 does not know (any more)
    :raises EC2Error: for anything else
    """
    unknown: list[str] = []
    waiting = [list(ids[at : at + _IDS]) for at in range(0, len(ids), _IDS)]
    while waiting:
        batch = waiting.pop()
        try:
            await lane.run("CreateTags", partial(_tag, ids=batch, tags=tags))
        except EC2Error as e:
            if not e.code.endswith(".NotFound"):
                raise
            if len(batch) == 1:
                unknown += batch
            else:
                half = len(batch) // 2
                waiting += [batch[half:], batch[:half]]
    return unknown


def _tag(lane: Lane, ids: Sequence[str], tags: Mapping[str, str]) -> None:
    lane.ec2.create_tags(
        Resources=ids,
        Tags=to_pairs(tags),
    )


def _volume(volume: Any) -> Resource:
    created = volume.get("CreateTime")
    attached = [a.get("InstanceId", "") for a in volume.get("Attachments", [])]
    return Resource(
        volume["VolumeId"],
        ResourceKind.VOLUME,
        state=volume.get("State", ""),
        used_by=next(iter(attached), ""),
        zone=volume.get("AvailabilityZone", ""),
        size=volume.get("Size", 0),
        type=volume.get("VolumeType", ""),
        launched_at=created.timestamp() if created else 0.0,
        **_from_tags(volume.get("Tags", [])),
    )


def _interface(interface: Any) -> Resource:
    attachment = interface.get("Attachment", {})
    return Resource(
        interface["NetworkInterfaceId"],
        ResourceKind.INTERFACE,
        state=interface.get("Status", ""),
        used_by=attachment.get("InstanceId", "") or attachment.get("AttachmentId", ""),
        zone=interface.get("AvailabilityZone", ""),
        # Of all the API's answers only this one has its tags in a "TagSet".
        **_from_tags(interface.get("TagSet", [])),
    )


def _address(address: Any) -> Resource:
    return Resource(
        address["AllocationId"],
        ResourceKind.ADDRESS,
        used_by=address.get("InstanceId", "")
        or address.get("NetworkInterfaceId", "")
        or address.get("AssociationId", ""),
        **_from_tags(address.get("Tags", [])),
    )


def _snapshot(snapshot: Any) -> Resource:
    began = snapshot.get("StartTime")
    return Resource(
        snapshot["SnapshotId"],
        ResourceKind.SNAPSHOT,
        state=snapshot.get("State", ""),
        launched_at=began.timestamp() if began else 0.0,
        **_from_tags(snapshot.get("Tags", [])),
    )


def _from_tags(pairs: list[Any]) -> dict[str, Any]:
    tags = from_pairs(pairs)
    return {
        "launch_id": tags.get(LAUNCH_TAG, ""),
        "lease_until": read_lease(tags.get(LEASE_TAG, "")),
        "kept": tags.get(KEEP_TAG, "").lower() == "true",
        "database": tags.get(DATABASE_TAG, ""),
        # What a move has made may be all that is left of a home.
        "home": HOME_TAG in tags or MOVED_FROM_TAG in tags,
        "archived": ARCHIVE_TAG in tags,
        "discarded": DISCARD_TAG in tags,
        "discarded_at": _seconds(tags.get(DISCARD_TAG, "")),
        "tags": tags,
    }


def _seconds(text: str) -> float:
    try:
        return max(float(int(text)), 0.0)
    except ValueError:
        return 0.0
