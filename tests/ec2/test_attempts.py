"""One launch on its way through its candidates, against a local EC2."""

import asyncio
import sys

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.ids import new_launch_id
from ec2spawner.core.state import Doomed
from ec2spawner.fleet import fleet as fleet_module
from ec2spawner.launch.attempts import Reporter
from ec2spawner.launch.plan import LaunchIdentity, plan_launch
from ec2spawner.settings import LaunchSettings
from localec2 import Fault

A, B, C = "us-west-2a", "us-west-2b", "us-west-2c"
SOLD_OUT = ("Server.InsufficientInstanceCapacity", "no host")


class Launch:
    """One user's launch: its attempts, and what its reporter was given."""

    def __init__(self, fleet, world):
        self.fleet, self.world = fleet, world
        self.launch_id = new_launch_id()
        self.attempts, self.abandoned, self.told = [], [], []

    async def begin(self, **settings):
        settings.setdefault("subnets", list(self.world.subnet_ids.values()))
        settings.setdefault("instance_type", "t3.small")
        image_id = settings.pop("image_id", self.world.image_id)
        image = await self.fleet.images.resolve(image_id, [])
        wanted = LaunchSettings(**settings)
        region = await self.fleet.catalog.region(wanted.types, wanted.subnets)
        who = LaunchIdentity(self.fleet.hub_id, "server", self.launch_id)
        plan = plan_launch(wanted, image, who, b"#!/bin/sh\n", region)
        reporter = Reporter(
            self.attempts.append, self.abandoned.append, self.told.append
        )
        self.way = self.fleet.attempts(plan, reporter)
        return self

    async def next(self):
        return await self.way.next()


@pytest.fixture
def launch(fleet, ec2):
    """Begins a launch, each time of another user."""
    world = ec2.resources()
    return lambda **settings: Launch(fleet, world).begin(**settings)


def asked(ec2):
    """(type, zone) of every RunInstances so far."""
    zone_of = {id: zone for zone, id in ec2.resources().subnet_ids.items()}
    return [
        (
            request.params["InstanceType"],
            zone_of[request.params["NetworkInterface.1.SubnetId"]],
        )
        for request in ec2.requests("RunInstances")
    ]


async def until_gone(fleet, machine):
    while not (seen := fleet.inventory.get(machine.id)) or not seen.gone:
        await fleet.inventory.next(20)
    return seen


async def test_four_of_five_sold_out_cost_one_call_each_and_no_waiting(
    launch, ec2, monkeypatch
):
    types = ["t3.micro", "t3.small", "t3.medium", "t3.large", "t3.xlarge"]
    ec2.set_capacity({f"{each}/*": 0 for each in types[:4]})
    launched = await launch(
        instance_types=types, subnets=[ec2.resources().subnet_ids[A]]
    )
    slept, sleep = [], asyncio.sleep

    def spy(seconds, *result):
        slept.append(sys._getframe(1).f_globals["__name__"])
        return sleep(seconds, *result)

    monkeypatch.setattr(asyncio, "sleep", spy)
    machine = await launched.next()
    assert machine.instance_type == "t3.xlarge"
    assert asked(ec2) == [(each, A) for each in types]
    assert all(request.error for request in ec2.requests("RunInstances")[:4])
    # Only AWS's own limit of requests, which others keep for us.
    assert "ec2spawner.launch.attempts" not in slept
    tokens = [r.params["ClientToken"] for r in ec2.requests("RunInstances")]
    assert (
        tokens == [a.client_token for a in launched.attempts] and len(set(tokens)) == 5
    )
    assert launched.told[-1] == f"No t3.large in {A} just now, trying t3.xlarge in {A}"


async def test_the_zone_that_ec2_recommends_comes_next(launch, ec2):
    ec2.set_capacity({f"t3.small/{A}": 0, f"t3.small/{B}": 0})
    launched = await launch()
    assert (await launched.next()).zone == C
    assert asked(ec2) == [("t3.small", A), ("t3.small", C)]
    assert launched.told == [f"No t3.small in {A} just now, trying {C}"]


async def test_what_is_sold_out_is_known_to_the_next_user(launch, ec2):
    ec2.set_capacity({f"t3.small/{A}": 0})
    await (await launch()).next()
    ec2.clear_requests()
    second = await launch()
    assert (await second.next()).zone == B
    assert asked(ec2) == [("t3.small", B)]
    assert second.told == [f"No t3.small in {A} just now, trying {B}"]


async def test_what_others_learn_while_it_waits_in_line_is_not_asked_for(
    launch, fleet, ec2, monkeypatch
):
    ec2.set_capacity({f"t3.small/{A}": 0})
    its_turn, take = asyncio.Event(), fleet.clients.throttle.take

    async def stand_in_line(action, resources=1):
        await its_turn.wait()
        await take(action, resources)

    waits, other = await launch(), await launch()
    with monkeypatch.context() as patch:
        patch.setattr(fleet.clients.throttle, "take", stand_in_line)
        waiting = asyncio.ensure_future(waits.next())
        while not waits.attempts:
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # it stands in line now
    assert (await other.next()).zone == B
    assert asked(ec2) == [("t3.small", A), ("t3.small", B)]
    assert [a.candidate.zone for a in waits.attempts] == [A]
    ec2.clear_requests()
    its_turn.set()
    assert (await waiting).zone == B
    assert asked(ec2) == [("t3.small", B)]
    assert waits.told == [f"No t3.small in {A} just now, trying {B}"]


