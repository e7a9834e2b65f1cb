"""Which candidates a launch has, in which order, and what a refusal says of others."""

from dataclasses import replace

import pytest
from traitlets import TraitError

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.errors.kinds import Scope
from ec2spawner.ec2.errors.table import meaning_of
from ec2spawner.ec2.facts import Region
from ec2spawner.launch.attempts import reordered, way_on
from ec2spawner.launch.plan import Candidate, Image, LaunchIdentity, plan_launch
from ec2spawner.launch.unavailable import Unavailable, covers, quota_family
from ec2spawner.server.choice import ServerChoice
from ec2spawner.settings import LaunchSettings
from localec2.world.capacity import quota_bucket

X86, ARM = frozenset({"x86_64"}), frozenset({"arm64"})
ZONES = {"subnet-a": "us-west-2a", "subnet-b": "us-west-2b"}


def plan(region=Region(zones=ZONES), home="", architecture="x86_64", **settings):
    settings.setdefault("subnets", ["subnet-a", "subnet-b"])
    image = Image("ami-1", "/dev/sda1", architecture)
    who = LaunchIdentity("hub", "server", "launch")
    made = plan_launch(LaunchSettings(**settings), image, who, b"", region, home)
    return list(made.candidates)


def in_short(candidates):
    return [(c.market, c.instance_type, c.zone) for c in candidates]


def test_the_market_changes_last_then_the_type_and_the_subnet_first():
    found = plan(
        market="spot-then-on-demand", instance_types=["m7i.large", "m6i.large"]
    )
    assert in_short(found) == [
        ("spot", "m7i.large", "us-west-2a"),
        ("spot", "m7i.large", "us-west-2b"),
        ("spot", "m6i.large", "us-west-2a"),
        ("spot", "m6i.large", "us-west-2b"),
        ("on-demand", "m7i.large", "us-west-2a"),
        ("on-demand", "m7i.large", "us-west-2b"),
        ("on-demand", "m6i.large", "us-west-2a"),
        ("on-demand", "m6i.large", "us-west-2b"),
    ]


def test_without_a_list_the_one_type_is_the_only_one_and_with_it_it_counts_no_more():
    assert {c.instance_type for c in plan(instance_type="c7i.large")} == {"c7i.large"}
    both = plan(instance_type="c7i.large", instance_types=["m7i.large", "m7i.large"])
    assert [c.instance_type for c in both] == ["m7i.large"] * 2


@pytest.mark.parametrize(
    "override, types",
    [
        ({}, ["m7i.large", "m6i.large"]),
        ({"instance_type": "t3.small"}, ["t3.small"]),
        ({"instance_types": ["t3.small", "t3a.small"]}, ["t3.small", "t3a.small"]),
    ],
)
async def test_a_profile_that_names_one_type_gets_it_whatever_the_hubs_list_is(
    override, types
):
    profile = {"display_name": "Small", "ec2spawner_override": override}
    settings = LaunchSettings(
        instance_types=["m7i.large", "m6i.large"], profile_list=[profile]
    )
    assert await ServerChoice(settings).apply("ada", set(), {}) == "small"
    assert settings.types == types


def test_a_spot_request_ends_with_its_machine_and_is_tagged():
    (request,) = (c.request for c in plan(market="spot", subnets=["subnet-a"]))
    assert request["InstanceMarketOptions"] == {
        "MarketType": "spot",
        "SpotOptions": {
            "SpotInstanceType": "one-time",
            "InstanceInterruptionBehavior": "terminate",
        },
    }
    tagged = {spec["ResourceType"] for spec in request["TagSpecifications"]}
    assert "spot-instances-request" in tagged
    for candidate in plan(market="on-demand"):
        assert "InstanceMarketOptions" not in candidate.request
        # EC2 refuses to tag a spot request that is not made.
        assert "spot-instances-request" not in str(candidate.request)


def test_a_type_whose_processor_cannot_run_the_image_is_no_candidate():
    region = Region({"m7g.large": ARM, "m7i.large": X86}, ZONES)
    types = ["m7g.large", "m7i.large"]
    assert {c.instance_type for c in plan(region, instance_types=types)} == {
        "m7i.large"
    }
    arm = plan(region, instance_types=types, architecture="arm64")
    assert {c.instance_type for c in arm} == {"m7g.large"}


