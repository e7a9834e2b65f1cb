from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.look.facts import Unknown
from ec2spawner.admin.doctor.rows.acls import network_acls
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.ec2.network.acls import Acl, Entry

from ..well import OPEN, one, region, told, wants

THERE = "0.0.0.0/0"


def closed(subnet, *entries):
    """The subnet has an ACL of its own, in place of one that admits everything."""
    rest = tuple(each for each in OPEN.subnets if each != subnet)
    return region(acls=(replace(OPEN, subnets=rest), Acl("acl-2", (subnet,), entries)))


ALL_IN, ALL_OUT = (Entry(100, egress, True, THERE) for egress in (False, True))
EPHEMERAL = Entry(110, False, True, THERE, 1024, 65535)


def test_the_lowest_number_that_fits_decides():
    shut = Entry(90, False, False, "10.0.0.0/24", 8888, 8888)
    acl = Acl("acl", (), (ALL_IN, shut))
    assert not acl.admits(False, "10.0.0.10/32", 8888)
    assert acl.admits(False, "10.0.0.10/32", 22)
    assert acl.admits(False, "10.0.1.10/32", 8888)
    # Of a network some of which is shut out, nobody can say that it is let in.
    assert not Acl("acl", (), (Entry(1, False, True, "10.0.0.0/25"),)).admits(
        False, "10.0.0.0/24", 22
    )


@pytest.mark.parametrize(
    "subnet, entries, says, whom, ports",
    [
        (
            "subnet-b",
            (ALL_OUT, EPHEMERAL, Entry(1, False, False, THERE, 8888, 8888)),
            "the Hub's questions to port 8888 of machines",
            "10.0.0.10/32",
            "From=8888,To=8888",
        ),
        (
            "subnet-b",
            (ALL_IN, Entry(100, True, True, THERE, 1024, 8080)),
            "machines' answers to the Hub",
            "10.0.0.10/32",
            "From=1024,To=65535",
        ),
        # As everybody writes it; and claims come from a port of root's.
        (
            "subnet-b",
            (ALL_OUT, EPHEMERAL),
            "the Hub's answers to machines",
            "10.0.0.10/32",
            "From=512,To=65535",
        ),
        (
            "subnet-a",
            (ALL_OUT, EPHEMERAL, Entry(1, False, False, THERE, 8081, 8081)),
            "machines' calls to port 8081 of the Hub",
            "10.0.2.0/24",
            "From=8081,To=8081",
        ),
    ],
)
def test_what_it_stops_is_said_with_the_entry_that_is_missing(
    subnet, entries, says, whom, ports
):
    found = told(network_acls, facts=closed(subnet, *entries))
    verdict, sentence, fix = next(f for f in found if says in f[1])
    assert verdict is Verdict.PROBLEM and sentence.startswith("acl-2 stops ")
    assert f"--cidr-block {whom} " in fix and fix.endswith(ports)
    # Before all others.
    assert any(f"--rule-number {n} " in fix for n in (109, 99, 1))


def test_one_that_lets_them_talk_is_well_and_within_a_subnet_none_counts():
    assert told(network_acls) == []
    # Machines are in the Hub's own subnet only.
    alone = wants(subnets=["subnet-a"])
    assert told(network_acls, alone, closed("subnet-a")) == []


def test_who_may_not_look_says_so():
    unknown = region(acls=Unknown("not allowed"))
    assert one(network_acls, facts=unknown)[0] is Verdict.UNKNOWN
