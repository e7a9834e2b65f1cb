"""Volumes, network interfaces, addresses and tags, call by call."""

import boto3
import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.tags import DISCARD_TAG, HOME_TAG, HUB_TAG, LAUNCH_TAG, LEASE_TAG
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.inventory.listing import list_machines
from ec2spawner.ec2.resources import (
    ResourceKind,
    create_tags,
    delete_resource,
    list_resources,
)
from localec2 import Fault

LEASE = "2026-11-22T17:00:00Z"


@pytest.fixture
def client(cloud, monkeypatch):
    return boto3.client(
        "ec2",
        region_name=cloud.region,
        endpoint_url=cloud.endpoint_url,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


@pytest.fixture
def made(client, ec2, fleet):
    """Makes things with tags, and takes away what is left of them."""
    world, undo = ec2.resources(), []

    def spec(kind, hub=fleet.hub_id, **tags):
        tags = {HUB_TAG: hub, LAUNCH_TAG: "lost", LEASE_TAG: LEASE, **tags}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        return [{"ResourceType": kind, "Tags": pairs}]

    def volume(**tags):
        id = client.create_volume(
            AvailabilityZone=sorted(world.subnet_ids)[0],
            Size=1,
            TagSpecifications=spec("volume", **tags),
        )["VolumeId"]
        undo.append(lambda: client.delete_volume(VolumeId=id))
        return id

    def interface(**tags):
        id = client.create_network_interface(
            SubnetId=next(iter(world.subnet_ids.values())),
            TagSpecifications=spec("network-interface", **tags),
        )["NetworkInterface"]["NetworkInterfaceId"]
        undo.append(lambda: client.delete_network_interface(NetworkInterfaceId=id))
        return id

    def address(**tags):
        id = client.allocate_address(
            Domain="vpc", TagSpecifications=spec("elastic-ip", **tags)
        )["AllocationId"]
        undo.append(lambda: client.release_address(AllocationId=id))
        return id

    def machine(hub=fleet.hub_id):
        kinds = ("instance", "volume", "network-interface")
        instance = client.run_instances(
            ImageId=world.image_id,
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[s for kind in kinds for s in spec(kind, hub)],
        )["Instances"][0]["InstanceId"]
        undo.append(lambda: client.terminate_instances(InstanceIds=[instance]))
        return instance

    def snapshot(of, **tags):
        id = client.create_snapshot(
            VolumeId=of, TagSpecifications=spec("snapshot", **tags)
        )["SnapshotId"]
        undo.append(lambda: client.delete_snapshot(SnapshotId=id))
        return id

    made = {
        "snapshot": snapshot,
        "volume": volume,
        "interface": interface,
        "address": address,
        "machine": machine,
    }
    yield made
    for step in undo:
        try:
            step()
        except client.exceptions.ClientError:
            pass  # the test has deleted it


async def resources(fleet):
    return {p.id: p for p in await list_resources(fleet.clients.reading, fleet.hub_id)}


async def test_what_nothing_uses_can_be_told_from_what_is_in_use(fleet, made):
    lost = {made["volume"](), made["interface"](), made["address"]()}
    machine = made["machine"]()
    made["volume"](hub="another-hub")
    found = await resources(fleet)
    assert {p.id for p in found.values() if not p.spared} == lost
    used = {p.kind: p.used_by for p in found.values() if p.spared}
    assert used == {ResourceKind.VOLUME: machine, ResourceKind.INTERFACE: machine}
    assert all(p.launch_id == "lost" and p.lease_until for p in found.values())


async def test_a_home_and_what_a_person_keeps_are_spared(fleet, made):
    made["volume"](**{HOME_TAG: "alice"}), made["address"](
        **{"ec2spawner:keep": "true"}
    )
    assert all(resource.spared for resource in (await resources(fleet)).values())


async def test_of_snapshots_only_those_that_are_discarded_count(fleet, made):
    home = made["volume"](**{HOME_TAG: "alice"})
    made["snapshot"](home, **{HOME_TAG: "alice"})
    discarded = made["snapshot"](home, **{DISCARD_TAG: "1700000000"})
    found = await resources(fleet)
    assert set(found) == {home, discarded}
    assert found[discarded].discarded_at == 1700000000.0


async def test_a_discarded_home_is_deleted_at_once_and_so_is_a_snapshot(fleet, made):
    home = made["volume"](**{HOME_TAG: "alice"})
    snapshot = made["snapshot"](home, **{HOME_TAG: "alice"})
    assert (await fleet.homes.find("alice", "")).id == home
    await fleet.homes.discard([home, snapshot])
    assert not [p for p in (await resources(fleet)).values() if not p.gone]


async def test_a_discarded_home_that_cannot_be_deleted_yet_is_nobodys_home(
    fleet, made, ec2
):
    home = made["volume"](**{HOME_TAG: "alice"})
    ec2.add_fault(Fault("DeleteVolume", error=("VolumeInUse", 400)))
    await fleet.homes.discard([home])
    assert (await resources(fleet))[home].discarded
    assert await fleet.homes.find("alice", "") is None
    with pytest.raises(EC2SpawnError, match="it was given up"):
        await fleet.homes.find("alice", home)


async def test_a_home_that_the_database_knows_as_anothers_is_not_found_by_its_tag(
    fleet, made
):
    old, new = (made["volume"](**{HOME_TAG: "alice"}) for _ in range(2))
    assert (await fleet.homes.find("alice", "", lambda: {old})).id == new
    assert await fleet.homes.find("alice", "", lambda: {old, new}) is None
    with pytest.raises(EC2SpawnError, match="EC2 does not know it"):
        await fleet.homes.find("alice", "vol-0123456789abcdef0", lambda: {old, new})


async def test_a_home_that_cannot_be_tagged_is_not_deleted(fleet, made, ec2):
    home = made["volume"](**{HOME_TAG: "alice"})
    ec2.add_fault(Fault("CreateTags", error=("UnauthorizedOperation", 403)))
    with pytest.raises(EC2Error):
        await fleet.homes.discard([home])
    assert (await fleet.homes.find("alice", home)).id == home


async def test_a_home_that_moved_is_found_although_the_database_names_the_old_one(
    fleet, made
):
    old, new = (made["volume"](**{HOME_TAG: "alice"}) for _ in range(2))
    await fleet.homes.discard([old])
    assert (await fleet.homes.find("alice", old)).id == new


@pytest.mark.parametrize("kind", ["volume", "interface", "address"])
async def test_a_part_is_deleted(fleet, made, kind):
    lost = made[kind]()
    await delete_resource(fleet.clients.killing, (await resources(fleet))[lost])
    assert lost not in await resources(fleet)


async def test_ec2_itself_refuses_to_delete_what_is_in_use(fleet, made):
    made["machine"]()
    for resource in (await resources(fleet)).values():
        with pytest.raises(EC2Error):
            await delete_resource(fleet.clients.killing, resource)


async def leases(fleet):
    machines = await list_machines(fleet.clients.reading, fleet.hub_id)
    return {m.id: m.tags.get(LEASE_TAG) for m in machines.values() if not m.gone}


async def test_many_machines_are_tagged_in_one_call(fleet, made, ec2):
    ids = [made["machine"]() for _ in range(5)]
    ec2.clear_requests()
    assert await create_tags(fleet.clients.reading, ids, {LEASE_TAG: "then"}) == []
    assert await leases(fleet) == dict.fromkeys(ids, "then")
    assert len(ec2.requests("CreateTags")) == 1


async def test_an_id_that_ec2_does_not_know_keeps_no_other_from_its_tag(fleet, made):
    ids = [made["machine"]() for _ in range(4)]
    missing = "i-0123456789abcdef0"
    wanted = [*ids[:2], missing, *ids[2:]]
    unknown = await create_tags(fleet.clients.reading, wanted, {LEASE_TAG: "then"})
    assert unknown == [missing]
    assert await leases(fleet) == dict.fromkeys(ids, "then")


async def test_other_errors_of_tagging_are_told(fleet, made, ec2):
    machine = made["machine"]()
    ec2.add_fault(Fault("CreateTags", error=("UnauthorizedOperation", 403)))
    with pytest.raises(EC2Error, match="UnauthorizedOperation"):
        await create_tags(fleet.clients.reading, [machine], {LEASE_TAG: "then"})