async def test_when_all_are_known_to_be_sold_out_a_person_still_gets_a_try(launch, ec2):
    ec2.set_capacity({"*": 0})
    with pytest.raises(EC2SpawnError) as caught:
        await (await launch()).next()
    assert caught.value.reason == "capacity"
    for zone in (A, B, C):
        assert zone in caught.value.log_message
    ec2.set_capacity({})
    ec2.clear_requests()
    assert (await (await launch()).next()).zone == A


@pytest.mark.slow
async def test_a_class_without_capacity_does_not_ask_for_each_candidate_each(
    launch, ec2
):
    ec2.set_capacity({"*": 0})
    launches = [await launch() for _ in range(8)]
    results = await asyncio.gather(
        *(launched.next() for launched in launches), return_exceptions=True
    )
    assert {r.reason for r in results} == {"capacity"}
    assert all(launched.way.refused for launched in launches)
    # 24 without what they tell each other. What left together cannot know.
    assert len(asked(ec2)) <= 16


async def test_a_quota_leaves_only_candidates_of_another(launch, ec2):
    ec2.change_settings(vcpu_quota={"standard": 1})
    launched = await launch(instance_types=["t3.small", "m5.large", "g4dn.xlarge"])
    assert (await launched.next()).instance_type == "g4dn.xlarge"
    assert asked(ec2) == [("t3.small", A), ("g4dn.xlarge", A)]
    assert "limit for t3.small is reached, trying g4dn.xlarge" in launched.told[0]


async def test_a_quota_of_spot_machines_is_not_that_of_others(launch, ec2):
    ec2.change_settings(vcpu_quota={"spot:standard": 1})
    launched = await launch(market="spot-then-on-demand")
    assert (await launched.next()).market == "on-demand"
    assert len(asked(ec2)) == 2


async def test_spot_is_tried_everywhere_before_what_costs_more(launch, ec2):
    ec2.set_capacity({"spot:*": 0})
    launched = await launch(market="spot-then-on-demand")
    assert (await launched.next()).market == "on-demand"
    assert asked(ec2) == [("t3.small", zone) for zone in (A, B, C, A)]
    assert launched.told[-1].endswith(f"trying on-demand t3.small in {A}")


async def test_a_spot_machine_is_had_when_there_is_one(launch, ec2):
    ec2.set_capacity({"on-demand:*": 0})
    assert (await (await launch(market="spot")).next()).market == "spot"


async def test_types_of_another_processor_are_not_even_asked_for(launch, ec2):
    types = ["m7g.large", "m7i.large"]
    machine = await (await launch(instance_types=types)).next()
    assert machine.instance_type == "m7i.large"
    arm = ec2.resources().image_id_arm
    machine = await (await launch(instance_types=types, image_id=arm)).next()
    assert machine.instance_type == "m7g.large"
    assert all(r.error is None for r in ec2.requests("RunInstances"))


async def test_what_does_not_change_is_asked_for_once(launch, ec2):
    for _ in range(3):
        await (await launch()).next()
    assert len(ec2.requests("DescribeSubnets")) == 1
    assert len(ec2.requests("DescribeInstanceTypes")) == 1


async def test_without_the_right_to_know_zones_launches_work_in_other_words(
    launch, ec2
):
    ec2.add_fault(Fault("DescribeSubnets", error=("UnauthorizedOperation", 403)))
    ec2.set_capacity({f"t3.small/{A}": 0})
    launched = await launch()
    assert (await launched.next()).zone in (B, C)
    assert launched.told == ["No t3.small there just now, trying another zone"]
    await (await launch()).next()
    assert len(ec2.requests("DescribeSubnets")) == 1


# -- answers in doubt ----------------------------------------------------------


def in_zone(ec2, zone, **kinds):
    subnet = ec2.resources().subnet_ids[zone]
    return Fault("RunInstances", match={"NetworkInterface.1.SubnetId": subnet}, **kinds)


async def test_a_zone_in_doubt_is_asked_again_then_looked_at_then_left(launch, ec2):
    ec2.add_fault(in_zone(ec2, A, error=("InternalError", 500)))
    launched = await launch()
    assert (await launched.next()).zone == B
    assert asked(ec2) == [("t3.small", A)] * 3 + [("t3.small", B)]
    first = [r.params["ClientToken"] for r in ec2.requests("RunInstances")[:3]]
    assert set(first) == {launched.attempts[0].client_token} == set(launched.abandoned)
    looked = [
        r
        for r in ec2.requests("DescribeInstances")
        if first[0] in r.params.values() and "client-token" in r.params.values()
    ]
    assert looked


