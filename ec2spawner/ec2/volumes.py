"""Homes as EC2 tells of them, and the calls that make, attach and grow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.tags import (
    ARCHIVE_TAG,
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    MOVE_TAG,
    MOVED_FROM_TAG,
    MOVED_TO_TAG,
)
from .clients import Lane
from .tags import from_pairs

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        FilterTypeDef,
        VolumeResponseTypeDef,
        VolumeTypeDef,
    )

# The API's limit for the values of one filter.
_VALUES = 200


@dataclass(frozen=True)
class Volume:
    """A home. ``state`` is EC2's word: creating, available, in-use, error, ..."""

    id: str
    state: str
    zone: str
    size: int  # GiB
    hub_id: str = ""
    owner: str = ""
    attached_to: str = ""
    #: attaching, attached, busy, detaching; empty when it is attached to nothing
    attachment: str = ""
    #: it is nobody's home any more, and to be deleted, if only after a snapshot
    given_up: bool = False
    kms_key_id: str = ""
    created: float = 0.0  # seconds since the epoch, by EC2's clock
    #: the move that is under way, or has made this volume
    move: str = ""
    #: the tag's words: the volume that takes its place, and the move
    moved_to: str = ""
    #: the volumes whose place it takes, newest first
    moved_from: tuple[str, ...] = ()

    @property
    def heir(self) -> str:
        """The volume that has taken this one's place; empty while none has."""
        return heir_named(self.moved_to, self.move)

    @property
    def lost(self) -> bool:
        """It holds nothing that anybody could get back."""
        return self.state in ("deleting", "deleted", "error")


def heir_named(moved_to: str, move: str) -> str:
    """The volume that has taken the place of one with these tags; empty for none.

    Only the move that is under way can have done that: one that was given up has no say
    any more, whenever EC2 carries out its last call.
    """
    copy, _, by = moved_to.partition(" ")
    return copy if by and by == move else ""


def read_volume(volume: VolumeTypeDef | VolumeResponseTypeDef) -> Volume:
    """Read one volume of a DescribeVolumes or CreateVolume answer."""
    tags = from_pairs(volume.get("Tags", []))
    attached: Any = next(iter(volume.get("Attachments", [])), {})
    created = volume.get("CreateTime")
    return Volume(
        id=volume["VolumeId"],
        state=str(volume.get("State", "")),
        zone=volume.get("AvailabilityZone", ""),
        size=volume.get("Size", 0),
        hub_id=tags.get(HUB_TAG, ""),
        owner=tags.get(HOME_TAG, ""),
        attached_to=attached.get("InstanceId", ""),
        attachment=str(attached.get("State", "")),
        given_up=DISCARD_TAG in tags or ARCHIVE_TAG in tags,
        kms_key_id=volume.get("KmsKeyId", ""),
        created=created.timestamp() if created else 0.0,
        move=tags.get(MOVE_TAG, ""),
        moved_to=tags.get(MOVED_TO_TAG, ""),
        moved_from=tuple(tags.get(MOVED_FROM_TAG, "").split()),
    )


async def homes_of(lane: Lane, hub_id: str, owner: str) -> list[Volume]:
    """The homes that carry a hub's tag and an owner's, and are not given up."""

    def work(lane: Lane) -> list[Volume]:
        pages = lane.ec2.get_paginator("describe_volumes").paginate(
            Filters=[
                {"Name": f"tag:{HUB_TAG}", "Values": [hub_id]},
                {"Name": f"tag:{HOME_TAG}", "Values": [owner]},
            ]
        )
        found = [read_volume(v) for page in pages for v in page["Volumes"]]
        return [v for v in found if not (v.lost or v.given_up)]

    return await lane.run("DescribeVolumes", work)


async def homes_in_index(lane: Lane, owner: str) -> list[str]:
    """The ids of volumes that EC2's index of tags has as an owner's homes.

    The index is another than that of volumes, and as eventually consistent: it may name
    one that no listing of volumes shows yet, and one that is deleted.
    """
    wanted: list[FilterTypeDef] = [
        {"Name": "resource-type", "Values": ["volume"]},
        {"Name": "key", "Values": [HOME_TAG]},
        {"Name": "value", "Values": [owner]},
    ]
    return sorted(await _index(lane, wanted))


