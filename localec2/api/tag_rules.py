"""What EC2 accepts as tags.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import AwsError

MAX_TAGS = 50
MAX_KEY = 128  # characters
MAX_VALUE = 256  # characters

#: what RunInstances can tag
LAUNCH_TYPES = (
    "instance",
    "volume",
    "network-interface",
    "spot-instances-request",
    "elastic-gpu",
)


def check_tags(tags: Sequence[tuple[str, str]]) -> None:
    keys = [key for key, _ in tags]
    for key, value in tags:
        if not key:
            raise AwsError("InvalidParameterValue", "Tag key cannot be empty.")
        if key.lower().startswith("aws:"):
            raise AwsError(
                "InvalidParameterValue",
                "Value ( aws: ) for parameter key is invalid. Tag keys starting with "
                "'aws:' are reserved for internal use",
            )
        if len(key) > MAX_KEY:
            raise AwsError(
                "InvalidParameterValue",
                f"Tag key exceeds the maximum length of {MAX_KEY} characters",
            )
        if len(value) > MAX_VALUE:
            raise AwsError(
                "InvalidParameterValue",
                f"Tag value exceeds the maximum length of {MAX_VALUE} characters",
            )
        if keys.count(key) > 1:
            raise AwsError(
                "InvalidParameterValue", f"Duplicate tag key '{key}' specified."
            )
    if len(tags) > MAX_TAGS:
        raise AwsError(
            "TagLimitExceeded",
            "The maximum number of Tags for a resource has been reached.",
        )


def check_launch_tags(
    specifications: Sequence[tuple[str, list[tuple[str, str]]]], spot: bool
) -> None:
    for kind, tags in specifications:
        if kind not in LAUNCH_TYPES or kind == "spot-instances-request" and not spot:
            raise AwsError(
                "InvalidParameterValue",
                f"'{kind}' is not a valid taggable resource type for this operation.",
            )
        if not tags:
            raise AwsError(
                "InvalidParameterValue",
                "Tag specification must have at least one tag",
            )
        check_tags(tags)
