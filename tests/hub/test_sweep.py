"""Machines that no server owns are found and ended; all others are not."""

import asyncio
import time

import pytest

from ec2spawner.core.tags import (
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    KEEP_TAG,
    LAUNCH_TAG,
    LEASE_TAG,
    read_lease,
)
from localec2 import Fault

from .conftest import api_of, eventually, living

SETTINGS = {"sweep_interval": 1, "sweep_grace": 2, "hub_id": "hub-of-this-test"}


@pytest.fixture
def client(cloud):
    return api_of(cloud)


def pairs_of(hub_id="hub-of-this-test", **tags):
    tags = {HUB_TAG: hub_id, LAUNCH_TAG: "lost", **tags}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.fixture
def leak(client, ec2):
    """Makes machines as a Hub might have, that no database knows."""

    def make(**tags):
        answer = client.run_instances(
            ImageId=ec2.resources().image_id,
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": pairs_of(**tags)}],
        )
        return answer["Instances"][0]["InstanceId"]

    return make


@pytest.fixture
def spare_volume(client, ec2):
    """Makes volumes that no machine uses."""
    zone = sorted(ec2.resources().subnet_ids)[0]
    made = []

    def make(**tags):
        spec = [{"ResourceType": "volume", "Tags": pairs_of(**tags)}]
        answer = client.create_volume(
            AvailabilityZone=zone, Size=1, TagSpecifications=spec
        )
        made.append(answer["VolumeId"])
        return made[-1]

    yield make
    for volume in client.describe_volumes()["Volumes"]:
        if volume["VolumeId"] in made:
            client.delete_volume(VolumeId=volume["VolumeId"])


async def more_sweeps(ec2, count):
    """Wait until the Hub has looked for what is left over so often again."""

    def looked():
        return len([r for r in ec2.requests("DescribeAddresses") if r.status])

    before = await asyncio.to_thread(looked)
    await asyncio.to_thread(eventually, lambda: looked() >= before + count)


def ids(ec2):
    return {machine.instance_id for machine in living(ec2)}


@pytest.mark.slow
async def test_a_leaked_machine_is_ended_and_nobody_elses(make_quick_hub, ec2, leak):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    (owned,) = ids(ec2)
    foreign = leak(hub_id="another-hub")
    kept = leak(**{KEEP_TAG: "true"})
    lost = leak()
    await asyncio.to_thread(eventually, lambda: lost not in ids(ec2))
    await more_sweeps(ec2, 4)  # more than a grace: the others had their chance
    assert ids(ec2) == {owned, foreign, kept}
    assert f"Machine {lost} of launch lost has no server" in hub.log
    assert (await hub.server("alice"))["ready"]


@pytest.mark.slow
async def test_a_machine_that_takes_long_to_boot_is_not_a_leak(make_quick_hub, ec2):
    ec2.change_settings(pending_seconds=10)
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    assert len(ec2.machines()) == 1


@pytest.mark.slow
async def test_a_new_database_ends_no_machine_that_is_older(make_quick_hub, ec2):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    before = ids(ec2)
    hub.kill()
    (hub.folder / "jupyterhub.sqlite").unlink()
    await hub.start()
    await hub.api("POST", "/users/alice")
    await more_sweeps(ec2, 4)  # more than a grace
    assert ids(ec2) == before
    assert "database was moved or replaced" in hub.log


async def test_what_is_left_over_or_discarded_is_deleted_but_never_a_home(
    make_quick_hub, ec2, client, spare_volume
):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    (owned,) = living(ec2)
    stay = {
        spare_volume(**{HOME_TAG: "alice"}),
        spare_volume(**{KEEP_TAG: "true"}),
        spare_volume(hub_id="another-hub"),
    }
    lost = spare_volume()
    discarded = spare_volume(**{HOME_TAG: "bob", DISCARD_TAG: "1700000000"})
    nic = client.create_network_interface(
        SubnetId=next(iter(ec2.resources().subnet_ids.values())),
        TagSpecifications=[
            {
                "ResourceType": "network-interface",
                "Tags": pairs_of(**{LEASE_TAG: "2999-01-01T00:00:00Z"}),
            }
        ],
    )["NetworkInterface"]["NetworkInterfaceId"]

    def left():
        volumes = client.describe_volumes()["Volumes"]
        nics = client.describe_network_interfaces()["NetworkInterfaces"]
        return {v["VolumeId"] for v in volumes} | {
            n["NetworkInterfaceId"] for n in nics
        }

    await asyncio.to_thread(eventually, lambda: not {lost, discarded, nic} & left())
    await more_sweeps(ec2, 4)  # more than a grace: the others had their chance
    assert stay <= left()
    assert [m.instance_id for m in living(ec2)] == [owned.instance_id]
    assert (await hub.server("alice"))["ready"]


