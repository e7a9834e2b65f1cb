"""Sizes and images in a few words."""

import pytest

from ec2spawner.profiles.read import ProfileListError
from ec2spawner.profiles.short import read_short

SETTABLE = frozenset(
    "instance_type instance_types root_volume_size image image_owners region subnets "
    "security_groups market environment on_stop idle_timeout".split()
)


def read(sizes=(), images=(), regions=(), markets=(), idle_timeouts=()):
    return read_short(sizes, images, regions, markets, idle_timeouts, SETTABLE)


def test_of_nothing_there_is_nothing_to_choose():
    assert read() == ()


@pytest.mark.parametrize(
    "sizes, choices",
    [
        ({"Small": "t3.medium"}, [("small", "Small", {"instance_type": "t3.medium"})]),
        (
            ["t3.medium", "m7i.large"],
            [
                ("t3-medium", "t3.medium", {"instance_type": "t3.medium"}),
                ("m7i-large", "m7i.large", {"instance_type": "m7i.large"}),
            ],
        ),
        (
            {"l": {"display_name": "Large", "instance_types": ["m7i.large"]}},
            [("l", "Large", {"instance_types": ["m7i.large"]})],
        ),
        (
            [
                {
                    "display_name": "Big disk",
                    "instance_type": "a.b",
                    "root_volume_size": 9,
                }
            ],
            [("big-disk", "Big disk", {"instance_type": "a.b", "root_volume_size": 9})],
        ),
        (
            {"A": {"instance_type": "a.b", "ec2spawner_override": {"on_stop": "stop"}}},
            [("a", "A", {"instance_type": "a.b", "on_stop": "stop"})],
        ),
    ],
)
def test_a_size_is_a_choice_that_sets_an_instance_type(sizes, choices):
    (profile,) = read(sizes)
    (option,) = profile.options
    assert option.key == "size"
    found = [(c.key, c.display_name, dict(c.override)) for c in option.choices]
    assert found == choices


def test_what_a_region_says_counts_less_than_what_an_image_does():
    (profile,) = read(["a.b"], {"A": "ami-1"}, ["us-west-2"], ["spot", "on-demand"])
    assert [o.key for o in profile.options] == ["region", "image", "size", "market"]
    assert [c.key for c in profile.options[3].choices] == ["spot", "on-demand"]


@pytest.mark.parametrize(
    "idle_timeouts, choices",
    [
        (
            [1800, 5400.0],
            [("30-min", "30 min", 1800), ("1-h-30-min", "1 h 30 min", 5400)],
        ),
        ({"All night": 43200}, [("all-night", "All night", 43200)]),
        ([{"idle_timeout": 60}], [("60-s", "60 s", 60)]),
        (
            {"l": {"display_name": "Long", "idle_timeout": 7200}},
            [("l", "Long", 7200)],
        ),
    ],
)
def test_an_idle_time_is_a_choice_that_sets_one(idle_timeouts, choices):
    (profile,) = read(["a.b"], idle_timeouts=idle_timeouts)
    option = profile.options[1]
    assert (
        option.key == "idle"
        and "tab that nobody touches does not" in option.description
    )
    found = [
        (c.key, c.display_name, c.override["idle_timeout"]) for c in option.choices
    ]
    assert found == choices


@pytest.mark.parametrize(
    "what, sentence",
    [
        ({"sizes": {"S": {}}}, "sizes['S']: instance_type is missing"),
        ({"sizes": {"S": {"type": "a.b"}}}, "sizes['S']: unknown key type"),
        ({"sizes": {"S": 5}}, "sizes['S']: must be a dictionary or one word"),
        ({"sizes": {"!": "a.b"}}, "sizes['!']: its name has no letter"),
        ({"sizes": {"S": "a.b", "s": "a.c"}}, "sizes['s']: another has the key 's'"),
        ({"sizes": {"S": {"instance_type": 5}}}, "instance_type must be"),
        ({"images": {"A": {"version": "1"}}}, "images['A']: image is missing"),
        (
            {"images": [{"image": "a", "allowed_groups": "x"}]},
            "must be a list of names",
        ),
        (
            {"images": {"A": {"image": "a", "ec2spawner_override": {"colour": 1}}}},
            "images['A']: EC2Spawner has no setting colour",
        ),
        ({"markets": ["cheap"]}, "markets: 'cheap' is none"),
        ({"idle_timeouts": [0]}, "idle_timeouts[0]: idle_timeout must be greater than"),
        ({"idle_timeouts": [float("inf")]}, "idle_timeouts[0]: must be a dictionary"),
        ({"idle_timeouts": {"L": "1h"}}, "idle_timeouts['L']: idle_timeout must be a"),
        ({"idle_timeouts": [60, 60.0]}, "idle_timeouts[1]: another has the key '60-s'"),
        ({"idle_timeouts": [{}]}, "idle_timeouts[0]: idle_timeout is missing"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(what, sentence):
    with pytest.raises(ProfileListError) as caught:
        read(**what)
    assert sentence in str(caught.value)
