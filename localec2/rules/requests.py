"""What holds for every call."""

from __future__ import annotations

from .rule import API, DEV, ERRORS, GUIDE, TAGS, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "tag-limits",
        "RunInstances, CreateTags",
        "At most 50 tags (TagLimitExceeded), keys of 128 and values of 256 "
        "characters, each key once.",
        TAGS,
    ),
    Rule(
        "tag-aws-prefix",
        "RunInstances, CreateTags",
        "Keys that start with aws: are refused.",
        TAGS,
    ),
    Rule(
        "tag-on-create",
        "RunInstances",
        "TagSpecifications tag the instance, its volumes, its network interfaces and "
        "its spot request; other resource types are refused.",
        f"{API}/API_TagSpecification.html",
    ),
    Rule(
        "dry-run",
        "all",
        "DryRun looks at rights, neither at ids nor at capacity: DryRunOperation, HTTP "
        "412, or UnauthorizedOperation. Of RunInstances it tells an unknown IAM "
        "instance profile, too.",
        "https://github.com/aws/karpenter-provider-aws/blob/main/pkg/controllers/"
        "nodeclass/validation.go",
    ),
    Rule(
        "rights",
        "all",
        "What no policy allows: UnauthorizedOperation, HTTP 403, which names the "
        "action.",
        ERRORS,
    ),
    Rule(
        "throttling",
        "all",
        "A token bucket per action; empty: RequestLimitExceeded, HTTP 503. "
        "RunInstances and StartInstances: 5, and 2 more every second.",
        f"{DEV}/ec2-api-throttling.html",
    ),
    Rule(
        "consistency",
        "all",
        "A new instance may be unknown for a while: InvalidInstanceID.NotFound by "
        "id, absent from lists.",
        f"{DEV}/eventual-consistency.html",
    ),
    Rule(
        "bad-instance-id",
        "DescribeInstances",
        "A malformed id: InvalidInstanceID.Malformed; an unknown one: "
        "InvalidInstanceID.NotFound.",
        ERRORS,
    ),
    Rule(
        "filters",
        "DescribeInstances",
        "client-token, instance-lifecycle and others work; an unknown filter is "
        "InvalidParameterValue.",
        f"{API}/API_DescribeInstances.html",
    ),
    Rule(
        "paging",
        "DescribeInstances",
        "MaxResults from 5 to 1000, not together with ids; without it everything "
        "comes in one answer.",
        f"{API}/API_DescribeInstances.html",
    ),
    Rule(
        "next-token",
        "DescribeInstances",
        "A NextToken that is not, or no more, of this listing: "
        "InvalidParameterValue.",
        "https://github.com/treelogic-swe/aws-mock",
    ),
    Rule(
        "no-order",
        "DescribeInstances",
        "Rows come in no particular order.",
        f"{API}/API_DescribeInstances.html",
    ),
    Rule(
        "disrupted-zone",
        "DescribeInstances",
        "While a zone has a service disruption, a call fails that names an instance "
        "there, or none at all; one that names only others works.",
        f"{API}/API_DescribeInstances.html",
    ),
    Rule(
        "unknown-action",
        "-",
        "An action that is not there: InvalidAction, as clean XML.",
        ERRORS,
    ),
    Rule(
        "unknown-service",
        "-",
        "A service or an action that is not there is answered with HTTP 4xx.",
        ERRORS,
    ),
    Rule(
        "other-region",
        "all",
        "An endpoint answers for its own Region: AuthFailure for another.",
        ERRORS,
    ),
    Rule(
        "regions",
        "all",
        "Machines, volumes, images and networks are those of one Region, and an id "
        "means nothing in another; so do quotas, client tokens and request buckets.",
        f"{GUIDE}/using-regions-availability-zones.html",
    ),
)
