from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.look.facts import Unknown
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.network import dns, routes, subnets
from ec2spawner.ec2.network.subnets import Routes

from ..well import HERE, REGION, one, region, told, wants

A, B = REGION.subnets["subnet-a"], REGION.subnets["subnet-b"]


def with_subnets(*found):
    return region(subnets={subnet.id: subnet for subnet in found})


def test_a_network_that_is_well_is_a_line_each():
    for row in (subnets, routes, dns):
        assert told(row) == []
        (check,) = row(wants(), region())
        assert check.verdict is Verdict.OK and check.about == HERE


@pytest.mark.parametrize(
    "found, verdict, says",
    [
        ((A,), Verdict.PROBLEM, "There is no subnet-b in us-west-2."),
        ((A, replace(B, state="pending")), Verdict.PROBLEM, "subnet-b is pending."),
        ((A, replace(B, only_ipv6=True)), Verdict.PROBLEM, "IPv6 addresses only"),
        ((A, replace(B, free=0)), Verdict.PROBLEM, "subnet-b has no free address."),
        (
            (replace(A, free=9), replace(B, free=8)),
            Verdict.WARNING,
            "have 17 free addresses, and max_machines is 20",
        ),
        ((A, replace(B, zone=A.zone)), Verdict.WARNING, "in one zone, us-west-2a"),
        (
            (replace(A, vpc="vpc-2"), replace(B, vpc="vpc-2")),
            Verdict.WARNING,
            "The Hub is in vpc-1, machines are in vpc-2.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_subnets_is_said(found, verdict, says):
    heard = told(subnets, facts=with_subnets(*found))
    assert any(v is verdict and says in text for v, text, _ in heard), heard
    assert all(fix for *_, fix in heard)


def test_who_names_no_subnets_needs_a_default_vpc():
    none = wants(subnets=[])
    verdict, says, fix = one(subnets, none, region(default_subnets={}))
    assert verdict is Verdict.PROBLEM and "no default VPC" in says
    assert fix == "aws ec2 create-default-vpc --region us-west-2"
    there = region(default_subnets=REGION.subnets)
    assert told(subnets, none, there) == []


def test_what_ec2_does_not_tell_is_no_problem():
    verdict, says, _ = one(subnets, facts=region(subnets=Unknown("allow it")))
    assert (verdict, says) == (Verdict.UNKNOWN, "allow it")
    assert one(routes, facts=region(routes=Unknown("no")))[0] is Verdict.UNKNOWN
    assert one(dns, facts=region(dns=Unknown("no")))[0] is Verdict.UNKNOWN


MAIN = Routes("vpc-1", main=True, internet="nat-1")


@pytest.mark.parametrize(
    "tables, settings, says",
    [
        ((MAIN,), {}, None),
        ((replace(MAIN, internet=""),), {}, "subnet-a, subnet-b: there is no route"),
        ((replace(MAIN, internet="igw-1"),), {}, "igw-1, which needs a public address"),
        ((replace(MAIN, internet="igw-1"),), {"public_ip": True}, None),
        ((MAIN, Routes("vpc-1", ("subnet-b",))), {}, "subnet-b: there is no route out"),
    ],
)
def test_machines_that_do_not_reach_the_internet_are_told(tables, settings, says):
    heard = told(routes, wants(**settings), region(routes=tables))
    assert bool(heard) == bool(says)
    for verdict, text, _ in heard:
        assert verdict is Verdict.WARNING and says in text


def test_a_hub_that_has_a_name_needs_the_dns_of_the_vpc():
    off = region(dns={"vpc-1": False})
    verdict, _, fix = one(dns, facts=off)
    assert verdict is Verdict.WARNING and "--enable-dns-support" in fix
    named = wants(hub={"hub_url": "http://hub.lab:8081/hub/api"})
    assert one(dns, named, off)[0] is Verdict.PROBLEM


def test_as_many_free_addresses_as_there_may_be_machines_are_enough():
    just = with_subnets(replace(A, free=10), replace(B, free=10))
    assert told(subnets, facts=just) == []