async def tags_in_index(lane: Lane, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags that EC2's index has of volumes, by their ids; of no more than 200."""
    return await _index(lane, [{"Name": "resource-id", "Values": list(ids)}])


async def _index(
    lane: Lane, filters: Sequence[FilterTypeDef]
) -> dict[str, dict[str, str]]:
    def work(lane: Lane) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for page in lane.ec2.get_paginator("describe_tags").paginate(Filters=filters):
            for tag in page["Tags"]:
                tags = found.setdefault(tag["ResourceId"], {})
                tags[tag.get("Key", "")] = tag.get("Value", "")
        return found

    return await lane.run("DescribeTags", work)


async def copies_of(
    lane: Lane, hub_id: str, move: str = "", origin: str = ""
) -> list[Volume]:
    """The volumes that a hub's moves have made.

    :param move: only those of this move
    :param origin: only those that take, or have taken, this volume's place
    """

    def work(lane: Lane) -> list[Volume]:
        filters: list[FilterTypeDef] = [
            {"Name": f"tag:{HUB_TAG}", "Values": [hub_id]},
            {"Name": "tag-key", "Values": [MOVED_FROM_TAG]},
        ]
        if move:
            filters.append({"Name": f"tag:{MOVE_TAG}", "Values": [move]})
        pages = lane.ec2.get_paginator("describe_volumes").paginate(Filters=filters)
        found = [read_volume(v) for page in pages for v in page["Volumes"]]
        return [v for v in found if not origin or origin in v.moved_from]

    return await lane.run("DescribeVolumes", work)


async def volumes_among(lane: Lane, hub_id: str, ids: Sequence[str]) -> list[Volume]:
    """Those of a hub's volumes with these ids that EC2 still has."""

    def work(lane: Lane) -> list[Volume]:
        found = []
        for at in range(0, len(ids), _VALUES):
            answer = lane.ec2.describe_volumes(
                Filters=[
                    {"Name": f"tag:{HUB_TAG}", "Values": [hub_id]},
                    # Not VolumeIds: one that is gone would fail the call.
                    {"Name": "volume-id", "Values": list(ids[at : at + _VALUES])},
                ]
            )
            found += [read_volume(v) for v in answer["Volumes"]]
        return found

    return await lane.run("DescribeVolumes", work)


async def describe_volume(lane: Lane, volume_id: str) -> Volume:
    """One volume as it is now.

    :raises EC2Error: ``InvalidVolume.NotFound`` when EC2 does not know it
    """

    def work(lane: Lane) -> Volume:
        return read_volume(
            lane.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
        )

    return await lane.run("DescribeVolumes", work)


async def create_volume(
    lane: Lane, request: Mapping[str, Any], client_token: str
) -> Volume:
    """CreateVolume. With the same token and request it makes one volume, not two."""

    def work(lane: Lane) -> Volume:
        return read_volume(lane.ec2.create_volume(**request, ClientToken=client_token))

    return await lane.run("CreateVolume", work)


async def attach_volume(
    lane: Lane, volume_id: str, instance_id: str, device: str
) -> None:
    """AttachVolume: EC2 answers before it is attached."""

    def work(lane: Lane) -> None:
        lane.ec2.attach_volume(
            VolumeId=volume_id, InstanceId=instance_id, Device=device
        )

    await lane.run("AttachVolume", work)


async def detach_volume(lane: Lane, volume_id: str, instance_id: str) -> None:
    """DetachVolume from a machine that is stopped."""

    def work(lane: Lane) -> None:
        lane.ec2.detach_volume(VolumeId=volume_id, InstanceId=instance_id)

    await lane.run("DetachVolume", work)


async def grow_volume(lane: Lane, volume_id: str, size: int) -> None:
    """ModifyVolume: EC2 does it while the volume is in use.

    Four times in 24 hours at most (EC2 API reference, ModifyVolume).
    """

    def work(lane: Lane) -> None:
        lane.ec2.modify_volume(VolumeId=volume_id, Size=size)

    await lane.run("ModifyVolume", work)
