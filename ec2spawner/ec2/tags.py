"""CreateTags, for many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from .clients import Lane
from .errors import EC2Error

# Up to 1000 ids in a call; AWS recommends fewer (EC2 API reference, CreateTags).
_IDS = 500


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
            await lane.run("CreateTags", partial(_create, ids=batch, tags=tags))
        except EC2Error as e:
            if not e.code.endswith(".NotFound"):
                raise
            if len(batch) == 1:
                unknown += batch
            else:
                half = len(batch) // 2
                waiting += [batch[half:], batch[:half]]
    return unknown


def _create(lane: Lane, ids: Sequence[str], tags: Mapping[str, str]) -> None:
    lane.ec2.create_tags(
        Resources=ids,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
