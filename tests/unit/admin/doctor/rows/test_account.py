from dataclasses import replace

from ec2spawner.admin.doctor.look.facts import Unknown
from ec2spawner.admin.doctor.rows.account import plan, spot_role
from ec2spawner.admin.doctor.rows.check import Verdict

from ..well import FACTS, REGION, one, region, told


def test_the_free_plan_does_not_have_every_size():
    free = replace(FACTS, free_plan=True)
    verdict, says, fix = one(plan, facts=free)
    assert verdict is Verdict.PROBLEM and "which does not have m7i.large" in says
    assert fix.startswith("aws freetier upgrade-account-plan ")


def test_a_size_of_the_free_plan_is_well_and_so_is_a_paid_one():
    small = {"m7i.large": replace(REGION.types["m7i.large"], is_free=True)}
    assert told(plan, facts=replace(region(types=small), free_plan=True)) == []
    assert told(plan) == []


def test_without_a_plan_that_can_be_asked_for_nothing_is_said():
    assert list(plan(None, replace(FACTS, free_plan=None))) == []
    unknown = replace(FACTS, free_plan=Unknown("not allowed"))
    assert one(plan, facts=unknown)[0] is Verdict.UNKNOWN


def test_spot_machines_need_a_role_of_aws():
    assert list(spot_role(None, FACTS)) == []
    verdict, says, fix = one(spot_role, facts=replace(FACTS, spot_role=False))
    assert verdict is Verdict.PROBLEM and "AWSServiceRoleForEC2Spot" in says
    assert fix == (
        "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
    )
    assert told(spot_role, facts=replace(FACTS, spot_role=True)) == []
    unknown = replace(FACTS, spot_role=Unknown("not allowed"))
    assert one(spot_role, facts=unknown)[0] is Verdict.UNKNOWN
