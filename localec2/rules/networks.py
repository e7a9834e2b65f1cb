"""Addresses and security groups."""

from __future__ import annotations

from .rule import ERRORS, GROUPS, GUIDE, TRACKING, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "address-asked-for",
        "RunInstances",
        "An address in use: InvalidIPAddress.InUse; outside the subnet: "
        "InvalidParameterValue.",
        ERRORS,
    ),
    Rule(
        "group-in-use",
        "DeleteSecurityGroup",
        "A security group in use: DependencyViolation.",
        ERRORS,
    ),
    Rule(
        "group-rules",
        "Authorize-, RevokeSecurityGroupIngress",
        "Only what a rule names gets in, by protocol, ports and sender (addresses or "
        "members of a group); a change counts at once. Booted machines only.",
        GROUPS,
    ),
    Rule(
        "group-answers",
        "-",
        "Answers pass without a rule, whatever is asked. Booted machines only.",
        TRACKING,
    ),
    Rule(
        "group-change",
        "ModifyInstanceAttribute, ModifyNetworkInterfaceAttribute",
        "The groups of a running instance can be changed; an unknown one: "
        "InvalidGroup.NotFound.",
        f"{GUIDE}/changing-security-group.html",
    ),
    Rule(
        "group-default",
        "RunInstances",
        "Without groups an instance is in the VPC's default group, which lets in its "
        "members only.",
        "https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html",
    ),
    Rule(
        "source-check",
        "-",
        "An instance can only send from its own address. Booted machines only.",
        f"{GUIDE}/using-eni.html",
    ),
    Rule(
        "addresses",
        "RunInstances",
        "The private address is in the RunInstances answer, in the subnet, and "
        "returns to the pool at termination; no public one unless asked for.",
        f"{GUIDE}/using-instance-addressing.html",
    ),
)
