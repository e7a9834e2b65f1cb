"""Tags as the API has them, a list of pairs, and as we have them, a dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ec2.literals import ResourceTypeType
    from mypy_boto3_ec2.type_defs import TagSpecificationTypeDef, TagTypeDef


def from_pairs(pairs: Iterable[TagTypeDef]) -> dict[str, str]:
    """Of an answer. EC2 may leave out what is empty."""
    return {pair.get("Key", ""): pair.get("Value", "") for pair in pairs}


def to_pairs(tags: Mapping[str, str]) -> list[TagTypeDef]:
    """For a request."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def specification(
    kind: ResourceTypeType, tags: Mapping[str, str]
) -> TagSpecificationTypeDef:
    """For a request that makes something and tags it in the same call."""
    return {"ResourceType": kind, "Tags": to_pairs(tags)}
