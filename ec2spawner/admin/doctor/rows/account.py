"""What the account lacks before anybody launches: a plan, and AWS's role for spot."""

from __future__ import annotations

from collections.abc import Iterator

from ....hub.checks.variants import names
from ..look.facts import Facts, Unknown
from ..look.wants import Wants
from .check import Check, not_known, ok, problem

_PAID = "aws freetier upgrade-account-plan --region us-east-1 --account-plan-type PAID"
_MAKE = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"


def plan(wants: Wants, facts: Facts) -> Iterator[Check]:
    """AWS's free plan has a few sizes only."""
    if isinstance(facts.free_plan, Unknown):
        yield not_known("plan", "", facts.free_plan)
    elif facts.free_plan is False:
        yield ok("plan", "", "paid")
    elif facts.free_plan:
        found = list(_not_in_plan(wants, facts))
        yield from found or [ok("plan", "", "free, which has all sizes on offer")]


def _not_in_plan(wants: Wants, facts: Facts) -> Iterator[Check]:
    for region in facts.regions.values():
        known = {} if isinstance(region.types, Unknown) else region.types
        variants = wants.of(region.name)
        for name in dict.fromkeys(t for v in variants for t in v.settings.types):
            if name in known and known[name].architectures and not known[name].is_free:
                whose = names(v for v in variants if name in v.settings.types)
                yield problem(
                    "plan",
                    name,
                    f"The account is on AWS's free plan, which does not have {name}.",
                    "EC2 refuses to launch it (InvalidParameterCombination), for "
                    f"{whose}.",
                    _PAID,
                )


def spot_role(wants: Wants, facts: Facts) -> Iterator[Check]:
    """With it AWS launches spot machines; the first launch may not be able to make it.

    EC2 user guide, "Service-linked role for EC2 Spot".
    """
    has = facts.spot_role
    if isinstance(has, Unknown):
        yield not_known("spot", "", has, f"{_MAKE}, which does no harm")
    elif has is False:
        yield problem(
            "spot",
            "AWSServiceRoleForEC2Spot",
            "The account has no AWSServiceRoleForEC2Spot, AWS's own role for spot.",
            "EC2 refuses spot machines: who launches them here may not make it "
            "(AuthFailure.ServiceLinkedRoleCreationNotPermitted).",
            _MAKE,
        )
    elif has:
        yield ok("spot", "", "AWS's role is there")
