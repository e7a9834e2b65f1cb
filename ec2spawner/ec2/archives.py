"""Snapshots in which homes are kept that were given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..identity import ARCHIVE_TAG, DISCARD_TAG, HOME_TAG, HUB_TAG
from .clients import Lane


@dataclass(frozen=True)
class Archive:
    """``state`` is EC2's word: pending, completed, error, ..."""

    id: str
    state: str
    volume_id: str
    owner: str
    size: int  # GiB
    began: float  # seconds since the epoch
    discarded: bool
    tags: Mapping[str, str]


async def archives_of(lane: Lane, hub_id: str, volume_id: str = "") -> list[Archive]:
    """The archives of one volume, or of all of a hub.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> list[Archive]:
        pages = lane.ec2.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"],
            Filters=[
                {"Name": f"tag:{HUB_TAG}", "Values": [hub_id]},
                {"Name": f"tag:{ARCHIVE_TAG}", "Values": [volume_id or "*"]},
            ],
        )
        return [_archive(s) for page in pages for s in page["Snapshots"]]

    return await lane.run("DescribeSnapshots", work)


async def create_archive(
    lane: Lane, volume_id: str, description: str, tags: Mapping[str, str]
) -> None:
    """CreateSnapshot. It takes no client token: asked twice, EC2 makes two."""

    def work(lane: Lane) -> None:
        lane.ec2.create_snapshot(
            VolumeId=volume_id,
            Description=description,
            TagSpecifications=[
                {
                    "ResourceType": "snapshot",
                    "Tags": [{"Key": k, "Value": v} for k, v in tags.items()],
                }
            ],
        )

    await lane.run("CreateSnapshot", work)


def _archive(snapshot: Any) -> Archive:
    tags = {pair["Key"]: pair["Value"] for pair in snapshot.get("Tags", [])}
    began = snapshot.get("StartTime")
    return Archive(
        id=snapshot["SnapshotId"],
        state=snapshot.get("State", ""),
        volume_id=tags.get(ARCHIVE_TAG, ""),
        owner=tags.get(HOME_TAG, ""),
        size=snapshot.get("VolumeSize", 0),
        began=began.timestamp() if began else 0.0,
        discarded=DISCARD_TAG in tags,
        tags=tags,
    )
