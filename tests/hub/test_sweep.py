"""Machines that no server owns are found and ended; all others are not."""

import asyncio

import boto3
import pytest

from .conftest import eventually, living

SETTINGS = {"sweep_interval": 1, "sweep_grace": 4, "hub_id": "hub-of-this-test"}


@pytest.fixture
def leak(cloud, ec2):
    """Makes machines as a Hub might have, that no database knows."""
    client = boto3.client(
        "ec2",
        region_name=cloud.region,
        endpoint_url=cloud.endpoint_url,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )

    def make(hub_id="hub-of-this-test", **tags):
        tags = {"ec2spawner:hub": hub_id, "ec2spawner:launch": "lost", **tags}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        answer = client.run_instances(
            ImageId=ec2.resources().image_id,
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}],
        )
        return answer["Instances"][0]["InstanceId"]

    return make


def ids(ec2):
    return {machine.instance_id for machine in living(ec2)}


async def test_a_leaked_machine_is_ended_and_nobody_elses(make_quick_hub, ec2, leak):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    (owned,) = ids(ec2)
    foreign = leak(hub_id="another-hub")
    kept = leak(**{"ec2spawner:keep": "true"})
    lost = leak()
    await asyncio.to_thread(eventually, lambda: lost not in ids(ec2))
    await asyncio.sleep(6)  # more than a grace: the others had their chance, too
    assert ids(ec2) == {owned, foreign, kept}
    assert f"Machine {lost} of launch lost has no server" in hub.log
    assert (await hub.server("alice"))["ready"]


async def test_a_machine_that_takes_long_to_boot_is_not_a_leak(make_quick_hub, ec2):
    ec2.change_settings(pending_seconds=10)
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    assert len(ec2.machines()) == 1


async def test_a_new_database_ends_no_machine_that_is_older(make_quick_hub, ec2):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    before = ids(ec2)
    hub.kill()
    (hub.folder / "jupyterhub.sqlite").unlink()
    await hub.start()
    await hub.api("POST", "/users/alice")
    await asyncio.sleep(8)
    assert ids(ec2) == before
    assert "Was the database replaced?" in hub.log
