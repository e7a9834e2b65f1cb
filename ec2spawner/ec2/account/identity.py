"""Who asks: the identity behind the Hub's credentials, and AWS's clock."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from ..clients import Lane


@dataclass(frozen=True)
class Identity:
    """As ``sts:GetCallerIdentity`` tells, which needs no right.

    :ivar skew: seconds by which this computer's clock is ahead of AWS's; None when the
        answer has no date
    """

    arn: str
    account: str
    skew: float | None = None

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov``, ..."""
        return self.arn.split(":")[1] if self.arn.count(":") > 1 else ""

    @property
    def is_role(self) -> bool:
        """Credentials of a role end by themselves."""
        return ":assumed-role/" in self.arn

    @property
    def is_root(self) -> bool:
        """The account's own, which nothing bounds."""
        return self.arn.endswith(":root")


async def caller(lane: Lane) -> Identity:
    """Who the credentials are.

    :raises EC2Error: when AWS does not answer, or does not take them
    """

    def work(lane: Lane) -> Identity:
        answer = lane.sts.get_caller_identity()
        return Identity(answer["Arn"], answer["Account"], _skew(answer, time.time()))

    return await lane.run("GetCallerIdentity", work)


def _skew(answer: Mapping[str, Any], now: float) -> float | None:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return now - parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return None
