"""What an account may do: its rights, plan and quotas, the terms that it accepted."""

from __future__ import annotations

import fnmatch
import functools
import json
import threading
from dataclasses import replace
from typing import Any

import botocore.session

from ..errors import AwsError
from ..requests.policy import refused
from ..requests.request import ApiRequest
from ..requests.subjects import Reader
from ..settings import LocalSettings
from ..world.seed import ACCOUNT
from .launch_rules import check_profile

#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
FREE_PLAN_TYPES = (
    "t3.micro",
    "t3.small",
    "t4g.micro",
    "t4g.small",
    "c7i-flex.large",
    "m7i-flex.large",
)

#: quotas of running vCPUs: AWS's code -> its name, and the bucket in `vcpu_quota`.
#: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
QUOTAS = {
    "L-1216C47A": (
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        "standard",
    ),
    "L-DB2E81BA": ("Running On-Demand G and VT instances", "g"),
    "L-417A185B": ("Running On-Demand P instances", "p"),
    "L-34B43A08": (
        "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        "spot:standard",
    ),
    "L-3819A6DF": ("All G and VT Spot Instance Requests", "spot:g"),
    "L-7212CCBC": ("All P4, P3 and P2 Spot Instance Requests", "spot:p"),
}
#: of a quota that is not set here, which bounds nothing
_ENOUGH = 1_000_000

_reading = threading.Lock()


def service_quota(request: ApiRequest, settings: LocalSettings) -> bytes:
    """GetServiceQuota, of EC2's running vCPUs only."""
    code = request.params.get("QuotaCode", "")
    if request.action != "GetServiceQuota" or code not in QUOTAS:
        raise AwsError(
            "NoSuchResourceException", "The request failed: there is no such quota."
        )
    name, bucket = QUOTAS[code]
    value = settings.vcpu_quota.get(bucket, _ENOUGH)
    found = {
        "ServiceCode": "ec2",
        "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
    return json.dumps({"Quota": found}).encode()


def account_plan(request: ApiRequest, settings: LocalSettings) -> LocalSettings:
    """The settings after a call of the service freetier: an account pays from now on.

    https://docs.aws.amazon.com/cost-management/latest/APIReference/API_freetier_UpgradeAccountPlan.html
    """
    if request.action == "UpgradeAccountPlan":
        return replace(settings, free_plan=request.get("accountPlanType") == "FREE")
    if request.action != "GetAccountPlanState":
        raise AwsError("ValidationException", f"{request.action} is not known here.")
    return settings


def plan_state(settings: LocalSettings) -> bytes:
    """The answer to both calls of freetier, as far as they are the same."""
    kind = "FREE" if settings.free_plan else "PAID"
    state = {"accountId": ACCOUNT, "accountPlanType": kind}
    return json.dumps({**state, "accountPlanStatus": "ACTIVE"}).encode()


def check_rights(request: ApiRequest, settings: LocalSettings, backend: Any) -> None:
    """Refuse what is not allowed, and end a dry run: it asks for nothing else.

    Karpenter relies on it: "Dry run should only ever return UnauthorizedOperation or
    DryRunOperation", and meets one more answer, of an instance profile that is not
    there (kubernetes-sigs/karpenter-provider-aws, nodeclass validation).
    """
    if any(fnmatch.fnmatchcase(request.action, each) for each in settings.denied):
        raise _unauthorized(f"ec2:{request.action}")
    if settings.policy:
        reader = Reader(ACCOUNT, lambda id: dict(backend.tags.get(id, {})))
        if no := refused(settings.policy, reader.subjects(request)):
            raise _unauthorized(no.action, no.arn)
    if request.flag("DryRun") and _has_dry_runs(request.action):
        if request.action == "RunInstances":
            check_profile(request)
        raise AwsError(
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
            412,
        )


def _unauthorized(action: str, arn: str = "*") -> AwsError:
    """In AWS's words (IAM user guide, "Troubleshoot access denied error messages")."""
    where = "" if arn == "*" else f" on resource: {arn}"
    return AwsError(
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: "
        f"arn:aws:iam::{ACCOUNT}:user/local is not authorized to perform: "
        f"{action}{where} because no identity-based policy allows the {action} action.",
        403,
    )


def _has_dry_runs(action: str) -> bool:
    # A burst of requests would read the model once each: that takes seconds.
    with _reading:
        return action in _with_dry_runs()


@functools.cache
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
