"""A launch gets a machine anywhere there is one, through a real Hub, and never two."""

import asyncio

import pytest

from ec2spawner.demo.visitor import Visitor
from localec2 import Fault
from tests.hub.conftest import eventually, living

TYPES = ["t3.micro", "t3.small", "t3.medium", "t3.large", "t3.xlarge"]


@pytest.fixture
def first_subnet(ec2):
    return next(iter(ec2.resources().subnet_ids.values()))


def profile(**override):
    return [{"display_name": "Small", "ec2spawner_override": override}]


async def messages_of_a_start(hub):
    """What a person reads from Start until the server is there."""
    async with Visitor(hub.url, "alice", "any") as visitor:
        await visitor.log_in()
        await visitor.choose("small")
        return [event["message"] for event in await visitor.ready()]


@pytest.mark.slow
async def test_four_of_five_candidates_without_capacity(
    make_quick_hub, ec2, first_subnet
):
    hub = make_quick_hub(
        settings={
            "profile_list": profile(instance_types=TYPES),
            "subnets": [first_subnet],
        }
    )
    await hub.start()
    ec2.set_capacity({f"{each}/*": 0 for each in TYPES[:4]})
    messages = await messages_of_a_start(hub)
    launches = ec2.requests("RunInstances")
    assert [r.params["InstanceType"] for r in launches] == TYPES
    assert len({r.params["ClientToken"] for r in launches}) == 5
    (machine,) = living(ec2)
    assert machine.instance_type == TYPES[4]
    for refused, following in zip(TYPES, TYPES[1:]):
        words = f"No {refused} in us-west-2a just now, trying {following} in us-west-2a"
        assert any(words in message for message in messages)
    launch = hub.remembers("alice").current
    assert launch.instance_type == TYPES[4]
    assert launch.client_token == launches[-1].params["ClientToken"]


async def test_a_machine_that_dies_for_want_of_capacity_is_replaced_unseen(
    make_quick_hub, ec2
):
    hub = make_quick_hub(
        settings={
            "market": "spot-then-on-demand",
            "profile_list": profile(instance_types=["t3.small"]),
        }
    )
    await hub.start()
    reason = ("Server.SpotInstanceTermination", "Spot instance termination")
    ec2.add_fault(Fault("RunInstances", state_reason=reason, times=1))
    messages = await messages_of_a_start(hub)
    assert any("AWS took the spot t3.small" in message for message in messages)
    assert len(ec2.requests("RunInstances")) == 2
    (machine,) = living(ec2)
    assert hub.remembers("alice").current.instance_id == machine.instance_id


@pytest.mark.slow
async def test_an_attempt_left_in_doubt_costs_no_second_machine_even_after_a_kill(
    make_quick_hub, ec2, first_subnet
):
    hub = make_quick_hub(settings={"profile_list": profile(instance_type="t3.small")})
    await hub.start()
    # EC2 makes the machine, never answers, and hides it until after the kill.
    ec2.change_settings(consistency_seconds=600)
    subnet = {"NetworkInterface.1.SubnetId": first_subnet}
    ec2.add_fault(Fault("RunInstances", lose_answer=True, match=subnet))
    asked = asyncio.ensure_future(hub.start_server("alice"))
    await asyncio.to_thread(eventually, lambda: len(ec2.machines()) == 2, 60)
    (kept,) = (m.instance_id for m in ec2.machines() if m.zone != "us-west-2a")
    hub.kill()
    await asyncio.gather(asked, return_exceptions=True)
    assert [d.client_token for d in hub.remembers("alice").doomed] == [
        ec2.requests("RunInstances")[0].params["ClientToken"]
    ]
    ec2.change_settings(consistency_seconds=0)
    await hub.start()
    (late,) = {m.instance_id for m in ec2.machines()} - {kept}
    await asyncio.to_thread(
        eventually, lambda: late not in {m.instance_id for m in living(ec2)}, 60
    )
    await hub.wait_ready("alice")
    assert [m.instance_id for m in living(ec2)] == [kept]
