"""Homes: a user's files outlive their machines, and nobody else gets them."""

import asyncio
import json

import pytest

from localec2 import Fault

from .conftest import api_of, eventually, living

HOME = {"home": "user", "home_size": 3}


@pytest.fixture
async def hub(make_quick_hub):
    """A hub whose users have homes."""
    hub = make_quick_hub(settings=HOME)
    await hub.start()
    return hub


@pytest.fixture
def volumes(cloud, ec2):
    """Lists the homes that this test has made; they are deleted after it."""
    client = api_of(cloud)

    def homes():
        pages = client.get_paginator("describe_volumes").paginate(
            Filters=[{"Name": "tag-key", "Values": ["ec2spawner:home"]}]
        )
        found = [v for page in pages for v in page["Volumes"]]
        return [v for v in found if v["VolumeId"] not in before]

    before = set()
    before |= {v["VolumeId"] for v in homes()}
    homes.client = client
    return homes


def the_machine(ec2):
    (machine,) = living(ec2)
    return machine


def home_of(machine):
    """The home directory of the server on a machine."""
    for pid in machine.pids:
        env = open(f"/proc/{pid}/environ").read().split("\0")
        values = dict(e.split("=", 1) for e in env if "=" in e)
        if "JUPYTERHUB_API_TOKEN" in values:
            return values["HOME"]
    raise AssertionError("no server runs on the machine")


def write(machine, text):
    with open(home_of(machine) + "/notes.txt", "w") as file:
        file.write(text)


def read(machine):
    with open(home_of(machine) + "/notes.txt") as file:
        return file.read()


@pytest.mark.slow
async def test_a_file_is_there_on_a_fresh_machine_of_another_size_and_image(
    make_quick_hub, ec2, volumes
):
    newer = volumes.client.copy_image(
        SourceImageId=ec2.resources().image_id,
        SourceRegion=volumes.client.meta.region_name,
        Name="newer",
    )["ImageId"]
    overrides = {
        "Small": {"instance_type": "t3.small"},
        "Large": {"instance_type": "t3.large", "image": newer},
    }
    profiles = [
        {"display_name": name, "ec2spawner_override": override}
        for name, override in overrides.items()
    ]
    hub = make_quick_hub(settings={**HOME, "profile_list": profiles})
    await hub.start()
    await hub.start_server("alice", options={"profile": "small"})
    await hub.wait_ready("alice")
    first = the_machine(ec2)
    write(first, "rain falls")
    await hub.stop_server("alice")
    await hub.start_server("alice", options={"profile": "large"})
    await hub.wait_ready("alice")
    second = the_machine(ec2)
    assert second.instance_id != first.instance_id
    assert ec2.requests("RunInstances")[-1].params["ImageId"] == newer
    assert read(second) == "rain falls"
    (home,) = volumes()
    assert home["Encrypted"] and home["VolumeType"] == "gp3" and home["Size"] == 3
    assert home["AvailabilityZone"] == first.zone == second.zone


@pytest.mark.slow
async def test_everybody_has_a_home_of_their_own(hub, ec2, volumes):
    for user in ("alice", "bob"):
        await hub.ready_server(user)
    one, other = living(ec2)
    write(one, "one")
    write(other, "other")
    assert (read(one), read(other)) == ("one", "other")
    assert len(volumes()) == 2


@pytest.mark.slow
async def test_a_machine_that_woke_up_has_its_home(make_quick_hub, ec2, volumes):
    hub = make_quick_hub(settings={**HOME, "on_stop": "stop"})
    await hub.start()
    await hub.ready_server("alice")
    machine = the_machine(ec2)
    write(machine, "rain falls")
    await hub.stop_server("alice")
    await hub.ready_server("alice")
    assert the_machine(ec2).instance_id == machine.instance_id
    assert read(the_machine(ec2)) == "rain falls"


@pytest.mark.slow
async def test_a_fresh_machine_takes_the_home_from_the_one_that_rests(
    make_quick_hub, ec2, volumes
):
    hub = make_quick_hub(settings={**HOME, "on_stop": "stop"})
    await hub.start()
    await hub.ready_server("alice")
    machine = the_machine(ec2)
    write(machine, "rain falls")
    await hub.stop_server("alice")
    ec2.add_fault(Fault("StartInstances", error=("InsufficientInstanceCapacity", 500)))
    await hub.ready_server("alice")
    fresh = [m for m in living(ec2) if m.state == "running"]
    assert [read(m) for m in fresh] == ["rain falls"]
    assert fresh[0].instance_id != machine.instance_id
    assert len(volumes()) == 1


