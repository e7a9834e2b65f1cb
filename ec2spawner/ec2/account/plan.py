"""The account's plan, and the role by which AWS launches spot machines in it."""

from __future__ import annotations

from ..clients import Lane
from ..errors import EC2Error

#: with it AWS launches spot machines in an account (EC2 user guide, "Service-linked
#: role for EC2 Spot")
SPOT_ROLE = "AWSServiceRoleForEC2Spot"


async def is_on_free_plan(lane: Lane) -> bool:
    """Whether the account is on AWS's free plan, which has a few sizes only.

    :raises EC2Error: when AWS does not answer, or denies it
    """

    def work(lane: Lane) -> bool:
        answer = lane.freetier.get_account_plan_state()
        return bool(answer["accountPlanType"] == "FREE")

    return await lane.run("GetAccountPlanState", work)


async def has_spot_role(lane: Lane) -> bool:
    """Whether the account has :data:`SPOT_ROLE`.

    :raises EC2Error: when AWS does not answer, or denies it
    """

    def work(lane: Lane) -> bool:
        return bool(lane.iam.get_role(RoleName=SPOT_ROLE)["Role"])

    try:
        return await lane.run("GetRole", work)
    except EC2Error as e:
        if e.code in ("NoSuchEntity", "NoSuchEntityException"):
            return False
        raise
