import pytest

from ec2spawner.profiles.read import (
    ProfileListError,
    ignored_settings,
    read_profiles,
)

SETTABLE = {"instance_type", "image"}
SMALL = {
    "display_name": "Small one",
    "ec2spawner_override": {"instance_type": "t3.small"},
}
LARGE = {"display_name": "Large", "slug": "big", "allowed_groups": ["modellers"]}


def read(*entries):
    return read_profiles(entries, SETTABLE)


def with_option(**option):
    return {**SMALL, "profile_options": {"image": option}}


def with_choice(**choice):
    return with_option(choices={"new": choice})


def test_a_profile_gets_its_slug_from_its_name_unless_it_has_one():
    assert [p.slug for p in read(SMALL, LARGE)] == ["small-one", "big"]


def test_a_dictionary_of_profiles_is_taken_in_the_order_of_its_keys():
    profiles = read_profiles({"2-large": LARGE, "1-small": SMALL}, SETTABLE)
    assert [p.slug for p in profiles] == ["small-one", "big"]


@pytest.mark.parametrize(
    "entry, complaint",
    [
        ({}, "display_name is missing"),
        ({"display_name": "  "}, "display_name is missing"),
        ({"display_name": 7}, "display_name is missing"),
        ({"display_name": "?"}, "give it a slug"),
        ({**SMALL, "kubespawner_override": {}}, "rename it to ec2spawner_override"),
        ({**SMALL, "override": {}}, "'Small one'.*unknown key override"),
        ({**SMALL, "ec2spawner_override": ["t3"]}, "must be a valid dictionary"),
        ({**SMALL, "ec2spawner_override": {"hub_id": "x"}}, "no setting hub_id"),
        ({**SMALL, "default": "yes"}, "default must be a valid boolean"),
        ("small", "must be a dictionary"),
        ({**SMALL, "allowed_groups": "staff"}, "'Small one'.*list of names.*'staff'"),
        ({**SMALL, "allowed_groups": None}, "allowed_groups must be a list of names"),
        ({**SMALL, "allowed_users": [1]}, "allowed_users must be a list of names"),
        (with_option(), "'Small one'.*option 'image': it has neither choices nor"),
        (with_option(choice={}), "option 'image', unknown key choice"),
        (with_choice(image="x"), "option 'image', choice 'new', unknown key image"),
        (
            with_choice(kubespawner_override={"image": "x"}),
            "option 'image', choice 'new', kubespawner_override is KubeSpawner's",
        ),
        (
            with_choice(ec2spawner_override={"imag": "x"}),
            "option 'image', choice 'new': EC2Spawner has no setting imag",
        ),
        (
            with_option(unlisted_choice={"enabled": True, "validation_regex": "("}),
            "option 'image', unlisted_choice, validation_regex is no regular exp",
        ),
        (
            with_option(
                unlisted_choice={"enabled": True, "ec2spawner_override": {"a": "x"}}
            ),
            "option 'image', unlisted_choice: EC2Spawner has no setting a",
        ),
    ],
)
def test_a_wrong_profile_is_named_with_the_place_and_what_is_wrong(entry, complaint):
    with pytest.raises(ProfileListError, match=complaint) as caught:
        read(LARGE, entry)
    assert "profile_list[1]" in str(caught.value)


def test_all_that_is_wrong_with_a_profile_is_said_at_once():
    with pytest.raises(ProfileListError) as caught:
        read({"display_name": "Large", "default": 1, "slugg": "x"})
    assert "default must be" in str(caught.value)
    assert "unknown key slugg" in str(caught.value)


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_groups_may_come_in_any_collection_of_names(kind):
    (profile,) = read({**SMALL, "allowed_groups": kind(["staff"])})
    assert profile.audience.admits("ada", ["staff"])
    assert not profile.audience.admits("ada", ["s"])


def test_a_user_may_be_named_beside_a_group():
    (profile,) = read(
        {**SMALL, "allowed_groups": ["staff"], "allowed_users": ["grace"]}
    )
    assert profile.audience.admits("grace", [])
    assert profile.audience.admits("ada", ["staff"])
    assert not profile.audience.admits("ada", [])


def test_two_profiles_with_one_slug_are_refused():
    with pytest.raises(ProfileListError, match="small-one"):
        read(SMALL, SMALL)


def test_what_only_kubernetes_knows_is_left_out_and_can_be_named():
    entry = with_choice(
        ec2spawner_override={"image": "ami-1", "node_selector": {"gpu": "yes"}}
    )
    entry["ec2spawner_override"] = {"instance_type": "t3.small", "tolerations": []}
    (profile,) = read(entry)
    assert profile.overrides() == [{"instance_type": "t3.small"}, {"image": "ami-1"}]
    assert ignored_settings([entry]) == {"node_selector", "tolerations"}
    assert ignored_settings([SMALL, LARGE]) == frozenset()


def test_an_option_takes_its_names_from_its_keys_where_it_has_none():
    (profile,) = read(with_choice())
    (option,) = profile.options
    assert (option.display_name, option.choices[0].display_name) == ("image", "new")


@pytest.mark.parametrize("flagged, default", [(None, "old"), ("new", "new")])
def test_the_default_choice_is_the_one_that_is_marked_or_else_the_first(
    flagged, default
):
    choices = {key: {"default": key == flagged} for key in ("old", "new")}
    (profile,) = read(with_option(choices=choices))
    assert profile.options[0].default.key == default


def test_what_published_lists_have_beside_what_counts_is_no_fault():
    """Keys of hubs that 2i2c runs: KubeSpawner ignores them, too."""
    entry = {
        "display_name": "A",
        "profile_options": {
            "image": {
                "choices": {
                    "scipy": {
                        "slug": "scipy",
                        "ec2spawner_override": {"image": "ami-1", "default": True},
                    }
                },
                "unlisted_choice": {
                    "enabled": True,
                    "description": "yours",
                    "description_in_choices": "yours",
                },
            }
        },
    }
    (profile,) = read_profiles([entry], {"image"})
    (choice,) = profile.options[0].choices
    assert (choice.key, choice.override) == ("scipy", {"image": "ami-1"})
