"""DescribeInstances for all machines of one hub, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from botocore.exceptions import ClientError

from ...core.tags import HUB_TAG
from ..clients import Lane
from ..machines import Machine, merged, read_reservations
from .difference import MACHINES, Difference

# The API's limit for a page (DescribeInstances, MaxResults).
_PAGE = 1000
# How often a listing begins anew whose next page EC2 does not have any more.
_RESTARTS = 3


class Lister:
    """Lists all machines of one hub, and reads only what has changed since."""

    def __init__(self, lane: Lane, hub_id: str) -> None:
        self._lane = lane
        self._hub_id = hub_id
        self._difference = Difference()

    async def __call__(self) -> dict[str, Machine]:
        """Every machine of the hub, terminated ones too while EC2 still shows them.

        :raises EC2Error: when not every page of it came
        """
        return await self._lane.run("DescribeInstances", self._work)

    def _work(self, lane: Lane) -> dict[str, Machine]:
        for left in reversed(range(_RESTARTS)):
            self._difference.begin()
            try:
                with lane.answers.read_by(self._difference.read):
                    found = merged(self._pages(lane))
            except ClientError as e:
                if not (left and _is_lost_page(e)):
                    raise
            else:
                self._difference.end()
                return found
        raise AssertionError("the loop above returns or raises")

    def _pages(self, lane: Lane) -> Iterator[Machine]:
        pages = lane.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": f"tag:{HUB_TAG}", "Values": [self._hub_id]}],
            PaginationConfig={"PageSize": _PAGE},
        )
        for page in pages:
            yield from cast("Mapping[str, Any]", page).get(MACHINES, ())
            # Those that boto3 was left.
            yield from read_reservations(page["Reservations"])


async def list_machines(lane: Lane, hub_id: str) -> dict[str, Machine]:
    """What ``Lister`` lists, for who asks once.

    :raises EC2Error: when not every page of it came
    """
    return await Lister(lane, hub_id)()


def _is_lost_page(error: ClientError) -> bool:
    """EC2 does not know the token of a listing's next page, or not any more.

    Seen as InvalidParameterValue, "Unable to parse pagination token", and with codes
    of their own in other services. A listing may also trip over a machine that has
    just gone (aws/aws-sdk-java#911). From its first page it goes on.
    """
    code = str(error.response.get("Error", {}).get("Code", ""))
    text = str(error.response.get("Error", {}).get("Message", ""))
    return (
        code in ("InvalidNextToken", "InvalidPaginationToken")
        or code == "InvalidInstanceID.NotFound"
        or (code == "InvalidParameterValue" and "token" in text.lower())
    )
