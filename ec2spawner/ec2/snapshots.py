"""Snapshots of homes as EC2 tells of them, and the call that makes one.

They have two uses: a home moves by one, and one may be kept of a home that was given
up, as its archive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.tags import ARCHIVE_TAG, DISCARD_TAG, HOME_TAG, HUB_TAG, MOVE_TAG
from .clients import Lane
from .tags import from_pairs, specification

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        FilterTypeDef,
        SnapshotResponseTypeDef,
        SnapshotTypeDef,
    )

_GIB = 2.0**30


@dataclass(frozen=True)
class Snapshot:
    """``state`` is EC2's word: pending, completed, error, ..."""

    id: str
    state: str
    volume_id: str
    size: int = 0  # GiB
    #: how much of it is copied, in EC2's words: "63%"
    progress: str = ""
    began: float = 0.0  # seconds since the epoch, by EC2's clock
    owner: str = ""
    #: the move that made it
    move: str = ""
    #: the volume that it is kept of, as its archive; empty for other snapshots
    archive_of: str = ""
    discarded: bool = False
    #: GiB that it takes up, of which AWS bills at most as many; 0 if EC2 does not say
    full: float = 0.0
    #: AWS's word for how it is kept: standard, archive
    tier: str = "standard"
    tags: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


def read_snapshot(snapshot: SnapshotTypeDef | SnapshotResponseTypeDef) -> Snapshot:
    """Read one snapshot of a DescribeSnapshots or CreateSnapshot answer."""
    tags = from_pairs(snapshot.get("Tags", []))
    began = snapshot.get("StartTime")
    return Snapshot(
        id=snapshot["SnapshotId"],
        state=str(snapshot.get("State", "")),
        volume_id=snapshot.get("VolumeId", ""),
        size=snapshot.get("VolumeSize", 0),
        progress=snapshot.get("Progress", ""),
        began=began.timestamp() if began else 0.0,
        owner=tags.get(HOME_TAG, ""),
        move=tags.get(MOVE_TAG, ""),
        archive_of=tags.get(ARCHIVE_TAG, ""),
        discarded=DISCARD_TAG in tags,
        full=snapshot.get("FullSnapshotSizeInBytes", 0) / _GIB,
        tier=snapshot.get("StorageTier", "") or "standard",
        tags=tags,
    )


async def snapshots_of_moves(
    lane: Lane, hub_id: str, move: str = "", volume_ids: tuple[str, ...] = ()
) -> list[Snapshot]:
    """The snapshots that a hub's moves have made.

    :param move: only those of this move
    :param volume_ids: only those of these volumes
    :raises EC2Error: when EC2 does not answer, or denies it
    """
    filters: list[FilterTypeDef] = [
        {"Name": f"tag:{HUB_TAG}", "Values": [hub_id]},
        {"Name": "tag-key", "Values": [MOVE_TAG]},
    ]
    if move:
        filters.append({"Name": f"tag:{MOVE_TAG}", "Values": [move]})
    if volume_ids:
        filters.append({"Name": "volume-id", "Values": list(volume_ids)})
    return await _list(lane, filters)


async def archives_of(lane: Lane, hub_id: str, volume_id: str = "") -> list[Snapshot]:
    """The archives of one volume, or of all of a hub.

    :raises EC2Error: when EC2 does not answer, or denies it
    """
    return await _list(
        lane,
        [
            {"Name": f"tag:{HUB_TAG}", "Values": [hub_id]},
            {"Name": f"tag:{ARCHIVE_TAG}", "Values": [volume_id or "*"]},
        ],
    )


async def snapshots_among(lane: Lane, ids: Sequence[str]) -> dict[str, Snapshot]:
    """Those of these ids that there are for this account, whosever they are.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> dict[str, Snapshot]:
        # A filter, not SnapshotIds: one that is not there would fail the call.
        answer = lane.ec2.describe_snapshots(
            Filters=[{"Name": "snapshot-id", "Values": list(ids)}]
        )
        found = map(read_snapshot, answer["Snapshots"])
        return {snapshot.id: snapshot for snapshot in found}

    return await lane.run("DescribeSnapshots", work)


async def snapshots_of_hub(lane: Lane, hub_id: str) -> list[Snapshot]:
    """All that have a hub's tag: of homes, of images, and of people who copy tags.

    :raises EC2Error: when EC2 does not answer, or denies it
    """
    return await _list(lane, [{"Name": f"tag:{HUB_TAG}", "Values": [hub_id]}])


async def _list(lane: Lane, filters: Sequence[FilterTypeDef]) -> list[Snapshot]:
    def work(lane: Lane) -> list[Snapshot]:
        pages = lane.ec2.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"], Filters=filters
        )
        return [read_snapshot(s) for page in pages for s in page["Snapshots"]]

    return await lane.run("DescribeSnapshots", work)


async def create_snapshot(
    lane: Lane, volume_id: str, description: str, tags: Mapping[str, str]
) -> Snapshot:
    """CreateSnapshot: EC2 answers before anything is copied.

    It knows no client token: whoever asks twice has two.
    """

    def work(lane: Lane) -> Snapshot:
        return read_snapshot(
            lane.ec2.create_snapshot(
                VolumeId=volume_id,
                Description=description,
                TagSpecifications=[specification("snapshot", tags)],
            )
        )

    return await lane.run("CreateSnapshot", work)
