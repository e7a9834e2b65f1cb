"""Half answers and other people's pages, between a real Hub and EC2."""

import pytest

from localec2 import WIRE_FAULTS, Fault

from .conftest import api_of, eventually, living

CUT, PAGE = "cut in its middle", "a page that says 200"


def homes(cloud):
    pages = api_of(cloud).get_paginator("describe_volumes").paginate()
    tagged = [v for page in pages for v in page["Volumes"] if v.get("Tags")]
    return {
        v["VolumeId"]
        for v in tagged
        if any(tag["Key"] == "ec2spawner:home" for tag in v["Tags"])
    }


@pytest.mark.slow
@pytest.mark.parametrize("way", [CUT, PAGE])
async def test_one_answer_of_each_kind_that_is_not_ec2s_changes_nothing(
    make_quick_hub, cloud, ec2, way
):
    before = homes(cloud)
    hub = make_quick_hub(settings={"home": "user", "home_size": 3})
    await hub.start()
    for action in ("RunInstances", "CreateVolume", "AttachVolume"):
        ec2.add_fault(Fault(action, times=1, **WIRE_FAULTS[way]))
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    launches = ec2.requests("RunInstances")
    assert len({launch.params["ClientToken"] for launch in launches}) == 1
    assert len(launches) == 2 and len(homes(cloud) - before) == 1
    ec2.add_fault(Fault("TerminateInstances", times=1, **WIRE_FAULTS[way]))
    await hub.stop_server("alice")
    eventually(lambda: not living(ec2))
    assert ec2.faults() == []


async def test_a_proxy_that_answers_in_place_of_ec2_is_told_and_ends_no_hub(
    make_quick_hub, ec2
):
    # From its start on: what the Hub has learned by then it would not ask again.
    ec2.add_fault(Fault("*", **WIRE_FAULTS["a page that says 403"]))
    hub = make_quick_hub(settings={"consecutive_failure_limit": 2})
    await hub.start()
    for _ in range(3):
        status, answer = await hub.start_server("alice")
        assert status == 503
        assert answer["message"].startswith("AWS is not answering as it should.")
    assert "ForeignAnswer" in hub.log and "proxy" in hub.log
    assert "This is not EC2" not in hub.log
    ec2.clear_faults()
    await hub.ready_server("alice")
    assert len(living(ec2)) == 1
