"""Launches and ends, call by call, against a local EC2 that misbehaves."""

import asyncio

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.ids import new_launch_id
from ec2spawner.core.state import Doomed
from ec2spawner.ec2.inventory import view
from ec2spawner.fleet import fleet as module
from ec2spawner.launch.attempts import Reporter
from ec2spawner.launch.plan import LaunchIdentity, plan_launch
from ec2spawner.settings import LaunchSettings
from localec2 import AWS_THROTTLE, Fault, ListingFault


@pytest.fixture
def launch(fleet, ec2):
    """Launches a machine as a start does; keeps what was saved and told."""
    world = ec2.resources()

    async def run(**settings):
        settings.setdefault("subnets", list(world.subnet_ids.values()))
        settings.setdefault("instance_type", "t3.small")
        image = await fleet.images.resolve(world.image_id, [])
        who = LaunchIdentity(fleet.hub_id, "server", new_launch_id())
        wanted = LaunchSettings(**settings)
        region = await fleet.catalog.region(wanted.types, wanted.subnets)
        plan = plan_launch(wanted, image, who, b"#!/bin/sh\n", region)
        run.saved, run.abandoned, run.told = [], [], []
        run.launch_id = who.launch_id

        def save(attempt):
            requests = ec2.requests("RunInstances")
            run.sent_before.append(len(requests))
            run.saved.append(attempt.client_token)

        run.sent_before = []
        reporter = Reporter(
            save,
            run.abandoned.append,
            run.told.append,
        )
        run.way = fleet.attempts(plan, reporter)
        return await run.way.next()

    return run


def state_of(ec2, machine):
    return ec2.machine(machine.id).state


async def test_the_first_answer_has_the_address_and_the_tags(launch, ec2):
    machine = await launch()
    assert machine.private_ip == ec2.machine(machine.id).private_ip
    assert machine.launch_id == launch.launch_id
    assert len(launch.saved) == 1


async def test_each_candidate_has_a_token_of_its_own_saved_before_its_call(launch, ec2):
    ec2.add_fault(
        Fault("RunInstances", error=("InsufficientInstanceCapacity", 500), times=2)
    )
    await launch()
    sent = [r.params["ClientToken"] for r in ec2.requests("RunInstances")]
    assert sent == launch.saved
    assert launch.sent_before == [0, 1, 2]
    assert len(set(sent)) == 3
    assert len(launch.told) == 2
    assert all("No t3.small in us-west-2" in text for text in launch.told)


async def test_when_no_candidate_is_left_the_last_reason_is_told(launch, ec2):
    ec2.set_capacity({"*": 0})
    with pytest.raises(EC2SpawnError) as caught:
        await launch()
    assert caught.value.reason == "capacity"
    assert len(ec2.requests("RunInstances")) == 3


async def test_a_fatal_error_is_not_tried_elsewhere(launch, ec2):
    ec2.add_fault(Fault("RunInstances", error=("UnauthorizedOperation", 403)))
    with pytest.raises(EC2SpawnError) as caught:
        await launch()
    assert caught.value.reason == "permission"
    assert len(ec2.requests("RunInstances")) == 1


async def test_a_class_that_logs_in_together_is_never_throttled(launch, fleet, ec2):
    before = {m.instance_id for m in ec2.machines()}
    ec2.change_settings(throttle=AWS_THROTTLE)
    machines = await asyncio.gather(*(launch() for _ in range(15)))
    assert {m.instance_id for m in ec2.machines()} - before == {m.id for m in machines}
    assert len(ec2.requests("RunInstances")) == 15
    assert all(r.error is None for r in ec2.requests("RunInstances"))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("RunInstances", lose_request=True, times=2),
        Fault("RunInstances", lose_answer=True, times=2),
        Fault("RunInstances", error=("InternalError", 500), times=2),
        Fault("RunInstances", error=("SomethingNew", 502), times=2),
    ],
    ids=["lost request", "lost answer", "internal error", "unknown 5xx"],
)
async def test_a_doubtful_answer_repeats_the_identical_call(launch, ec2, fault):
    before = {m.instance_id for m in ec2.machines()}
    ec2.add_fault(fault)
    machine = await launch()
    sent = ec2.requests("RunInstances")
    assert len(sent) == 3
    assert len({frozenset(r.params.items()) for r in sent}) == 1
    assert {m.instance_id for m in ec2.machines()} - before == {machine.id}


async def test_a_machine_not_yet_visible_is_not_taken_for_gone(
    launch, fleet, ec2, monkeypatch
):
    ec2.change_settings(consistency_seconds=4)
    machine = await launch()
    # EC2 answers InvalidInstanceID.NotFound, and lists nothing, for four seconds.
    assert not await fleet.terminate(machine.id, timeout=1)
    assert await fleet.terminate(machine.id, timeout=20)
    await asyncio.sleep(0.5)
    assert state_of(ec2, machine) in ("shutting-down", "terminated")


async def test_what_ec2_has_not_had_for_long_enough_is_gone(fleet, monkeypatch):
    monkeypatch.setattr(view, "CONSISTENCY_SECONDS", 1.0)
    monkeypatch.setattr(view, "_ASK_SECONDS", 0.1)
    assert await fleet.terminate("i-0123456789abcdef0", timeout=60)


async def test_a_burial_goes_on_until_ec2_confirms(launch, fleet, ec2, monkeypatch):
    monkeypatch.setattr(module, "_TERMINATION_SECONDS", (0.1,))
    monkeypatch.setattr(module, "CONSISTENCY_SECONDS", 0.5)
    machine = await launch()
    ec2.add_fault(Fault("TerminateInstances", error=("Unavailable", 503)))
    buried = asyncio.Event()
    fleet.terminate_later(Doomed(launch.launch_id, machine.id), lambda _: buried.set())
    await asyncio.sleep(2)
    assert not buried.is_set()
    ec2.clear_faults()
    await asyncio.wait_for(buried.wait(), 30)
    assert state_of(ec2, machine) in ("shutting-down", "terminated")