@pytest.mark.slow
async def test_a_machine_has_a_lease_from_its_first_moment_and_the_hub_renews_it(
    make_quick_hub, ec2
):
    settings = {**SETTINGS, "hub_silence_limit": 20}
    hub = make_quick_hub(settings=settings)
    await hub.start()
    before = time.time()
    await hub.ready_server("alice")
    await hub.ready_server("bob")
    runs = ec2.requests("RunInstances")
    for run in runs:
        specs = [tags_in_request(run.params, number) for number in (1, 2, 3)]
        assert all(read_lease(tags[LEASE_TAG]) > before + 10 for tags in specs)
    first = leases(ec2)

    def renewed():
        now = leases(ec2)
        return all(now[id] > until + 5 for id, until in first.items()) and now

    await asyncio.to_thread(eventually, renewed)
    ec2.clear_requests()
    second = leases(ec2)
    await asyncio.to_thread(
        eventually, lambda: all(leases(ec2)[i] > t for i, t in second.items())
    )
    # They have fallen into step: one call for both.
    for call in ec2.requests("CreateTags"):
        assert {call.params["ResourceId.1"], call.params["ResourceId.2"]} == set(first)


def tags_in_request(params, number):
    """The tags of the nth TagSpecification of a request, as it was sent."""
    start = f"TagSpecification.{number}.Tag."
    keys = {name: key for name, key in params.items() if name.startswith(start)}
    return {
        key: params[name.removesuffix("Key") + "Value"]
        for name, key in keys.items()
        if name.endswith(".Key")
    }


def leases(ec2):
    return {m.instance_id: read_lease(m.tags[LEASE_TAG]) for m in living(ec2)}


@pytest.mark.slow
async def test_a_lost_machine_gets_no_new_lease(make_quick_hub, ec2, leak):
    settings = {**SETTINGS, "hub_silence_limit": 4, "sweep_grace": 8}
    hub = make_quick_hub(settings=settings)
    await hub.start()
    lost = leak(**{LEASE_TAG: "2026-01-01T00:00:00Z"})
    await asyncio.to_thread(eventually, lambda: lost not in ids(ec2))
    tagged = [r.params["ResourceId.1"] for r in ec2.requests("CreateTags")]
    assert lost not in tagged


@pytest.mark.slow
async def test_a_hub_that_may_not_tag_or_look_still_sweeps_machines(
    make_quick_hub, ec2, leak
):
    denied = ("UnauthorizedOperation", 403)
    for action in ("CreateTags", "DescribeVolumes"):
        ec2.add_fault(Fault(action, error=denied))
    hub = make_quick_hub(settings={**SETTINGS, "hub_silence_limit": 4})
    await hub.start()
    await hub.ready_server("alice")
    (owned,) = ids(ec2)
    lost = leak()
    await asyncio.to_thread(eventually, lambda: lost not in ids(ec2))
    await hub.wait_until(
        lambda: said(hub, "Cannot renew the leases of 1 machines"), 30, "it says so"
    )
    assert hub.log.count("Cannot look for volumes") == 1  # not at every pass
    assert ids(ec2) == {owned}


async def said(hub, text):
    return text in hub.log


@pytest.mark.slow
async def test_a_machine_is_ended_when_its_user_was_deleted_with_its_tombstone(
    make_quick_hub, ec2
):
    """The Hub deletes the row that remembers what could not be ended."""
    hub = make_quick_hub(settings={**SETTINGS, "stop_timeout": 1})
    await hub.start()
    await hub.ready_server("alice")
    (lost,) = ids(ec2)
    ec2.add_fault(Fault("TerminateInstances", error=("InternalError", 500)))
    await hub.stop_server("alice")
    assert hub.remembers("alice").doomed
    status, answer = await hub.api("DELETE", "/users/alice")
    assert status == 204, answer
    hub.kill()
    ec2.clear_faults()
    assert ids(ec2) == {lost}
    await hub.start()
    await asyncio.to_thread(eventually, lambda: not ids(ec2))
    assert f"Machine {lost} of launch" in hub.log
