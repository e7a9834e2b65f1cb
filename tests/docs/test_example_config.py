"""jupyterhub_config.example.py is what an admin copies: it must work as it is."""

import re

import pytest

from ec2spawner import EC2Spawner
from ec2spawner.hub.checks.problems import problems
from ec2spawner.profiles.choose import on_offer
from ec2spawner.profiles.read import read_profiles
from ec2spawner.server.choice import settable_by_profiles

from .configs import ROOT, load, settings_of, spawner_of, unrecognised

EXAMPLE = ROOT / "jupyterhub_config.example.py"


@pytest.fixture(scope="module")
def app():
    return load(EXAMPLE)


def test_it_sets_what_it_is_there_to_show(app):
    assert {
        "JupyterHub.hub_ip",
        "JupyterHub.hub_connect_ip",
        "EC2Spawner.idle_timeout",
        "EC2Spawner.region",
        "EC2Spawner.subnets",
        "EC2Spawner.security_groups",
        "EC2Spawner.image",
        "EC2Spawner.profile_list",
    } <= set(settings_of(app.config))


def test_the_hub_would_use_our_spawner(app):
    assert app.spawner_class is EC2Spawner


def test_every_setting_exists(app):
    assert list(unrecognised(app)) == []


def test_the_hub_would_start(app):
    assert list(problems(spawner_of(app), app)) == []


def test_every_value_is_taken_by_its_setting(app):
    spawner = spawner_of(app)
    for name, value in app.config.EC2Spawner.items():
        assert getattr(spawner, name) == value


def test_its_profiles_are_valid(app):
    spawner = spawner_of(app)
    profiles = read_profiles(spawner.profile_list, settable_by_profiles(spawner))
    assert len(profiles) == 3
    assert sum(p.default for p in profiles) == 1
    for profile in profiles:
        for name, value in profile.override.items():
            setattr(spawner, name, value)


def test_its_groups_are_those_of_its_profiles(app):
    spawner = spawner_of(app)
    profiles = read_profiles(spawner.profile_list, settable_by_profiles(spawner))
    asked_for = set().union(*(p.audience.groups for p in profiles))
    assert asked_for == set(app.load_groups)
    members = on_offer(profiles, "ada", asked_for)
    assert len(members) > len(on_offer(profiles, "ada", ()))


def test_it_explains_every_line():
    """Above each statement, and above each block of them, stands a comment."""
    lines = EXAMPLE.read_text().splitlines()
    statements = [
        i for i, line in enumerate(lines) if re.match(r"(c|ec2spawner)\.", line)
    ]
    assert len(statements) > 10
    for i in statements:
        before = i - 1
        while lines[before].startswith("c."):
            before -= 1
        assert lines[before].startswith("# "), f"line {i + 1}: {lines[i]}"


def test_a_profile_that_sets_what_cannot_be_is_named_before_anybody_starts_it(
    tmp_path,
):
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(
        (ROOT / "jupyterhub_config.example.py").read_text()
        + "\nc.EC2Spawner.profile_list[1]['ec2spawner_override']['data_volumes'] = ["
        "{'snapshot_id': 'snap-0123456789abcdef0', 'mount_path': 'data/dem'}]\n"
    )
    app = load(path)
    (problem,) = problems(spawner_of(app), app)
    assert "sets what cannot be, in the profile 'Medium'" in problem
    assert "'data/dem'" in problem