async def test_a_late_machine_of_an_attempt_left_in_doubt_is_ended_and_no_other(
    launch, fleet, ec2
):
    before = {m.instance_id for m in ec2.machines()}
    ec2.change_settings(consistency_seconds=600)
    ec2.add_fault(in_zone(ec2, A, lose_answer=True))
    launched = await launch()
    machine = await launched.next()
    assert machine.zone == B
    (token,) = launched.abandoned
    late = {m.instance_id for m in ec2.machines()} - before - {machine.id}
    assert len(late) == 1
    ec2.change_settings(consistency_seconds=0)
    fleet.terminate_later(Doomed(launched.launch_id, client_token=token))
    ended = await asyncio.wait_for(until_gone(fleet, type(machine)(late.pop(), "")), 60)
    assert ended.client_token == token
    assert ec2.machine(machine.id).state == "running"


async def test_the_end_of_an_attempt_that_made_nothing_ends_nothing(
    launch, fleet, ec2, monkeypatch
):
    monkeypatch.setattr(fleet_module, "CONSISTENCY_SECONDS", 0.5)
    ec2.add_fault(in_zone(ec2, A, error=("InternalError", 500)))
    launched = await launch()
    machine = await launched.next()
    buried = asyncio.Event()
    fleet.terminate_later(
        Doomed(launched.launch_id, client_token=launched.abandoned[0]),
        lambda _: buried.set(),
    )
    await asyncio.wait_for(buried.wait(), 60)
    assert ec2.machine(machine.id).state == "running"


async def test_a_launch_is_buried_with_all_machines_of_its_attempts(launch, fleet, ec2):
    before = {m.instance_id for m in ec2.machines()}
    ec2.change_settings(consistency_seconds=600)
    ec2.add_fault(in_zone(ec2, A, lose_answer=True))
    launched = await launch()
    await launched.next()
    ec2.change_settings(consistency_seconds=0)
    buried = asyncio.Event()
    fleet.terminate_later(Doomed(launched.launch_id), lambda _: buried.set())
    await asyncio.wait_for(buried.wait(), 60)
    made = [m for m in ec2.machines() if m.instance_id not in before]
    assert len(made) == 2
    assert {m.state for m in made} <= {"shutting-down", "terminated"}


async def test_while_ec2_shows_nothing_no_attempt_is_left(launch, ec2):
    launched = await launch()
    ec2.add_fault(Fault("RunInstances", error=("Unavailable", 503)))
    ec2.add_fault(Fault("DescribeInstances", error=("Unavailable", 503)))
    with pytest.raises(EC2SpawnError) as caught:
        await launched.next()
    assert caught.value.reason == "cloud"
    assert set(asked(ec2)) == {("t3.small", A)}
    assert not launched.abandoned and not launched.way.refused


async def test_when_two_zones_are_in_doubt_ec2_itself_is(launch, ec2):
    ec2.add_fault(Fault("RunInstances", error=("InternalError", 500)))
    launched = await launch()
    with pytest.raises(EC2SpawnError):
        await launched.next()
    assert {zone for _, zone in asked(ec2)} == {A, B}
    assert not launched.way.refused


# -- machines that die while they boot -----------------------------------------


async def test_a_machine_that_dies_for_want_of_capacity_is_followed_by_another(
    launch, fleet, ec2
):
    ec2.add_fault(Fault("RunInstances", state_reason=SOLD_OUT, times=1))
    launched = await launch()
    dead = await until_gone(fleet, await launched.next())
    assert launched.way.lost(dead)
    machine = await launched.next()
    assert (dead.zone, machine.zone) == (A, B)
    assert launched.told == [f"No t3.small in {A} just now, trying {B}"]
    # The next user need not find out.
    assert (await (await launch()).next()).zone == B


async def test_a_machine_that_fails_is_followed_by_one_other(launch, fleet, ec2):
    reason = ("Client.InternalError", "Client error on launch")
    ec2.add_fault(Fault("RunInstances", state_reason=reason))
    launched = await launch()
    assert launched.way.lost(await until_gone(fleet, await launched.next()))
    assert not launched.way.lost(await until_gone(fleet, await launched.next()))
    assert launched.way.refused


@pytest.mark.parametrize(
    "code",
    [
        "Client.VolumeLimitExceeded",
        "Client.InstanceInitiatedShutdown",
        "Server.SomethingNew",
    ],
)
async def test_no_other_candidate_mends_some_ends(launch, fleet, ec2, code):
    ec2.add_fault(Fault("RunInstances", state_reason=(code, "words"), times=1))
    launched = await launch()
    assert not launched.way.lost(await until_gone(fleet, await launched.next()))


async def test_a_machine_that_died_before_its_answer_came_is_not_made_again(
    launch, fleet, ec2
):
    before = {m.instance_id for m in ec2.machines()}
    ec2.add_fault(
        Fault("RunInstances", state_reason=SOLD_OUT, lose_answer=True, times=1)
    )
    launched = await launch()
    dead = await until_gone(fleet, await launched.next())
    assert dead.client_token == launched.attempts[0].client_token
    assert launched.way.lost(dead)
    machine = await launched.next()
    made = {m.instance_id for m in ec2.machines()} - before
    assert made == {dead.id, machine.id}
