from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.look.facts import Trial
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.rights import rights, too_wide
from ec2spawner.ec2.machines import Machine

from ..well import FACTS, REGION, one, region, told, wants

LAUNCH, THIEF = REGION.trials
MACHINE = {"i-1": Machine("i-1", "running")}


def tried(*trials, machines=MACHINE):
    return region(trials=trials, machines=machines)


def test_rights_that_are_enough_and_no_more():
    facts = tried(LAUNCH, THIEF)
    assert told(rights, facts=facts) == told(too_wide, facts=facts) == []


def test_without_a_machine_some_rights_cannot_be_tried():
    verdict, says, _ = one(rights, facts=tried(LAUNCH, machines={}))
    assert verdict is Verdict.UNKNOWN and "there is none yet" in says


def test_a_right_that_is_lacking_is_named_with_the_command_for_the_policy():
    lacking = replace(LAUNCH, refusal="allow ec2:RunInstances on subnet-a")
    verdict, says, fix = one(rights, facts=tried(lacking))
    assert verdict is Verdict.PROBLEM
    assert says == (
        "The hub may not launch m7i.large: allow ec2:RunInstances on subnet-a."
    )
    assert fix.startswith("ec2spawner iam-policy --account 111122223333 > ")
    assert "--role-name lab-hub " in fix


@pytest.mark.parametrize(
    "words, denier, fix",
    [
        (
            "with an explicit deny in a service control policy",
            "A service control policy forbids it",
            "aws organizations list-policies-for-target --target-id 111122223333 "
            "--filter SERVICE_CONTROL_POLICY, by who",
        ),
        (
            "because no permissions boundary allows the ec2:RunInstances action",
            "A permissions boundary forbids it",
            "Ask who administers the account for another permissions boundary",
        ),
    ],
)
def test_what_others_forbid_is_not_mended_by_the_roles_own_policy(words, denier, fix):
    lacking = replace(LAUNCH, refusal=f"not authorized to perform: x {words}")
    (check,) = [
        c for c in rights(wants(), tried(lacking)) if c.verdict is Verdict.PROBLEM
    ]
    assert denier in check.why and check.fix.startswith(fix)


def test_what_nobody_could_try_is_not_judged():
    unknown = replace(LAUNCH, unknown="EC2 does not answer")
    verdict, says, _ = one(rights, facts=tried(unknown))
    assert verdict is Verdict.UNKNOWN and says.endswith("EC2 does not answer")


def test_rights_that_only_a_thief_needs_are_told_in_one_line():
    wide = [replace(THIEF, refusal=""), Trial("end the Hub", "T", False)]
    verdict, says, _ = one(too_wide, facts=tried(*wide))
    assert verdict is Verdict.WARNING
    assert says == "The hub may launch p5.48xlarge, and end the Hub."
    assert told(rights, facts=FACTS)[0][0] is Verdict.UNKNOWN


def test_an_instance_profile_that_is_not_there_is_told():
    """Of all that is wrong with a request a dry run tells this alone."""
    words = "RunInstances: InvalidParameterValue: Invalid IAM Instance Profile name"
    verdict, says, fix = one(rights, facts=tried(replace(LAUNCH, unknown=words)))
    assert verdict is Verdict.PROBLEM and "cannot launch m7i.large" in says
    assert "list-instance-profiles" in fix