def test_what_ec2_did_not_say_is_not_held_against_a_type():
    assert len(plan(Region(), instance_types=["m7g.large"])) == 2


def test_when_no_type_fits_the_admin_reads_why_for_each():
    region = Region({"m7g.large": ARM, "m1.huge": frozenset()})
    with pytest.raises(EC2SpawnError) as caught:
        plan(region, instance_types=["m7g.large", "m1.huge"])
    assert "do not go together" in caught.value.jupyterhub_message
    assert "m7g.large (arm64)" in caught.value.log_message
    assert "m1.huge (not in this region)" in caught.value.log_message


def test_a_type_that_the_region_does_not_have_is_nothing_against_the_image():
    region = Region({"t3.huge": frozenset(), "m7g.large": ARM})
    with pytest.raises(EC2SpawnError) as caught:
        plan(region, instance_types=["t3.huge"])
    assert "image" not in caught.value.jupyterhub_message
    assert "Choose another size" in caught.value.jupyterhub_message
    assert "t3.huge" in caught.value.log_message


def test_a_home_binds_its_machine_to_its_zone():
    assert {c.subnet for c in plan(home="us-west-2b")} == {"subnet-b"}


def test_a_home_that_may_move_does_so_only_when_nothing_can_be_had_where_it_is():
    found = plan(home="us-west-2b", home_may_move=True, market="spot-then-on-demand")
    assert [(c.market, c.zone) for c in found] == [
        ("spot", "us-west-2b"),
        ("on-demand", "us-west-2b"),
        ("spot", "us-west-2a"),
        ("on-demand", "us-west-2a"),
    ]


@pytest.mark.parametrize("region", [Region(zones=ZONES), Region()])
def test_a_zone_without_a_subnet_that_is_known_to_be_there_is_an_error(region):
    with pytest.raises(EC2SpawnError) as caught:
        plan(region, home="us-west-2c")
    assert "Your home is in us-west-2c" in caught.value.jupyterhub_message
    assert "home_may_move" in caught.value.log_message
    assert plan(region, home="us-west-2c", home_may_move=True)


def test_in_the_default_vpc_the_zone_of_the_home_is_asked_for():
    (candidate,) = plan(subnets=[], home="us-west-2c")
    assert candidate.request["Placement"] == {"AvailabilityZone": "us-west-2c"}
    at_home, anywhere = plan(subnets=[], home="us-west-2c", home_may_move=True)
    assert at_home == candidate
    assert "Placement" not in anywhere.request
    (candidate,) = plan(subnets=[])
    assert "Placement" not in candidate.request


@pytest.mark.parametrize("wrong", ["", "m7i", "M7i.large", "m7i.large ", "m7i.*"])
def test_what_is_no_instance_type_is_refused_when_it_is_configured(wrong):
    with pytest.raises(TraitError, match="instance_type"):
        LaunchSettings(instance_type=wrong)
    with pytest.raises(TraitError, match="instance_types"):
        LaunchSettings(instance_types=["m7i.large", wrong])
    with pytest.raises(TraitError):
        LaunchSettings(market="cheap")


def test_the_quota_families_are_awss():
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    assert len(INSTANCE_TYPES) > 500
    for name in INSTANCE_TYPES:
        if not name.startswith(("mac", "u")):  # hosts, and names with a dash
            assert quota_family(name) == quota_bucket(name), name
    assert quota_family("m7i.large") == quota_family("t3.nano") == "standard"
    assert quota_family("g5.xlarge") == quota_family("vt1.3xlarge") == "g"
    assert quota_family("p5.48xlarge") == "p"


def candidate(market="on-demand", instance_type="m7i.large", zone="a", subnet="s-a"):
    return Candidate(market, instance_type, subnet, {}, zone)


