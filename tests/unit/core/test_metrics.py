import pytest
from prometheus_client import REGISTRY

from ec2spawner.core.errors import Reason
from ec2spawner.core.metrics import outcome_of, phases_took, start_ended


def count(outcome, reason):
    labels = {"outcome": outcome, "reason": reason}
    return REGISTRY.get_sample_value("jupyterhub_ec2_starts_total", labels)


@pytest.mark.parametrize("reason", ["limit", "options", "budget"])
def test_a_refusal_is_no_failure(reason):
    assert outcome_of(reason) == "refused"


@pytest.mark.parametrize("reason", Reason)
def test_all_else_is_a_failure_or_somebodys_wish(reason):
    outcomes = {"limit": "refused", "options": "refused", "budget": "refused"}
    outcomes["cancelled"] = "cancelled"
    assert outcome_of(reason.value) == outcomes.get(reason.value, "failed")


def test_every_outcome_is_there_before_it_happens():
    assert count("ready", "") is not None
    assert count("cancelled", "cancelled") is not None
    assert count("refused", "limit") is not None
    assert count("failed", "capacity") is not None


def test_each_start_counts_once():
    before = count("ready", ""), count("refused", "limit")
    start_ended()
    start_ended("limit")
    assert (count("ready", ""), count("refused", "limit")) == (
        before[0] + 1,
        before[1] + 1,
    )


def test_each_phase_of_a_start_is_counted():
    def seconds():
        name = "jupyterhub_ec2_launch_phase_seconds_sum"
        return REGISTRY.get_sample_value(name, {"phase": "boot"}) or 0

    before = seconds()
    phases_took({"machine": 1.0, "boot": 20.0})
    phases_took({})
    assert seconds() == before + 20
