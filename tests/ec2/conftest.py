"""Our EC2 calls against a local EC2 without machines behind its instances."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ec2spawner.admin.doctor.look import ask
from ec2spawner.admin.hub_config import Hub
from ec2spawner.ec2.clients import Account
from ec2spawner.fleet.fleet import Fleet, FleetKey
from localec2 import LocalCloudProcess, LocalControl, LocalSettings

from ..hub.conftest import eventually, living
from ..localec2.conftest import client
from .tutorial_network import Network, make_hub, make_network

SETTINGS = LocalSettings(
    machines="none", pending_seconds=0.1, volume_seconds=0, regions=("eu-west-1",)
)


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloudProcess]:
    with LocalCloudProcess(SETTINGS) as started:
        yield started


@pytest.fixture
def ec2(cloud: LocalCloudProcess) -> Iterator[LocalControl]:
    cloud.control.clear_requests()
    yield cloud.control
    cloud.control.clear_faults()
    cloud.control.change_settings(**SETTINGS.as_dict())
    # What others count next, quotas for example, is of their own.
    for machine in living(cloud.control):
        its_region = client(cloud, region_name=machine.region)
        its_region.terminate_instances(InstanceIds=[machine.instance_id])
    eventually(lambda: not living(cloud.control))


@pytest.fixture
async def fleet(
    cloud: LocalCloudProcess, ec2: LocalControl, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Fleet]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", cloud.endpoint_url)
    key = FleetKey(
        f"hub-{secrets.token_hex(4)}", Account(cloud.region, cloud.endpoint_url)
    )
    made = Fleet(key, fast=0.1, slow=1, log=logging.getLogger("test"))
    yield made
    made.close()


@pytest.fixture
def network(
    cloud: LocalCloudProcess, ec2: LocalControl, monkeypatch: pytest.MonkeyPatch
) -> Network:
    """What an admin has made before the hub."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    # This computer is the Hub's, whatever its addresses are.
    monkeypatch.setattr(ask, "is_here", lambda address: True)
    return make_network(cloud.region)


@pytest.fixture
def hub(
    cloud: LocalCloudProcess, network: Network, tmp_path: Path
) -> Callable[..., Hub]:
    """Writes a configuration and reads it as the commands do."""

    def make(**given: object) -> Hub:
        return make_hub(tmp_path / "jupyterhub_config.py", cloud, network, **given)

    return make
