import pytest

from ec2spawner.profiles.choose import (
    ChoiceError,
    choose,
    default_profile,
    on_offer,
    options_from_form,
    options_from_own_form,
)
from ec2spawner.profiles.read import read_profiles

SMALL = {
    "display_name": "Small one",
    "ec2spawner_override": {"instance_type": "t3.small"},
}
LARGE = {"display_name": "Large", "slug": "big", "allowed_groups": ["modellers"]}
IMAGES = {
    "display_name": "Software",
    "profile_options": {
        "image": {
            "display_name": "Image",
            "choices": {
                "old": {"ec2spawner_override": {"image": "ami-1"}},
                "new": {
                    "allowed_groups": ["testers"],
                    "ec2spawner_override": {"image": "ami-2"},
                },
            },
            "unlisted_choice": {
                "enabled": True,
                "display_name": "Your own image",
                "validation_regex": "ami-[0-9a-f]+",
                "validation_message": "Write the id of an AMI.",
                "ec2spawner_override": {"image": "{value}", "tags": {"of": "{value}"}},
            },
        },
        "size": {
            "choices": {
                "s": {"ec2spawner_override": {"instance_type": "t3.small"}},
                "l": {
                    "default": True,
                    "ec2spawner_override": {"instance_type": "t3.large"},
                },
            },
        },
    },
}


def offer(*entries, user="ada", groups=()):
    settable = {"instance_type", "image", "tags"}
    return on_offer(read_profiles(entries, settable), user, groups)


def chosen(options, groups=()):
    """What IMAGES overrides with these options, all in one."""
    together = {}
    for override in choose(offer(IMAGES, groups=groups), options).overrides:
        together.update(override)
    return together


def test_only_members_of_an_allowed_group_are_offered_a_profile():
    assert [p.slug for p in offer(SMALL, LARGE)] == ["small-one"]
    both = offer(SMALL, LARGE, groups=["modellers"])
    assert [p.slug for p in both] == ["small-one", "big"]


def test_without_a_choice_the_default_is_taken_or_else_the_first():
    both = offer(SMALL, {**LARGE, "default": True}, groups=["modellers"])
    assert default_profile(both).slug == "big"
    for nothing in ({}, {"profile": None}, {"profile": ""}):
        assert choose(offer(SMALL), nothing).profile.slug == "small-one"


def test_a_choice_by_slug_is_found():
    both = offer(SMALL, LARGE, groups=["modellers"])
    assert choose(both, {"profile": "big"}).profile.slug == "big"


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "small"},
        {"profile": "small-one\n"},
        {"profile": "SMALL-ONE"},
        {"profile": ["small-one"]},
        {"profile": {"slug": "small-one"}},
        {"profile": True},
        {"profile": 0},
        {"profile": "big"},
    ],
)
def test_anything_but_the_slug_of_a_profile_on_offer_is_refused(options):
    with pytest.raises(ChoiceError, match="Choose one of: small-one"):
        choose(offer(SMALL, LARGE), options)


def test_options_that_nobody_knows_are_none_of_our_business():
    options = {"profile": "small-one", "course": "hydrology", "image": "ami-666"}
    assert choose(offer(SMALL), options).overrides == ({"instance_type": "t3.small"},)


def test_without_profiles_every_option_is_the_hubs_own():
    for options in ({}, {"course": "hydrology"}, {"profile": ["of", "the", "hub"]}):
        assert choose((), options) is None


def test_a_form_of_the_hubs_own_gives_lists_as_jupyterhub_does_and_one_profile():
    own = {"course": ["a", "b"], "none": [""]}
    ours = {"profile": ["big"], "profile-option-big--size": ["large"]}
    chosen = {"profile": "big", "size": "large"}
    assert options_from_own_form({**own, **ours}) == {**own, **chosen}
    assert options_from_own_form(own) == own


def test_options_that_are_not_chosen_have_their_defaults():
    assert chosen({}) == {"image": "ami-1", "instance_type": "t3.large"}


def test_a_later_option_counts_more_than_an_earlier_one_and_than_the_profile():
    entry = {**IMAGES, "ec2spawner_override": {"instance_type": "t3.nano"}}
    overrides = choose(offer(entry), {"size": "s"}).overrides
    assert [each.get("instance_type") for each in overrides] == [
        "t3.nano",
        None,
        "t3.small",
    ]


def test_what_a_user_writes_takes_the_place_of_value_at_any_depth():
    found = chosen({"image--unlisted-choice": "ami-f00"})
    assert (found["image"], found["tags"]) == ("ami-f00", {"of": "ami-f00"})
    both = {"image": "unlisted-choice", "image--unlisted-choice": "ami-f00"}
    assert chosen(both)["image"] == "ami-f00"


@pytest.mark.parametrize(
    "text",
    [
        "ami-f00; rm",
        "xami-f00",
        "ami-f00\n",
        "{value}",
        "a" * 10_000,
        ["ami-f00"],
        {"id": "ami-f00"},
        7,
        True,
        "<script>alert(1)</script>",
    ],
)
def test_a_text_must_match_as_a_whole(text):
    with pytest.raises(ChoiceError, match="Your own image: Write the id of an AMI."):
        chosen({"image--unlisted-choice": text})


def test_a_text_is_not_taken_where_the_option_has_none():
    with pytest.raises(ChoiceError, match="size: choose from the list"):
        chosen({"size--unlisted-choice": "p5.48xlarge"})


def test_who_chooses_to_write_must_write_something():
    with pytest.raises(ChoiceError, match="Your own image: please write"):
        chosen({"image": "unlisted-choice"})


@pytest.mark.parametrize("choice", ["new", "newest", ["old"], {"x": 1}, 1, True])
def test_a_choice_that_is_not_on_offer_is_refused_with_those_that_are(choice):
    with pytest.raises(ChoiceError, match="Image: .* Choose one of: old."):
        chosen({"image": choice})


def test_a_choice_for_a_group_is_for_its_members():
    assert chosen({"image": "new"}, groups=["testers"])["image"] == "ami-2"


def test_a_profile_with_an_option_of_which_nothing_is_for_the_user_is_not_offered():
    only = {"choices": {"a": {"allowed_users": ["grace"]}}}
    entry = {**SMALL, "profile_options": {"x": only}}
    assert offer(entry) == ()
    assert len(offer(entry, user="grace")) == 1


def test_a_form_gives_its_first_values_and_an_empty_one_is_no_choice():
    form = {"profile": ["a", "b"], "other": [""], "none": []}
    assert options_from_form(form) == {"profile": "a"}


def test_the_options_of_other_profiles_are_left_out_even_of_one_named_alike():
    form = {
        "profile": ["short"],
        "profile-option-short--size": ["s"],
        "profile-option-short-plus--size": ["l"],
        "course": ["hydrology"],
    }
    assert options_from_form(form) == {
        "profile": "short",
        "size": "s",
        "course": "hydrology",
    }


@pytest.mark.parametrize(
    "size, options",
    [
        ("s", {"size": "s"}),
        ("unlisted-choice", {"size": "unlisted-choice", "size--unlisted-choice": "x"}),
        ("", {"size--unlisted-choice": "x"}),
    ],
)
def test_a_text_that_is_sent_beside_a_choice_from_the_list_does_not_count(
    size, options
):
    form = {
        "profile": ["a"],
        "profile-option-a--size": [size],
        "profile-option-a--size--unlisted-choice": ["x"],
    }
    assert options_from_form(form) == {"profile": "a", **options}
