"""Listings of volumes, snapshots and tags that lack what is there."""

from __future__ import annotations

from typing import Any, Protocol

from ...errors import AwsError
from ...requests.faults import Fault

#: what moto's backend calls them -> EC2's code for one that is not there
_UNKNOWN = {
    "describe_volumes": "InvalidVolume.NotFound",
    "describe_snapshots": "InvalidSnapshot.NotFound",
}


class Cloud(Protocol):
    scripted: Fault


def seen(name: str, found: list[Any], ids: list[str] | None, cloud: Cloud) -> list[Any]:
    """What a listing shows, without what the present call's fault omits.

    :param name: moto's, of the listing
    :param ids: those that the call names
    :raises AwsError: when it names one that is left out
    """
    fault = cloud.scripted.listing
    if fault is None or ids and not fault.by_id:
        return found
    shown = [each for each in found if not fault.omits(each.id)]
    if ids and len(shown) < len(found):
        raise AwsError(_UNKNOWN[name], f"{', '.join(ids)} does not exist.")
    return shown


def tags_seen(found: list[dict[str, str]], cloud: Cloud) -> list[dict[str, str]]:
    """The same of DescribeTags, which names no ids that could be unknown."""
    fault = cloud.scripted.listing
    return [
        tag for tag in found if fault is None or not fault.omits(tag["resource_id"])
    ]
