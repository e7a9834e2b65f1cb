from jupyterhub.spawner import Spawner

from ec2spawner.profiles.overrides import KUBERNETES_ONLY, merged, with_value
from ec2spawner.spawner import EC2Spawner


def test_a_dictionary_is_merged_at_any_depth_and_none_removes():
    old = {"a": 1, "b": {"c": 2, "d": 3}, "e": 4}
    new = {"b": {"c": None, "f": {"g": 5}}, "e": None, "h": 6}
    assert merged(old, new) == {"a": 1, "b": {"d": 3, "f": {"g": 5}}, "h": 6}
    assert old == {"a": 1, "b": {"c": 2, "d": 3}, "e": 4}


def test_nothing_is_left_of_a_none_in_a_dictionary_that_is_new():
    assert merged({}, {"a": {"b": None, "c": 1}}) == {"a": {"c": 1}}


def test_anything_else_takes_the_place_of_what_was_there():
    assert merged([1], [2]) == [2]
    assert merged({"a": 1}, None) is None
    assert merged(None, {"a": 1}) == {"a": 1}


def test_a_value_is_put_in_at_any_depth_and_nothing_in_it_is_obeyed():
    override = {"image": "{value}", "n": 3, "l": ["x-{value}"], "d": {"k": "{value}"}}
    assert with_value(override, "{n}{value}") == {
        "image": "{n}{value}",
        "n": 3,
        "l": ["x-{n}{value}"],
        "d": {"k": "{n}{value}"},
    }


def test_doubled_braces_are_single_ones_and_keys_may_have_a_value_as_well():
    override = {"image-{value}": "${{USER}} ${HOME} {{value}}", "s": {"{value}"}}
    assert with_value(override, "x") == {
        "image-x": "${USER} ${HOME} {value}",
        "s": {"x"},
    }


def test_what_only_kubernetes_knows_is_no_setting_of_ours():
    ours = set(EC2Spawner.class_trait_names()) | set(Spawner.class_trait_names())
    assert KUBERNETES_ONLY.isdisjoint(ours)
