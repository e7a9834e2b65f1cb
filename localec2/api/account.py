"""What an account may do: its rights, its plan, the terms that it has accepted."""

from __future__ import annotations

import fnmatch
import functools
from typing import Any

import botocore.session

from ..errors import AwsError
from ..requests.request import ApiRequest
from ..settings import LocalSettings

#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
FREE_PLAN_TYPES = (
    "t3.micro",
    "t3.small",
    "t4g.micro",
    "t4g.small",
    "c7i-flex.large",
    "m7i-flex.large",
)


def check_rights(request: ApiRequest, settings: LocalSettings) -> None:
    """Refuse what is not allowed, and end a dry run: it asks for nothing else.

    Karpenter relies on it: "Dry run should only ever return UnauthorizedOperation or
    DryRunOperation" (kubernetes-sigs/karpenter-provider-aws, nodeclass validation).
    """
    if any(fnmatch.fnmatchcase(request.action, each) for each in settings.denied):
        raise AwsError(
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. User: "
            "arn:aws:iam::123456789012:user/local is not authorized to perform: "
            f"ec2:{request.action} because no identity-based policy allows the "
            f"ec2:{request.action} action.",
            403,
        )
    if request.flag("DryRun") and request.action in _with_dry_runs():
        raise AwsError(
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
            412,
        )


@functools.lru_cache(maxsize=None)
def _with_dry_runs() -> frozenset[str]:
    model = botocore.session.get_session().get_service_model("ec2")
    return frozenset(
        name
        for name in model.operation_names
        if (shape := model.operation_model(name).input_shape)
        and "DryRun" in shape.members
    )


def check_plan(instance_type: str, settings: LocalSettings) -> None:
    """Refuse a type that the account's plan does not have."""
    if settings.free_plan and instance_type not in FREE_PLAN_TYPES:
        raise AwsError(
            "InvalidParameterCombination",
            "The specified instance type is not eligible for Free Tier. For a list of "
            "Free Tier instance types, run 'describe-instance-types' with the filter "
            "'free-tier-eligible=true'.",
        )


def check_terms(image_id: Any, settings: LocalSettings) -> None:
    """Refuse an image of the Marketplace whose terms nobody has accepted."""
    if image_id in settings.marketplace_images:
        raise AwsError(
            "OptInRequired",
            "In order to use this AWS Marketplace product you need to accept terms and "
            "subscribe. To do so please visit "
            f"https://aws.amazon.com/marketplace/pp?sku={image_id}",
            401,
        )