async def test_a_launch_without_a_known_machine_is_buried_by_its_tag(
    launch, fleet, ec2
):
    machine = await launch()
    buried = asyncio.Event()
    fleet.terminate_later(Doomed(launch.launch_id), lambda _: buried.set())
    await asyncio.wait_for(buried.wait(), 30)
    assert state_of(ec2, machine) in ("shutting-down", "terminated")


async def test_listing_goes_through_every_page(launch, fleet, ec2, monkeypatch):
    from ec2spawner.ec2.inventory import listing

    monkeypatch.setattr(listing, "_PAGE", 5)
    made = {(await launch()).id for _ in range(7)}
    listed = await listing.list_machines(fleet.clients.reading, fleet.hub_id)
    assert made <= set(listed)
    assert len(ec2.requests("DescribeInstances")) >= 2


async def test_a_machine_of_another_hub_is_never_listed(launch, fleet, cloud):
    from ec2spawner.ec2.inventory.listing import list_machines

    machine = await launch()
    assert machine.id not in await list_machines(fleet.clients.reading, "other-hub")


async def test_a_console_without_words_is_told_from_one_that_ec2_does_not_give(
    launch, fleet, ec2
):
    machine = await launch()
    tail = await fleet.console_tail(machine.id)
    assert tail == "(the console is empty so far)"
    assert "no console output" in await fleet.console_tail("i-0123456789abcdef0")


async def test_closing_a_fleet_leaves_its_machines_alone(launch, fleet, ec2):
    machine = await launch()
    fleet.close()
    await asyncio.sleep(0.5)
    assert state_of(ec2, machine) == "running"


async def test_a_class_that_leaves_together_is_ended_by_one_request(launch, fleet, ec2):
    machines = [await launch() for _ in range(4)]
    unknown = "i-0123456789abcdef0"
    ended = await asyncio.gather(
        *(fleet.terminate(m.id, timeout=20) for m in machines),
        fleet.terminate(unknown, timeout=0),
    )
    assert ended == [True] * 4 + [False]
    # The second lacks the machine that EC2 did not know.
    assert len(ec2.requests("TerminateInstances")) == 2


async def test_listings_are_parsed_in_a_thread_of_their_own(launch, fleet, monkeypatch):
    import threading

    from ec2spawner.ec2 import machines

    await launch()
    parsed_in = set()
    read_machine = machines.read_machine

    def spy(*sent):
        parsed_in.add(threading.current_thread().name)
        return read_machine(*sent)

    monkeypatch.setattr(machines, "read_machine", spy)
    await fleet.inventory.next(20)
    assert parsed_in and all(name.startswith("ec2-read") for name in parsed_in)


async def test_what_has_not_changed_since_the_last_listing_is_not_read_again(
    launch, fleet, ec2, monkeypatch
):
    from ec2spawner.ec2 import machines

    made = [await launch() for _ in range(3)]
    await fleet.inventory.next(20)
    while any(fleet.inventory.get(m.id).state != "running" for m in made):
        await fleet.inventory.next(20)
    read = []
    read_machine = machines.read_machine

    def spy(instance, *rest):
        read.append(instance["InstanceId"])
        return read_machine(instance, *rest)

    monkeypatch.setattr(machines, "read_machine", spy)
    await fleet.inventory.next(20)
    assert read == [] and {m.id for m in made} <= set(fleet.inventory.listing.machines)
    await fleet.terminate(made[0].id, 20)
    await fleet.inventory.next(20)
    assert set(read) == {made[0].id} and fleet.inventory.get(made[0].id).gone


@pytest.fixture
def small_pages(monkeypatch):
    from ec2spawner.ec2.inventory import listing

    monkeypatch.setattr(listing, "_PAGE", 5)
    return lambda fleet: listing.list_machines(fleet.clients.reading, fleet.hub_id)


@pytest.mark.parametrize(
    "code, message",
    [
        ("InvalidParameterValue", "Unable to parse pagination token"),
        ("InvalidNextToken", "The token is invalid"),
    ],
)
async def test_a_listing_whose_next_page_is_lost_begins_anew(
    launch, fleet, ec2, small_pages, code, message
):
    made = {(await launch()).id for _ in range(7)}
    expired = Fault(
        "DescribeInstances",
        error=(code, 400, message),
        match={"NextToken": "*"},
        times=1,
    )
    ec2.add_fault(expired)
    ec2.clear_requests()
    assert set(await small_pages(fleet)) == made
    assert len(ec2.requests("DescribeInstances")) == 4  # two pages, twice


@pytest.mark.parametrize("wrong", [{"reorder": True}, {"repeat": True}])
async def test_pages_in_another_order_or_twice_are_one_listing(
    launch, fleet, ec2, small_pages, wrong
):
    made = {(await launch()).id for _ in range(7)}
    ec2.add_fault(Fault("DescribeInstances", listing=ListingFault(**wrong)))
    assert set(await small_pages(fleet)) == made


async def test_ids_that_ec2_does_not_know_spoil_no_question_about_others(
    launch, fleet, ec2
):
    from ec2spawner.ec2.machines import machines_by_id

    made = [(await launch()).id for _ in range(3)]
    unknown = [f"i-0123456789abcdef{n}" for n in range(3)]
    odd = ["not-an-id"]
    asked = [unknown[0], made[0], *odd, made[1], *unknown[1:], made[2]]
    found = await machines_by_id(fleet.clients.reading, asked)
    assert set(found) == set(made)
