"""Settings that protect the whole hub are not for one profile to change."""

import pytest

from ec2spawner.profiles.read import ProfileListError, read_profiles
from ec2spawner.server.choice import settable_by_profiles
from ec2spawner.spawner import EC2Spawner

HUB_WIDE = [
    "hub_id",
    "claim_port",
    "endpoint_url",
    "profile_list",
    "idle_timeouts",
    "additional_profile_form_template_paths",
    "fast_interval",
    "slow_interval",
    "hub_silence_limit",
    "sweep_interval",
    "sweep_grace",
    "max_machines",
    "max_homes_per_user",
    "max_machines_per_user",
    "max_launches_per_minute",
    "boot_failure_limit",
    "boot_failure_pause",
    "home_on_delete",
    "prices",
    "prices_region",
    "prices_file",
    "ledger_url",
    "budgets",
    "budget_grace",
    "budget_unknown",
    "ready_machines",
    "max_ready_machines",
    "max_ready_usd_per_hour",
    "build_sources",
    "build_allowed_groups",
    "build_source_packages",
    "build_instance_type",
    "build_public_ip",
    "build_timeout",
    "max_builds",
    "max_builds_per_user_per_day",
]


@pytest.fixture(scope="module")
def settable():
    return settable_by_profiles(EC2Spawner())


@pytest.mark.parametrize("name", HUB_WIDE)
def test_no_profile_may_set_what_holds_for_the_whole_hub(settable, name):
    assert EC2Spawner.class_traits(config=True)[name]
    entry = {"display_name": "Large", "ec2spawner_override": {name: 1}}
    with pytest.raises(ProfileListError, match=f"no setting {name}"):
        read_profiles([entry], settable)


def test_a_profile_may_set_what_a_machine_is(settable):
    assert {"instance_type", "image", "home_size", "on_stop"} <= settable
