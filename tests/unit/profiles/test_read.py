import pytest

from ec2spawner.profiles.read import (
    ChoiceError,
    ProfileListError,
    choose,
    default_profile,
    on_offer,
    options_from_form,
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
        ({"display_name": "?"}, "give it a slug"),
        ({**SMALL, "kubespawner_override": {}}, "unknown key"),
        ({**SMALL, "ec2spawner_override": ["t3"]}, "must be a dictionary"),
        ({**SMALL, "ec2spawner_override": {"hub_id": "x"}}, "no setting hub_id"),
        ("small", "must be a dictionary"),
        ({**SMALL, "allowed_groups": "staff"}, "'Small one'.*list of names.*'staff'"),
        ({**SMALL, "allowed_groups": None}, "list of names of groups"),
        ({**SMALL, "allowed_groups": [1]}, "list of names of groups"),
    ],
)
def test_a_wrong_profile_is_named_with_what_is_wrong(entry, complaint):
    with pytest.raises(ProfileListError, match=complaint) as caught:
        read(LARGE, entry)
    assert "profile_list[1]" in str(caught.value)


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_groups_may_come_in_any_collection_of_names(kind):
    (profile,) = read({**SMALL, "allowed_groups": kind(["staff"])})
    assert profile.is_for(["staff"]) and not profile.is_for(["s"])


def test_two_profiles_with_one_slug_are_refused():
    with pytest.raises(ProfileListError, match="small-one"):
        read(SMALL, SMALL)


def test_only_members_of_an_allowed_group_are_offered_a_profile():
    profiles = read(SMALL, LARGE)
    assert [p.slug for p in on_offer(profiles, [])] == ["small-one"]
    assert [p.slug for p in on_offer(profiles, ["modellers"])] == ["small-one", "big"]


def test_without_a_choice_the_default_is_taken_or_else_the_first():
    assert default_profile(read(SMALL, LARGE)).slug == "small-one"
    assert default_profile(read(SMALL, {**LARGE, "default": True})).slug == "big"
    assert choose(read(SMALL, LARGE), {}).slug == "small-one"


def test_a_choice_by_slug_is_found():
    assert choose(read(SMALL, LARGE), {"profile": "big"}).slug == "big"


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
        {"profile": ""},
        {"profile": "small-one", "instance_type": "p5.48xlarge"},
        {"image": "ami-1"},
    ],
)
def test_anything_but_the_slug_of_a_profile_on_offer_is_refused(options):
    with pytest.raises(ChoiceError):
        choose(read(SMALL, LARGE), options)


def test_without_profiles_nothing_may_be_chosen():
    assert choose((), {}) is None
    with pytest.raises(ChoiceError):
        choose((), {"profile": "small"})


def test_a_form_gives_its_first_values_and_an_empty_one_is_no_choice():
    form = {"profile": ["a", "b"], "other": [""], "none": []}
    assert options_from_form(form) == {"profile": "a"}
