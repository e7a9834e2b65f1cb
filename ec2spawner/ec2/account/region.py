"""What this computer knows of AWS's regions, without asking AWS."""

from __future__ import annotations

import functools

import boto3
from botocore.exceptions import BotoCoreError, UnknownRegionError


@functools.cache
def partition_of(region: str) -> str:
    """The part of AWS that a region is in, as ARNs have it: ``aws``, ``aws-cn``, ...

    From botocore's own data; AWS is not asked.

    :raises ValueError: for what cannot be a region
    """
    try:
        found: str = boto3.Session().get_partition_for_region(region)
    except UnknownRegionError as e:
        raise ValueError(f"AWS has no region {region!r}") from e
    return found


def configured_region() -> str:
    """The region of AWS's tools on this computer; empty when there is none."""
    try:
        return str(boto3.Session().region_name or "")
    except BotoCoreError:  # a profile that is not there
        return ""
