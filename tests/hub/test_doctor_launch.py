"""``ec2spawner doctor --launch``: a real machine looks for the Hub, which is down.

It needs machines that boot and claim: those of the local EC2 for hubs are processes.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket

import pytest

from ec2spawner.admin.doctor import app as doctor
from ec2spawner.admin.doctor.launch import machine
from ec2spawner.admin.doctor.launch.desk import Desk, Expected
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.hub_config import read_hub
from ec2spawner.core.tags import HUB_TAG, LEASE_TAG
from ec2spawner.ec2.errors.kinds import AMBIGUOUS
from localec2 import Fault

from .conftest import api_of, eventually, living

CONFIG = """
import ec2spawner
c = get_config()
ec2spawner.setup(c, idle_timeout=3600)
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = {port}
c.EC2Spawner.hub_id = "doctored"
c.EC2Spawner.region = {region!r}
c.EC2Spawner.endpoint_url = {url!r}
c.EC2Spawner.image = {image!r}
c.EC2Spawner.security_groups = [{group!r}]
c.EC2Spawner.subnets = {subnets!r}
# Machines of the local EC2 that are processes are not root's.
c.EC2Spawner.claims_as_root = False
c.EC2Spawner.sizes = {{"Large": "m7i.large", "Small": "t3.micro"}}
"""


@pytest.fixture
def hub(cloud, ec2, tmp_path, monkeypatch):
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(machine, "_LOOK_SECONDS", 0.1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = ec2.resources()
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(
        CONFIG.format(
            port=port,
            region=cloud.region,
            url=cloud.endpoint_url,
            image=world.image_id,
            group=world.security_group_id,
            subnets=list(world.subnet_ids.values()),
        )
    )
    made = read_hub(path)
    yield made
    eventually(lambda: not living(ec2))


def launched(hub):
    """What the row of the launch says."""
    (check,) = [c for c in doctor.examine(hub, True) if c.name == "launch"]
    return check.verdict, check.says


def test_a_machine_that_finds_the_hub_is_told_and_ended(cloud, hub, ec2):
    launch, apart = doctor.examine(hub, True)[-2:]
    says = launch.says
    assert launch.verdict is Verdict.OK and "claimed after" in says, says
    # A second one has claimed, too, and told whom it reaches.
    assert (apart.name, apart.verdict) == ("apart", Verdict.OK)
    assert "processes of this computer" in apart.says
    # Other tests' are gone, and EC2 lists them still.
    ids = [made.instance_id for made in ec2.machines()]
    found = api_of(cloud).describe_instances(InstanceIds=ids)["Reservations"]
    both = [each["Instances"][0] for each in found]
    # The smallest; and if nobody had ended them, the sweep would.
    assert [each["InstanceType"] for each in both] == ["t3.micro", "t3.micro"]
    assert any(each["InstanceId"] in says for each in both)
    for each in both:
        tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        assert tags[HUB_TAG] == "doctored" and LEASE_TAG in tags
    eventually(lambda: not living(ec2))


def test_nothing_is_launched_while_there_is_a_problem(hub, ec2):
    ec2.change_settings(denied=["RunInstances"])
    assert not [c for c in doctor.examine(hub, True) if c.name == "launch"]
    assert not living(ec2)


def test_without_capacity_its_words_are_told(hub, ec2):
    ec2.change_settings(capacity={"*": 0})
    verdict, says = launched(hub)
    assert verdict is Verdict.PROBLEM and "InsufficientInstanceCapacity" in says


def test_a_machine_that_ends_too_early_is_told_with_ec2s_reason(hub, ec2):
    broken = Fault("RunInstances", state_reason=["Client.InternalError", "no key"])
    ec2.add_fault(broken)
    verdict, says = launched(hub)
    assert verdict is Verdict.PROBLEM and "ended before it came to the Hub" in says


def test_a_second_machine_that_cannot_be_had_is_said_and_no_problem(hub, ec2):
    ec2.change_settings(capacity={"*": 1})
    claimed, apart = doctor.examine(hub, True)[-2:]
    assert claimed.verdict is Verdict.OK
    assert apart.verdict is Verdict.UNKNOWN
    assert "Whether machines reach port" in apart.says
    assert "InsufficientInstanceCapacity" in apart.says


def test_who_interrupts_it_leaves_no_machine(hub, ec2, monkeypatch):
    waiting = machine.TrialMachine.until_claimed

    async def interrupted(self, made):
        if len(living(ec2)) < 2:
            return await waiting(self, made)
        raise asyncio.CancelledError

    monkeypatch.setattr(machine.TrialMachine, "until_claimed", interrupted)
    with pytest.raises(asyncio.CancelledError):
        doctor.examine(hub, True)
    eventually(lambda: not living(ec2))


def test_a_machine_of_a_call_whose_answer_is_lost_is_ended(hub, ec2, monkeypatch):
    async def lost(lane, request, token):
        made = await run(lane, request, token)
        assert made.id
        raise machine.EC2Error("RunInstances", "x", "lost", AMBIGUOUS)

    run = machine.run_machine
    monkeypatch.setattr(machine, "run_machine", lost)
    verdict, says = launched(hub)
    assert verdict is Verdict.PROBLEM and "lost" in says
    eventually(lambda: not living(ec2))


def test_where_the_hub_runs_there_is_no_room_for_another(hub, ec2):
    with socket.socket() as other:
        other.bind(("", doctor.wants_of(hub).hub_port))
        other.listen()
        verdict, says = launched(hub)
    assert verdict is Verdict.UNKNOWN and "start a server instead" in says
    assert not living(ec2)


def test_the_place_of_the_hub_has_no_word_for_strangers(hub):
    port = doctor.wants_of(hub).hub_port

    def post(path, body):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    claim = {"launch_id": "l", "nonce": "right", "machine_key": "k"}
    route = "/hub/api/ec2spawner/claim"
    with Desk(port) as desk:
        machine = desk.expected["l"] = Expected("right")
        assert post(route, json.dumps({**claim, "nonce": "wrong"})) == (403, b"")
        assert post("/hub/api/ec2spawner/report", json.dumps(claim)) == (403, b"")
        assert post(route, "x" * 100_000) == (400, b"")
        assert post(route, json.dumps({**claim, "launch_id": "m"})) == (403, b"")
        assert machine.claimed is None
        assert post(route, json.dumps(claim)) == (202, b"")
        assert machine.claimed.address == "127.0.0.1"
