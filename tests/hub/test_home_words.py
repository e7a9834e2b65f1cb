"""A home that cannot be had: every way in says why, and nothing is lost by it."""

import asyncio

import pytest

from ec2spawner.core.ids import owner_id
from ec2spawner.core.tags import HOME_TAG, HUB_TAG
from ec2spawner.demo.visitor import SpawnFailed, Visitor
from localec2 import Fault

from .conftest import api_of, eventually, living
from .test_homes import volumes  # noqa: F401

HUB_ID = "hub-of-homes-in-trouble"


@pytest.fixture
def client(cloud):
    return api_of(cloud)


@pytest.fixture
async def hub(make_quick_hub, ec2):
    """A hub with machines in one zone only, and an admin called boss."""
    first, *_ = sorted(ec2.resources().subnet_ids.items())
    hub = make_quick_hub(
        settings={
            "hub_id": HUB_ID,
            "home": "user",
            "home_size": 3,
            "subnets": [first[1]],
        },
        code="c.Authenticator.admin_users = {'boss'}",
    )
    hub.zone = first[0]
    await hub.start()
    return hub


def make_home(client, user, zone):
    """The home of somebody who has not been on this hub yet."""
    tags = {HUB_TAG: HUB_ID, HOME_TAG: owner_id(HUB_ID, user)}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    id = client.create_volume(
        AvailabilityZone=zone,
        Size=3,
        Encrypted=True,
        TagSpecifications=[{"ResourceType": "volume", "Tags": pairs}],
    )["VolumeId"]
    eventually(lambda: state_of(client, id) == "available")
    return id


def state_of(client, id):
    return client.describe_volumes(VolumeIds=[id])["Volumes"][0]["State"]


# -- troubles: each gives the words that are to be read ------------------------


async def elsewhere(hub, ec2, client):
    """Attached to a machine of somebody else's."""
    home = make_home(client, "elsewhere", hub.zone)
    machine = client.run_instances(
        ImageId=ec2.resources().image_id,
        InstanceType="t3.small",
        SubnetId=ec2.resources().subnet_ids[hub.zone],
        MinCount=1,
        MaxCount=1,
    )["Instances"][0]["InstanceId"]
    running = [{"Name": "instance-state-name", "Values": ["running"]}]

    def runs():
        ids = [machine]
        return client.describe_instances(InstanceIds=ids, Filters=running)[
            "Reservations"
        ]

    await asyncio.to_thread(eventually, runs)
    client.attach_volume(VolumeId=home, InstanceId=machine, Device="/dev/sdf")
    return f"Your home ({home}) is in use on machine {machine}. Stop the server"


async def shared(hub, ec2, client):
    """In use by another named server."""
    await hub.ready_server("shared", name="lab")
    return "is in use by your server 'lab', on machine i-"


async def far(hub, ec2, client):
    """In a zone where the hub has no machines."""
    others = sorted(set(ec2.resources().subnet_ids) - {hub.zone})
    make_home(client, "far", others[0])
    return "Please tell your hub's admin."


async def missing(hub, ec2, client):
    """Deleted by a person, and the database names it."""
    await hub.ready_server("missing")
    home = hub.remembers("missing").home_id
    await hub.stop_server("missing")
    await asyncio.to_thread(eventually, lambda: state_of(client, home) == "available")
    client.delete_volume(VolumeId=home)
    mine = [{"Name": "volume-id", "Values": [home]}]

    def gone():
        return not client.describe_volumes(Filters=mine)["Volumes"]

    await asyncio.to_thread(eventually, gone)
    return f"Your home ({home}) cannot be found. Nothing is started without it."


# -- ways in: each gives what a person or program reads ------------------------


async def by_form(hub, user):
    async with Visitor(hub.url, user, "any") as visitor:
        await visitor.log_in()
        with pytest.raises(SpawnFailed) as page:
            await visitor.choose("small")
        with pytest.raises(SpawnFailed) as progress:
            await visitor.ready()
        assert page.value.message == progress.value.message
        return page.value.message


