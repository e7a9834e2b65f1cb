"""What is stored, as EC2 shows it, as runs. Pure."""

from __future__ import annotations

from math import ceil

from ..ec2.resources import Resource
from ..ec2.snapshots import Snapshot
from .runs import Kind, Run


def volume_run(volume: Resource, region: str, now: float) -> Run:
    """The run of a volume that EC2 shows, before anything else is known of it."""
    return Run(
        volume.id,
        int(volume.launched_at),
        Kind.HOME if volume.home else Kind.DISK,
        volume.type,
        region=region,
        zone=volume.zone,
        size=volume.size,
        seen=int(now),
        machine=volume.used_by,
    )


def archive_run(snapshot: Snapshot, region: str, now: float) -> Run:
    """The run of a home that is kept as a snapshot.

    AWS bills what it takes up, not the size of its volume; a GiB that is begun counts
    as one. Of what EC2 does not say the size there is no price.
    """
    tier = "" if snapshot.tier == "standard" else f"-{snapshot.tier}"
    return Run(
        snapshot.id,
        int(snapshot.began),
        Kind.ARCHIVE,
        f"snapshot{tier}",
        region=region,
        size=ceil(snapshot.full),
        seen=int(now),
        machine=snapshot.archive_of,
    )
