import pytest

from ec2spawner.profiles.read import read_profiles
from ec2spawner.ready.wishes import read_wishes

PROFILES = read_profiles(
    [
        {"display_name": "Small", "ec2spawner_override": {"instance_type": "t3.small"}},
        {
            "display_name": "Large",
            "profile_options": {
                "image": {
                    "display_name": "Image",
                    "choices": {
                        "a": {"display_name": "A", "ec2spawner_override": {}},
                        "b": {"display_name": "B", "ec2spawner_override": {}},
                    },
                }
            },
        },
    ],
    {"instance_type"},
)


def test_a_wish_names_a_choice_as_users_send_it():
    raw = [{"profile": "large", "image": "b", "count": 3, "hours": "8-18"}]
    [wish] = read_wishes(raw, PROFILES)
    assert wish.selection.profile.slug == "large"
    assert wish.selection.choices["image"].key == "b"
    assert (wish.count_at(8 * 3600), wish.count_at(0)) == (3, 0)


def test_what_is_left_out_has_its_default():
    [wish] = read_wishes([{}], PROFILES)
    assert (wish.count, wish.selection.profile.slug) == (1, "small")
    [wish] = read_wishes([{"count": 2}], ())
    assert wish.selection is None and wish.count_at(0) == 2


@pytest.mark.parametrize(
    "raw, why",
    [
        ({"profile": "medium"}, "entry 1.*not on offer"),
        ({"profil": "large"}, "nothing to choose called profil"),
        ({"profile": "large", "image": "c"}, "entry 1"),
        ({"count": "3"}, "must be a number"),
        ({"count": True}, "must be a number"),
        ({"count": -1}, "must be a number"),
        ({"hours": "soon"}, "no hours"),
    ],
)
def test_what_cannot_be_is_refused_with_its_entry(raw, why):
    with pytest.raises(ValueError, match=why):
        read_wishes([raw], PROFILES)


def test_a_choice_of_a_hub_without_profiles_is_refused():
    with pytest.raises(ValueError, match="cannot be chosen"):
        read_wishes([{"profile": "small"}], ())
