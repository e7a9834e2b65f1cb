from dataclasses import replace

import pytest

from ec2spawner.ec2.facts import Image, Region
from ec2spawner.launch.plan import LaunchIdentity, plan_launch
from ec2spawner.ready.kind import as_ready, kind_of, kinds_of
from ec2spawner.settings import LaunchSettings

IMAGE = Image("ami-1", "/dev/sda1", "x86_64")
POOL = LaunchIdentity("hub", "", "pool", lease_until=1.0, database="db")
ALICE = LaunchIdentity("hub", "server", "hers", "alice", "lab", 2.0, "db")


def plan(who, image=IMAGE, zone="", **settings):
    usual = {"instance_types": ["t3.small", "t3.medium"], "subnets": ["a", "b"]}
    region = Region(zones={"a": "z-a", "b": "z-b"})
    settings = LaunchSettings(**{**usual, **settings})
    return plan_launch(settings, image, who, who.launch_id.encode(), region, zone)


def test_a_machine_of_the_pool_is_of_a_kind_that_a_start_plans():
    mine, ready = kinds_of(plan(ALICE), "told"), as_ready(plan(POOL), "told")
    made = [kind_of(each.request, "told") for each in ready.candidates]
    assert made == list(mine) and len(set(made)) == 4


@pytest.mark.parametrize(
    "other",
    [
        {"image": replace(IMAGE, id="ami-2")},
        {"root_volume_size": 99},
        {"security_groups": ["sg-2"]},
        {"iam_instance_profile": "nodes"},
        {"market": "spot"},
        {"key_name": "key"},
        {"instance_types": ["t3.large"]},
        {"subnets": ["c"]},
        {"on_stop": "stop"},
    ],
)
def test_what_touches_the_launch_makes_another_kind(other):
    assert not kinds_of(plan(ALICE), "told").keys() & kinds_of(plan(ALICE, **other), "")


def test_what_user_data_says_makes_another_kind():
    assert kinds_of(plan(POOL), "a").keys().isdisjoint(kinds_of(plan(POOL), "b"))


def test_its_tags_say_its_kind_and_not_whose_it_is():
    for candidate in as_ready(plan(POOL, tags={"award": "1"}), "told").candidates:
        for each in candidate.request["TagSpecifications"]:
            tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            assert tags.pop("ec2spawner:ready") == kind_of(candidate.request, "told")
            assert tags == {
                "Name": "ec2spawner-ready",
                "award": "1",
                "ec2spawner:hub": "hub",
                "ec2spawner:launch": "pool",
                "ec2spawner:database": "db",
                "ec2spawner:lease": "1970-01-01T00:00:01Z",
            }


def test_a_home_binds_a_start_to_the_kinds_of_its_zone():
    kinds = kinds_of(plan(ALICE, zone="z-b", home_may_move=False), "told")
    assert {each.subnet for each in kinds.values()} == {"b"}
    assert kinds.keys() < kinds_of(plan(POOL), "told").keys()
