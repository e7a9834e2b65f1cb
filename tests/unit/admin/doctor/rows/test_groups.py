from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.look.facts import Unknown
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.groups import security_groups
from ec2spawner.ec2.network.security_groups import Rule

from ..well import HUBS, MACHINES, REGION, one, region, told, wants

EVERYBODY = ("0.0.0.0/0",)


def of_machines(*ingress, **changes):
    group = replace(MACHINES, ingress=ingress or MACHINES.ingress, **changes)
    return region(groups={"sg-machines": group, "sg-hub": HUBS})


def of_hub(*ingress):
    group = replace(HUBS, ingress=ingress)
    return region(groups={"sg-machines": MACHINES, "sg-hub": group})


def test_groups_that_are_well_say_who_reaches_whom():
    assert told(security_groups) == []
    (check,) = security_groups(wants(), region())
    assert check.says == "the Hub to 8888, machines to 8081, nobody else"


@pytest.mark.parametrize(
    "rule",
    [
        Rule("tcp", 8888, 8888, cidrs=("10.0.0.10/32",)),
        Rule("tcp", 0, 65535, cidrs=("10.0.0.0/16",)),
        Rule("-1", groups=("sg-hub",)),
        Rule("6", 8888, 8888, groups=("sg-hub",)),
        Rule("tcp", 8888, 8888, lists=("pl-1",)),
    ],
)
def test_the_hub_may_be_admitted_in_any_way(rule):
    assert told(security_groups, facts=of_machines(rule)) == []


@pytest.mark.parametrize(
    "rule",
    [
        Rule("tcp", 22, 22, groups=("sg-hub",)),
        Rule("udp", 8888, 8888, groups=("sg-hub",)),
        Rule("tcp", 8888, 8888, cidrs=("192.168.0.0/16", "::1/128")),
        Rule("tcp", 8888, 8888, groups=("sg-others",)),
    ],
)
def test_a_hub_that_does_not_reach_servers_is_told_with_the_rule_that_is_missing(rule):
    verdict, says, fix = one(security_groups, facts=of_machines(rule))
    assert verdict is Verdict.PROBLEM
    assert "The Hub (10.0.0.10) does not reach port 8888" in says
    assert fix == (
        "aws ec2 authorize-security-group-ingress --region us-west-2 --group-id "
        "sg-machines --protocol tcp --port 8888 --source-group sg-hub"
    )


def test_a_port_that_is_open_to_everybody_is_worse_with_a_public_address():
    wide = of_machines(Rule("tcp", 8888, 8888, cidrs=EVERYBODY))
    verdict, says, fix = one(security_groups, facts=wide)
    assert verdict is Verdict.WARNING and "open to everybody" in says
    assert "revoke-security-group-ingress" in fix
    public = wants(public_ip=True)
    assert one(security_groups, public, wide)[0] is Verdict.PROBLEM


def test_machines_that_reach_each_other_are_told():
    own = of_machines(Rule("-1", groups=("sg-machines",)), *MACHINES.ingress)
    verdict, says, _ = one(security_groups, facts=own)
    assert verdict is Verdict.WARNING and "of each other" in says


def test_the_default_group_counts_where_none_is_set():
    own = (Rule("-1", groups=("sg-0",)),)
    default = replace(MACHINES, id="sg-0", ingress=own)
    facts = region(default_groups={"sg-0": default})
    heard = told(security_groups, wants(security_groups=[]), facts)
    assert [verdict for verdict, *_ in heard] == [
        Verdict.WARNING,  # each other
        Verdict.PROBLEM,  # the Hub does not reach them
        Verdict.PROBLEM,  # nor they the Hub, which admits others
    ]


def test_a_group_that_is_not_there_or_elsewhere_is_told():
    verdict, says, _ = told(security_groups, facts=region(groups={"sg-hub": HUBS}))[0]
    assert verdict is Verdict.PROBLEM
    assert says == "There is no security group sg-machines in us-west-2."
    verdict, says, fix = told(security_groups, facts=of_machines(vpc="vpc-2"))[0]
    assert verdict is Verdict.PROBLEM
    assert says == "sg-machines is in vpc-2, and subnet-a, subnet-b are not."
    assert "--vpc-id vpc-1" in fix


@pytest.mark.parametrize(
    "rules, verdict, says",
    [
        ((), Verdict.PROBLEM, "Machines do not reach the Hub's port 8081"),
        (
            (Rule("tcp", 8081, 8081, cidrs=("10.0.1.0/24",)),),
            Verdict.PROBLEM,  # not those of the other subnet
            "Machines do not reach the Hub's port 8081",
        ),
        (
            (Rule("tcp", 8081, 8081, cidrs=EVERYBODY),),
            Verdict.WARNING,
            "The Hub's port 8081 is open to everybody.",
        ),
    ],
)
def test_what_reaches_the_hub_is_looked_at_too(rules, verdict, says):
    found = one(security_groups, facts=of_hub(*rules))
    assert found[0] is verdict and says in found[1]


def test_machines_must_be_let_out_to_the_hub():
    shut = of_machines(egress=(Rule("tcp", 443, 443, cidrs=EVERYBODY),))
    verdict, says, fix = one(security_groups, facts=shut)
    assert verdict is Verdict.PROBLEM and "no rule lets them out" in says
    assert "authorize-security-group-egress" in fix


def test_whose_rules_nobody_knows_is_not_judged():
    unknown = region(groups=Unknown("allow it"))
    assert one(security_groups, facts=unknown)[0] is Verdict.UNKNOWN
    # The Hub is somewhere else, where EC2 shows none of its groups.
    assert told(security_groups, facts=region(hub=None)) == []
    assert REGION.hub is not None


def test_the_hub_may_admit_machines_by_their_networks():
    both = [Rule("tcp", 8081, 8081, cidrs=(f"10.0.{n}.0/24",)) for n in (1, 2)]
    assert told(security_groups, facts=of_hub(*both)) == []


def test_a_port_for_machines_alone_must_be_reached_as_the_hubs_own():
    wanted = wants(hub={"claim_port": 8082})
    verdict, says, fix = one(security_groups, wanted)
    assert verdict is Verdict.PROBLEM
    assert "Machines do not reach the Hub's port 8082" in says and "--port 8082" in fix
    both = Rule("tcp", 8081, 8082, groups=("sg-machines",))
    (check,) = security_groups(wanted, of_hub(both))
    assert check.says == "the Hub to 8888, machines to 8081 and 8082, nobody else"