@pytest.mark.parametrize(
    "scope, covered",
    [
        (Scope.NOTHING, set()),
        (Scope.OFFERING, set()),
        (Scope.TYPE_IN_ZONE, {"spot"}),
        (Scope.TYPE, {"spot", "zone"}),
        (Scope.ZONE, {"spot", "type", "gpu"}),
        (Scope.SUBNET, {"spot", "type", "gpu"}),
        (Scope.FAMILY, {"type", "zone"}),
        (Scope.MARKET, {"type", "zone", "gpu"}),
        (Scope.EVERYTHING, {"spot", "type", "zone", "gpu"}),
    ],
)
def test_what_a_refusal_says_of_other_candidates(scope, covered):
    others = {
        "spot": candidate(market="spot"),
        "type": candidate(instance_type="m6i.large"),
        "zone": candidate(zone="b", subnet="s-b"),
        "gpu": candidate(instance_type="g5.xlarge"),
    }
    source = candidate()
    assert {n for n, c in others.items() if covers(scope, source, c)} == covered
    assert covers(scope, source, candidate())


def test_that_a_type_cannot_hibernate_is_said_of_its_image_and_of_that_only():
    def found(image="ami-1", hibernates=True, **more):
        made = candidate(**more)
        return replace(made, request={"ImageId": image}, hibernates=hibernates)

    source = found()
    others = {
        "zone": found(zone="b", subnet="s-b"),
        "spot": found(market="spot"),
        "image": found(image="ami-2", zone="b"),
        "type": found(instance_type="m6i.large"),
        "awake": found(hibernates=False),
    }
    covered = {n for n, c in others.items() if covers(Scope.HIBERNATION, source, c)}
    assert covered == {"zone", "spot"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def refusal(code):
    return EC2Error("RunInstances", code, "", meaning_of(code))


def test_no_capacity_is_remembered_for_three_minutes_whoever_asks():
    clock = Clock()
    memory = Unavailable(clock)
    memory.note(candidate(), refusal("InsufficientInstanceCapacity"))
    other_users = Candidate("on-demand", "m7i.large", "s-a", {"UserData": b"x"}, "a")
    assert memory.of(other_users) is not None
    assert memory.of(candidate(market="spot")) is None
    assert memory.of(candidate(zone="b", subnet="s-b")) is None
    clock.now = 179
    assert memory.of(candidate()) is not None
    clock.now = 181
    assert memory.of(candidate()) is None


def test_a_full_subnet_speaks_of_every_type_in_it():
    memory = Unavailable(Clock())
    memory.note(candidate(), refusal("InsufficientFreeAddressesInSubnet"))
    assert memory.of(candidate("spot", "g5.xlarge")) is not None
    assert memory.of(candidate(subnet="s-a2")) is None


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_refusals_the_newer_is_told(first):
    clock = Clock()
    memory = Unavailable(clock)
    news = [
        (candidate(), refusal("InsufficientInstanceCapacity")),
        (candidate(market="spot"), refusal("InsufficientFreeAddressesInSubnet")),
    ]
    older, newer = news[first], news[1 - first]
    memory.note(*older)
    clock.now = 10
    memory.note(*newer)
    assert memory.of(candidate()).error is newer[1]


def test_a_quota_is_not_remembered_for_others_who_may_want_less():
    memory = Unavailable(Clock())
    memory.note(candidate(), refusal("VcpuLimitExceeded"))
    assert memory.of(candidate()) is None


def test_zones_that_ec2_recommends_come_next_for_that_machine_only():
    m7 = [candidate(zone=z, subnet=f"s-{z}") for z in "abc"]
    m6 = [candidate(instance_type="m6i.large", zone=z, subnet=f"s-{z}") for z in "abc"]
    found = reordered([*m7[1:], *m6], m7[0], ("c",))
    assert found == [m7[2], m7[1], *m6]


@pytest.mark.parametrize(
    "then, words",
    [
        (candidate(zone="us-west-2b"), "us-west-2b"),
        (candidate(zone=""), "another zone"),
        (candidate(instance_type="m6i.large"), "m6i.large in a"),
        (candidate(instance_type="m6i.large", zone=""), "m6i.large"),
    ],
)
def test_the_way_on_in_words(then, words):
    assert way_on(candidate(), then) == words


def test_the_way_on_says_which_market_is_next():
    spot = candidate(market="spot")
    assert way_on(spot, candidate()) == "on-demand m7i.large in a"
    assert way_on(candidate(), spot) == "spot m7i.large in a"
