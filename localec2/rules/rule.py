"""One rule of AWS, and where AWS states its rules."""

from __future__ import annotations

from dataclasses import dataclass

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference"
GUIDE = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide"
DEV = "https://docs.aws.amazon.com/ec2/latest/devguide"
IDEMPOTENCY = f"{DEV}/ec2-api-idempotency.html"
ERRORS = f"{API}/errors-overview.html"
LIFECYCLE = f"{GUIDE}/ec2-instance-lifecycle.html"
TAGS = f"{GUIDE}/Using_Tags.html#tag-restrictions"
RUN = f"{API}/API_RunInstances.html"
GROUPS = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"
TRACKING = f"{GUIDE}/security-group-connection-tracking.html"
EBS = "https://docs.aws.amazon.com/ebs/latest/userguide"
IMDS = f"{GUIDE}/configuring-instance-metadata-service.html"


@dataclass(frozen=True)
class Rule:
    """One thing AWS does. ``key`` names it in the tests."""

    key: str
    action: str
    aws_does: str
    source: str
