from dataclasses import replace

from ec2spawner.admin.doctor.look.facts import RegionFacts, Unknown
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.every import judge
from ec2spawner.admin.doctor.rows.region import regions

from ..well import FACTS, THERE, one, told, wants

NOT_THERE = RegionFacts(THERE, running=Unknown("Could not connect", silent=True))
CLOSED = RegionFacts(THERE, running=Unknown("not valid", code="AuthFailure"))


def beside(other):
    return replace(FACTS, regions={**FACTS.regions, THERE: other})


def both():
    own = [
        {"display_name": "Here"},
        {"display_name": "There", "ec2spawner_override": {"region": THERE}},
    ]
    return wants(profile_list=own)


def test_a_region_that_does_not_answer_or_is_not_the_accounts_is_one_problem():
    assert told(regions) == []
    for region, says in (
        (NOT_THERE, "EC2 does not answer for eu-west-1: Could not connect."),
        (CLOSED, "eu-west-1 does not know this account: not valid."),
    ):
        verdict, text, fix = one(regions, both(), beside(region))
        assert (verdict, text) == (Verdict.PROBLEM, says) and fix
        # Of what nobody can know there, nothing else is said.
        of_there = [c for c in judge(both(), beside(region)) if THERE in str(c)]
        assert [c.name for c in of_there] == ["region"]


def test_a_right_that_is_lacking_is_no_trouble_of_the_region():
    denied = RegionFacts(THERE, running=Unknown("no", code="UnauthorizedOperation"))
    assert told(regions, both(), beside(denied)) == []


def test_nothing_is_well_that_nobody_could_look_at():
    """Neither routes nor DNS nor groups of subnets that are not known."""
    unknown = Unknown("allow ec2:DescribeSubnets")
    blind = RegionFacts("us-west-2", subnets=unknown, default_subnets=unknown)
    blind = replace(blind, groups=unknown, default_groups=unknown, types=unknown)
    checks = judge(wants(), replace(FACTS, regions={"us-west-2": blind}))
    well = {c.name for c in checks if c.verdict is Verdict.OK}
    assert not well & {"subnets", "routes", "dns", "security-groups", "sizes", "image"}
