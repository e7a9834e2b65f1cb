"""One local EC2 for all tests here, and hubs that use it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from localec2 import LocalCloudProcess, LocalControl, LocalSettings
from localec2.client import MachineInfo

from .hub_process import TINY_SERVER, HubProcess

SETTINGS = LocalSettings(pending_seconds=0.2)

MakeHub = Callable[..., HubProcess]


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloudProcess]:
    with LocalCloudProcess(SETTINGS) as started:
        yield started


class FreshEC2(LocalControl):
    """An EC2 as one test sees it: what was there before it, it does not see."""

    def __init__(self, endpoint_url: str) -> None:
        super().__init__(endpoint_url)
        self._before = {m.instance_id for m in super().machines()}

    def machines(self, state: str | None = None) -> list[MachineInfo]:
        found = super().machines(state)
        return [m for m in found if m.instance_id not in self._before]


@pytest.fixture
def ec2(cloud: LocalCloudProcess) -> Iterator[LocalControl]:
    """The EC2 behind the hubs of this test, with nothing in it and no faults."""
    control = FreshEC2(cloud.endpoint_url)
    control.clear_requests()
    yield control
    control.clear_faults()
    control.change_settings(**SETTINGS.as_dict())
    terminate(cloud, [machine.instance_id for machine in living(control)])
    eventually(lambda: not living(control))


@pytest.fixture
def make_hub(
    cloud: LocalCloudProcess, ec2: LocalControl, tmp_path: Path
) -> Iterator[MakeHub]:
    """Makes hubs, not yet started, whose servers are JupyterLab."""
    made: list[HubProcess] = []

    def make(**options: Any) -> HubProcess:
        folder = tmp_path / f"hub-{len(made)}"
        folder.mkdir()
        made.append(HubProcess(folder, cloud, **options))
        return made[-1]

    yield make
    for hub in made:
        hub.kill()


@pytest.fixture
def make_quick_hub(make_hub: MakeHub) -> MakeHub:
    """Makes hubs whose servers are ready in a moment, for all but Jupyter itself."""

    def make(settings: dict[str, Any] | None = None, **options: Any) -> HubProcess:
        quick = {"cmd": [sys.executable, str(TINY_SERVER)], **(settings or {})}
        return make_hub(settings=quick, **options)

    return make


class Gate:
    """What a server waits for before it is ready, so that its start can be watched.

    Who comes when a server is ready already is shown no steps.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {"GATE": str(path)}

    def open(self, *_: Any) -> None:
        self.path.touch()

    def close(self) -> None:
        self.path.unlink()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "open")


@pytest.fixture
async def quick_hub(make_quick_hub: MakeHub) -> HubProcess:
    hub = make_quick_hub()
    await hub.start()
    return hub


@pytest.fixture(scope="module")
def idle_hub(
    cloud: LocalCloudProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HubProcess]:
    """One hub for the tests of a module that start nothing on it.

    Most of such a test is the hub's start. Beside it other hubs' tests cannot count
    what EC2 is asked.
    """
    hub = HubProcess(tmp_path_factory.mktemp("idle-hub"), cloud)
    asyncio.run(hub.start())
    yield hub
    hub.kill()


def api_of(cloud: LocalCloudProcess) -> Any:
    """EC2's API, as an admin has it."""
    return boto3.client(
        "ec2",
        region_name=cloud.region,
        endpoint_url=cloud.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def terminate(cloud: LocalCloudProcess, instance_ids: list[str]) -> None:
    """End machines as an admin does in AWS's console."""
    if instance_ids:
        client = api_of(cloud)
        client.terminate_instances(InstanceIds=instance_ids)


def living(control: LocalControl) -> list[Any]:
    """The machines that exist or are about to."""
    over = ("shutting-down", "terminated")
    return [m for m in control.machines() if m.state not in over]


def eventually(check: Callable[[], Any], timeout: float = 120) -> Any:
    """Wait until something is so, and return what it is."""
    end = time.monotonic() + timeout
    while not (found := check()):
        assert time.monotonic() < end, f"still not so: {check}"
        time.sleep(0.1)
    return found
