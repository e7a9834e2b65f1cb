from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.look.facts import Unknown
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.sizes import quotas, types
from ec2spawner.ec2.facts import TypeFacts
from ec2spawner.ec2.machines import Machine

from ..well import REGION, one, region, told, wants

QUOTA = REGION.quotas["on-demand", "standard"]
ARM = TypeFacts(frozenset({"arm64"}), 8.0, True, 2)


def test_sizes_and_quotas_that_are_well():
    assert told(types) == told(quotas) == []
    (check,) = quotas(wants(), region())
    assert check.says == "64 vCPUs, 64 free"


@pytest.mark.parametrize(
    "given, changes, says",
    [
        ({"instance_type": "t3.huge"}, {}, "us-west-2 has no instance type t3.huge."),
        (
            {"instance_type": "m7g.large"},
            {"types": {"m7g.large": ARM}},
            "m7g.large has arm64 processors, and the image is for x86_64.",
        ),
        (
            {},
            {"zones": {"m7i.large": frozenset({"us-west-2d"})}},
            "m7i.large is in no zone of the subnets: AWS has it in us-west-2d.",
        ),
        (
            {"on_stop": "hibernate", "root_volume_size": 8},
            {"types": {"m7i.large": replace(REGION.types["m7i.large"], memory=16.0)}},
            "root_volume",
        ),
    ],
)
def test_a_size_that_cannot_be_launched_is_told(given, changes, says):
    verdict, text, fix = one(types, wants(**given), region(**changes))
    assert verdict is Verdict.PROBLEM and says in text and fix


def test_of_several_types_those_that_do_not_fit_are_left_out():
    both = {**REGION.types, "m7g.large": ARM}
    several = wants(instance_types=["m7g.large", "m7i.large"])
    assert told(types, several, region(types=both)) == []


def test_one_that_cannot_hibernate_is_stopped_instead():
    tired = {"m7i.large": replace(REGION.types["m7i.large"], can_hibernate=False)}
    verdict, says, _ = one(types, wants(on_stop="hibernate"), region(types=tired))
    assert (verdict, says) == (Verdict.WARNING, "m7i.large cannot hibernate.")


def machines(count, kind="m7i.large", market="on-demand"):
    return [
        Machine(f"i-{n}", "running", instance_type=kind, market=market)
        for n in range(count)
    ]


def with_quota(cpus, running=()):
    quota = {("on-demand", "standard"): replace(QUOTA, cpus=cpus)}
    return region(quotas=quota, running=running)


@pytest.mark.parametrize(
    "facts, verdict, says",
    [
        (with_quota(1), Verdict.PROBLEM, "may run 1 vCPUs, and one machine has 2."),
        (with_quota(16), Verdict.WARNING, "may run 8 machines of 2 vCPUs"),
        (with_quota(40, machines(20)), Verdict.PROBLEM, "are in use (40)"),
    ],
)
def test_a_quota_that_is_too_small_is_told_with_the_command_that_raises_it(
    facts, verdict, says
):
    found = one(quotas, facts=facts)
    assert found[0] is verdict and says in found[1]
    assert "--quota-code L-1216C47A --desired-value 40" in found[2]


def test_machines_of_other_markets_and_families_do_not_count():
    others = [*machines(30, market="spot"), *machines(30, "g5.xlarge")]
    assert told(quotas, facts=with_quota(40, others)) == []


def test_what_nobody_knows_is_not_judged():
    assert one(types, facts=region(types=Unknown("x")))[0] is Verdict.UNKNOWN
    unknown = region(quotas={("on-demand", "standard"): Unknown("allow it")})
    assert one(quotas, facts=unknown)[:2] == (Verdict.UNKNOWN, "allow it")


def test_a_quota_with_room_for_one_more_machine_is_enough():
    assert told(quotas, facts=with_quota(40, machines(19))) == []
