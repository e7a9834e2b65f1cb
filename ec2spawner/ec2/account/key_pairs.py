"""Key pairs by their names."""

from __future__ import annotations

from collections.abc import Sequence

from ..clients import Lane


async def key_pairs_among(lane: Lane, names: Sequence[str]) -> frozenset[str]:
    """Those of these names that a key pair of the region has.

    :raises EC2Error: when EC2 does not answer, or denies it
    """

    def work(lane: Lane) -> frozenset[str]:
        # A filter, not KeyNames: one that is not there would fail the call.
        answer = lane.ec2.describe_key_pairs(
            Filters=[{"Name": "key-name", "Values": list(names)}]
        )
        return frozenset(pair.get("KeyName", "") for pair in answer["KeyPairs"])

    return await lane.run("DescribeKeyPairs", work)
