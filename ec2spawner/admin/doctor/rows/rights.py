"""What the credentials allow: all that the hub needs, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ....ec2.account.identity import Identity
from ....hub.checks.launches import NO_PROFILE
from ..look.facts import Facts, RegionFacts, Trial, Unknown
from ..look.trials import machine_to_try
from ..look.wants import Wants
from .check import Check, not_known, ok, problem, warning

_WIDE = "Whoever takes over the Hub, or finds its credentials, may do it."


def rights(wants: Wants, facts: Facts) -> Iterator[Check]:
    """By dry runs, with the requests that the hub would make."""
    fix = _policy(facts)
    for region in facts.regions.values():
        lacking = [t for t in region.trials if t.should and t.refusal]
        for trial in lacking:
            denier = _denier(trial)
            yield problem(
                "rights",
                trial.what,
                f"The hub may not {trial.what}: {trial.refusal}.",
                (
                    f"{_why_needed(trial)} A {denier} forbids it, which no policy of "
                    "the Hub's role overrules."
                    if denier
                    else _why_needed(trial)
                ),
                _fix_of_others(denier, facts) if denier else fix,
            )
        for trial in (t for t in region.trials if NO_PROFILE in t.unknown):
            yield problem(
                "rights",
                trial.what,
                f"The hub cannot {trial.what}: {trial.unknown}.",
                "iam_instance_profile names what is not there.",
                "aws iam list-instance-profiles "
                "--query 'InstanceProfiles[].InstanceProfileName'",
            )
        yield from _not_tried(region)
        done = [t for t in region.trials if t.should and not t.unknown]
        if done and not lacking:
            yield ok("rights", region.name, f"{len(done)} calls tried, all allowed")
        if done and machine_to_try(region) is None:
            yield _untried(region)


def _not_tried(region: RegionFacts) -> Iterator[Check]:
    left = [t for t in region.trials if t.unknown and NO_PROFILE not in t.unknown]
    if left:
        what = f"may {left[0].what}" if len(left) == 1 else f"may do {len(left)} things"
        why = f"Whether the hub {what}: {left[0].unknown}"
        yield not_known("rights", region.name, Unknown(why))


# AWS's words (IAM user guide, "Troubleshoot access denied error messages"); what is of
# the role itself, a new policy mends.
_DENIED = re.compile(
    r"with an explicit deny in an? (service control policy|resource control policy"
    r"|permissions boundary|VPC endpoint policy|session policy)"
    r"|because no (service control policy|permissions boundary) allows",
)


def _denier(trial: Trial) -> str:
    """Which policy of somebody else's forbids it; empty for the role's own."""
    found = _DENIED.search(trial.refusal)
    return next(filter(None, found.groups()), "") if found else ""


def _fix_of_others(denier: str, facts: Facts) -> str:
    account = facts.identity.account if isinstance(facts.identity, Identity) else "ID"
    if denier.endswith("control policy"):
        kind = denier.upper().replace(" ", "_")
        return (
            f"aws organizations list-policies-for-target --target-id {account} "
            f"--filter {kind}, by who administers the AWS organization"
        )
    return f"Ask who administers the account for another {denier}"


def _why_needed(trial: Trial) -> str:
    if trial.action == "RunInstances":
        return "Nobody gets such a machine."
    if trial.action.startswith("Describe"):
        return "The Hub cannot see what there is, and what has become of it."
    return "It fails when a server needs it."


def _untried(region: RegionFacts) -> Check:
    return not_known(
        "rights",
        region.name,
        Unknown(
            "Whether the hub may end, stop and wake machines: there is none yet to try "
            "it on."
        ),
        "Run this again when a server runs",
    )


def _policy(facts: Facts) -> str:
    who = facts.identity
    account = who.account if isinstance(who, Identity) else "ACCOUNT"
    role = "ROLE"
    if isinstance(who, Identity) and who.is_role:
        role = who.arn.split("/")[1]
    return (
        f"ec2spawner iam-policy --account {account} > hub-policy.json && aws iam "
        f"put-role-policy --role-name {role} --policy-name ec2spawner "
        "--policy-document file://hub-policy.json"
    )


def too_wide(wants: Wants, facts: Facts) -> Iterator[Check]:
    """What the hub does not need, and a thief would like."""
    for region in facts.regions.values():
        tried = [t for t in region.trials if not t.should and not t.unknown]
        wide = [t for t in tried if not t.refusal]
        if wide:
            yield warning(
                "policy",
                region.name,
                f"The hub may {', and '.join(trial.what for trial in wide)}.",
                _WIDE,
                _policy(facts),
            )
        if tried and not wide:
            yield ok("policy", region.name, f"{len(tried)} calls of a thief refused")
