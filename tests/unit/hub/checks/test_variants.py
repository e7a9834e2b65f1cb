from ec2spawner.hub.checks.variants import names, variants_of
from ec2spawner.settings import LaunchSettings

HERE, THERE = "us-west-2", "eu-west-1"


def variants(**given):
    return variants_of(LaunchSettings(region=HERE, image="ami-1", **given))


def test_without_profiles_there_is_one_server():
    (only,) = variants()
    assert (only.name, only.region, only.image) == ("", HERE, ("ami-1", ()))


def test_each_profile_is_a_server_with_its_own_settings():
    own = [
        {"display_name": "Small"},
        {
            "display_name": "Away",
            "ec2spawner_override": {"region": THERE, "instance_type": "m7i.large"},
        },
    ]
    small, away = variants(profile_list=own, instance_types=["t3.small", "t3.large"])
    assert small.settings.types == ["t3.small", "t3.large"] and small.region == HERE
    # One type in a profile is this type, not one more of the hub's list.
    assert away.settings.types == ["m7i.large"] and away.region == THERE


def test_each_choice_of_an_option_is_looked_at_beside_the_others_defaults():
    found = variants(
        sizes={"Small": "t3.small", "Large": "m7i.large"},
        images={"A": "ami-2", "B": "ami-3"},
    )
    assert {v.image[0] for v in found} == {"ami-2", "ami-3"}
    assert {v.settings.types[0] for v in found} == {"t3.small", "m7i.large"}
    assert len(found) == 3


def test_what_only_a_start_tells_is_left_out():
    own = [{"display_name": "Odd", "ec2spawner_override": {"image": lambda s: "x"}}]
    (odd,) = variants(profile_list=own)
    assert odd.image[0] == "ami-1"
    (unknown,) = variants(profile_list=lambda spawner: [])
    assert unknown.name == ""


def test_servers_are_named_as_an_admin_knows_them():
    own = [{"display_name": name} for name in ("A", "B", "C", "D")]
    found = variants(profile_list=own)
    assert names(found[:2]) == "A and B"
    assert names(found) == "4 profiles"
    assert names(variants()) == "all servers"
