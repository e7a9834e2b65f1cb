"""Whether a call would be allowed, asked of EC2 without making it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from ..clients import Lane
from ..errors import EC2Error

#: EC2's word for: it would be
_WOULD = "DryRunOperation"
#: its word for: it would not, whatever else it is
_FORBIDDEN = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")


async def may(lane: Lane, action: str, request: Mapping[str, Any]) -> EC2Error | None:
    """None if the credentials allow a call; else AWS's refusal.

    Of nothing else: neither quotas nor capacity nor most of the request are looked at
    ("Dry run should only ever return UnauthorizedOperation or DryRunOperation",
    kubernetes-sigs/karpenter, nodeclass validation).

    :param action: the API action, ``RunInstances``
    :raises EC2Error: for any other answer: nobody can say
    """

    def work(lane: Lane) -> None:
        try:
            getattr(lane.ec2, xform_name(action))(**request, DryRun=True)
        except ClientError as e:
            if e.response.get("Error", {}).get("Code") != _WOULD:
                raise

    try:
        await lane.run(action, work)
    except EC2Error as e:
        if e.code in _FORBIDDEN:
            return e
        raise
    return None