async def by_an_admin(hub, user):
    async with Visitor(hub.url, "boss", "any") as boss:
        await boss.log_in()
        boss.name = user  # whose spawn page it is
        with pytest.raises(SpawnFailed) as page:
            await boss.choose("large")
        return page.value.message


async def by_the_api(hub, user, options={"profile": "small"}):
    status, answer = await hub.start_server(user, options=options)
    if status == 202:  # the Hub answers before the start has failed
        async with Visitor(hub.url, user, "any") as visitor:
            await visitor.log_in()
            with pytest.raises(SpawnFailed) as progress:
                await visitor.ready()
            return progress.value.message
    return answer["message"]


async def with_the_stored_choice(hub, user):
    return await by_the_api(hub, user, options=None)


async def by_a_link(hub, user):
    """It starts nothing anyway."""
    async with Visitor(hub.url, user, "any") as visitor:
        await visitor.log_in()
        _, page = await visitor._get(visitor.hub_url("spawn?opt-profile=large"))
        assert "A link has brought you here. Nothing is started by itself" in page
        with pytest.raises(SpawnFailed) as page:
            await visitor.choose(None)
        return page.value.message


TROUBLES = [elsewhere, shared, far, missing]
WAYS = [by_form, by_an_admin, by_the_api, with_the_stored_choice, by_a_link]


@pytest.mark.slow
async def test_every_way_in_tells_what_is_wrong_with_the_home_and_loses_nothing(
    hub, ec2, client, volumes  # noqa: F811
):
    words = {t.__name__: await t(hub, ec2, client) for t in TROUBLES}
    before = {v["VolumeId"]: (v["State"], v["Attachments"]) for v in volumes()}
    ec2.clear_requests()
    for user, sentence in words.items():
        for way in WAYS:
            told = await way(hub, user)
            assert sentence in told, (user, way.__name__)
            assert "Exception" not in told and "503" not in told
    assert ec2.requests("RunInstances") == []
    assert ec2.requests("DeleteVolume") == ec2.requests("CreateVolume") == []
    after = {v["VolumeId"]: (v["State"], v["Attachments"]) for v in volumes()}
    assert after == before
    assert (await hub.server("shared", "lab"))["ready"]


# -- a home that cannot be made ------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "code, sentence",
    [
        ("VolumeLimitExceeded", "has reached its limit of volumes, so your home"),
        ("MaxIOPSLimitExceeded", "has reached its limit of volumes, so your home"),
        ("CustomerKeyHasBeenRevoked", "refuses the key that encrypts your home"),
        ("KMS.DisabledException", "refuses the key that encrypts your home"),
    ],
)
async def test_a_home_that_ec2_refuses_is_told_in_a_sentence(
    hub, ec2, volumes, code, sentence  # noqa: F811
):
    user = code.lower()  # the homes of other tests are on the same EC2
    ec2.add_fault(Fault("CreateVolume", error=(code, 400)))
    assert sentence in await by_the_api(hub, user)
    assert volumes() == []
    await asyncio.to_thread(eventually, lambda: not living(ec2))
    ec2.clear_faults()
    await hub.ready_server(user)


@pytest.mark.slow
async def test_a_key_that_ec2_cannot_use_after_all_loses_nothing_and_can_be_mended(
    hub, ec2
):
    """EC2 looks at the key when it has already promised a volume, and takes it back."""
    gone = Fault(
        "DescribeVolumes",
        error=("InvalidVolume.NotFound", 400),
        match={"VolumeId.1": "*"},
    )
    ec2.change_settings(volume_seconds=2)
    ec2.add_fault(gone)
    await hub.start_server("dora")
    await hub.wait_gone("dora")
    assert "mostly the KMS key that encrypts homes" in hub.log
    assert not hub.remembers("dora").home
    await asyncio.to_thread(eventually, lambda: not living(ec2))
    ec2.clear_faults()
    await hub.ready_server("dora")