async def test_a_hub_that_lost_its_database_finds_the_homes(hub, ec2, volumes):
    await hub.ready_server("alice")
    write(the_machine(ec2), "rain falls")
    await hub.stop_server("alice")
    hub.stop()
    (hub.folder / "jupyterhub.sqlite").unlink()
    await hub.start()
    await hub.ready_server("alice")
    assert read(the_machine(ec2)) == "rain falls"
    assert len(volumes()) == 1


@pytest.mark.slow
async def test_a_renamed_user_keeps_the_home_and_nobody_inherits_it(hub, ec2, volumes):
    await hub.ready_server("alice")
    write(the_machine(ec2), "rain falls")
    await hub.stop_server("alice")
    status, _ = await hub.api("PATCH", "/users/alice", {"name": "carol"})
    assert status == 200
    await hub.ready_server("alice")  # somebody new, with the old name
    with pytest.raises(FileNotFoundError):
        read(the_machine(ec2))
    await hub.stop_server("alice")
    await hub.ready_server("carol")
    assert read(the_machine(ec2)) == "rain falls"


@pytest.mark.slow
async def test_two_servers_of_a_user_cannot_share_a_home_at_once(hub, ec2, volumes):
    await hub.ready_server("alice")
    machine = the_machine(ec2)
    write(machine, "rain falls")
    await hub.start_server("alice", name="second")
    await hub.wait_gone("alice", name="second")
    assert f"your default server, on machine {machine.instance_id}" in hub.log
    assert read(machine) == "rain falls"
    await asyncio.to_thread(eventually, lambda: len(living(ec2)) == 1)


@pytest.mark.slow
async def test_with_a_home_for_each_server_they_run_side_by_side(
    make_quick_hub, ec2, volumes
):
    hub = make_quick_hub(settings={**HOME, "home": "server"})
    await hub.start()
    await hub.ready_server("alice")
    await hub.ready_server("alice", name="second")
    assert len(living(ec2)) == len(volumes()) == 2


@pytest.mark.slow
async def test_of_two_homes_none_is_guessed(hub, ec2, volumes):
    await hub.ready_server("alice")
    await hub.stop_server("alice")
    (home,) = volumes()
    volumes.client.create_volume(
        AvailabilityZone=home["AvailabilityZone"],
        Size=3,
        TagSpecifications=[{"ResourceType": "volume", "Tags": home["Tags"]}],
    )
    hub.stop()
    (hub.folder / "jupyterhub.sqlite").unlink()
    await hub.start()
    await hub.start_server("alice")
    await hub.wait_gone("alice")
    assert "all carry ec2spawner:home of one owner" in hub.log
    assert living(ec2) == []
    assert len(volumes()) == 2


@pytest.mark.slow
async def test_a_home_that_is_gone_is_not_replaced_in_silence(hub, ec2, volumes):
    await hub.ready_server("alice")
    await hub.stop_server("alice")
    (home,) = volumes()

    def free():
        return [v["State"] for v in volumes()] == ["available"]

    await asyncio.to_thread(eventually, free)
    volumes.client.delete_volume(VolumeId=home["VolumeId"])
    await hub.start_server("alice")
    await hub.wait_gone("alice")
    assert f"Home {home['VolumeId']}: " in hub.log
    assert living(ec2) == []


@pytest.mark.slow
async def test_a_home_grows_with_the_setting(make_quick_hub, ec2, volumes):
    hub = make_quick_hub(settings=HOME)
    await hub.start()
    await hub.ready_server("alice")
    await hub.stop_server("alice")
    hub.stop()
    options = json.loads((hub.folder / "options.json").read_text())
    options["spawner"]["home_size"] = 5
    (hub.folder / "options.json").write_text(json.dumps(options))
    await hub.start()
    await hub.ready_server("alice")
    assert [v["Size"] for v in volumes()] == [5]


@pytest.mark.slow
@pytest.mark.parametrize("action", ["CreateVolume", "AttachVolume"])
@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
async def test_a_lost_answer_makes_no_second_home(hub, ec2, volumes, action, lost):
    ec2.add_fault(Fault(action, times=1, **{lost: True}))
    await hub.ready_server("alice")
    write(the_machine(ec2), "rain falls")
    assert len(volumes()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("action", ["CreateVolume", "AttachVolume"])
async def test_a_hub_killed_at_a_home_goes_on_with_it(hub, ec2, volumes, action):
    ec2.add_fault(Fault(action, delay_answer=5, times=1))
    asked = asyncio.ensure_future(hub.start_server("alice"))

    def under_way():
        return any(r.action == action for r in ec2.requests())

    await asyncio.to_thread(eventually, under_way)
    hub.kill()
    await asyncio.gather(asked, return_exceptions=True)
    await hub.start()
    await hub.wait_ready("alice")
    write(the_machine(ec2), "rain falls")
    assert len(volumes()) == 1
