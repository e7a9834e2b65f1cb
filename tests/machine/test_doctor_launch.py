"""``ec2spawner doctor --launch``: do security groups keep two users' machines apart?

Only machines that boot have security groups of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ec2spawner.admin.doctor import app as doctor
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.hub_config import read_hub

from ..hub.conftest import eventually, living
from ..hub.test_doctor_launch import CONFIG
from ..localec2.conftest import client

OURS = "c.EC2Spawner.claims_as_root = False"
ENCRYPTED = "c.JupyterHub.internal_ssl = True\nc.JupyterHub.trusted_alt_names = [{0!r}]"


async def certificates_of(app):
    """As a Hub makes them that starts."""
    app.init_internal_ssl()


@pytest.fixture
def launched(cloud, ec2, tmp_path, monkeypatch):
    """Starts doctor on a hub whose machines are in a group, and says what it says."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def launch(group: str, more: str = "", first_start: bool = False):
        with socket.socket() as free:
            free.bind((cloud.hub_address, 0))
            port = free.getsockname()[1]
        world = ec2.resources()
        path = Path(tmp_path / "jupyterhub_config.py")
        text = CONFIG.replace("127.0.0.1", cloud.hub_address).replace(OURS, more)
        path.write_text(
            text.format(
                port=port,
                region=cloud.region,
                url=cloud.endpoint_url,
                image=world.image_id,
                group=group,
                subnets=list(world.subnet_ids.values()),
            )
        )
        hub = read_hub(path)
        if first_start:
            doctor.hub_url(hub)
            asyncio.run(certificates_of(hub.app))
            hub = read_hub(path)
        found = [c for c in doctor.examine(hub, True) if c.name in ("launch", "apart")]
        eventually(lambda: not living(ec2), 60)
        return [(check.verdict, check.says) for check in found]

    return launch


@pytest.fixture
def group(cloud, ec2):
    """A group whose members reach each other, as the VPC's default group has it."""
    api, world = client(cloud), ec2.resources()
    of_machines = api.describe_security_groups(GroupIds=[world.security_group_id])
    vpc = of_machines["SecurityGroups"][0]["VpcId"]
    made = api.create_security_group(
        GroupName=f"wide-{os.getpid()}", Description="wide", VpcId=vpc
    )["GroupId"]
    rules = of_machines["SecurityGroups"][0]["IpPermissions"]
    own = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": made}]}
    api.authorize_security_group_ingress(GroupId=made, IpPermissions=[*rules, own])
    yield made

    def deleted():
        # Machines that have just ended are its members still.
        with contextlib.suppress(ClientError):
            api.delete_security_group(GroupId=made)
            return True

    eventually(deleted, 60)


@pytest.mark.slow
def test_groups_that_keep_machines_apart_are_told_from_those_that_do_not(
    launched, group, ec2
):
    _, (verdict, says) = launched(ec2.resources().security_group_id)
    assert verdict is Verdict.OK and "does not reach its port 8888" in says, says
    ((verdict, says),) = launched(group)
    assert verdict is Verdict.PROBLEM and "reaches port 8888 of" in says, says


@pytest.mark.slow
def test_machines_that_trust_the_hub_alone_are_tried_too(launched, cloud, ec2):
    group = ec2.resources().security_group_id
    more = ENCRYPTED.format(f"IP:{cloud.hub_address}")
    ((verdict, says),) = launched(group, more)
    assert verdict is Verdict.UNKNOWN and "no certificates" in says, says
    _, (verdict, says) = launched(group, more, first_start=True)
    assert verdict is Verdict.OK and "does not reach its port 8888" in says, says
