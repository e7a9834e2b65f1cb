"""One local EC2 for all tests here, and hubs that use it."""

from __future__ import annotations

import atexit
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from localec2 import LocalCloudProcess, LocalControl, LocalSettings
from localec2.client import MachineInfo

from .hub_process import TINY_COMMAND, HubProcess

SETTINGS = LocalSettings(pending_seconds=0.2)

MakeHub = Callable[..., HubProcess]


@cache
def _the_cloud() -> LocalCloudProcess:
    """Of this process of tests: each folder that has the fixture would start its own,
    and a start takes two seconds of a processor."""
    started = LocalCloudProcess(SETTINGS)
    atexit.register(started.stop)
    return started


@pytest.fixture(scope="session")
def cloud() -> LocalCloudProcess:
    return _the_cloud()


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
        return make_hub(settings={"cmd": TINY_COMMAND, **(settings or {})}, **options)

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


@pytest.fixture(scope="module")
def hub_of_module(
    cloud: LocalCloudProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[HubProcess]]:
    """The quick hub of a module's tests, once one of them has asked for it."""
    made: list[HubProcess] = []
    yield made
    for hub in made:
        hub.kill()


@pytest.fixture
async def quick_hub(
    hub_of_module: list[HubProcess],
    cloud: LocalCloudProcess,
    ec2: LocalControl,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubProcess]:
    """A hub without settings of its own, which nobody has used: one for all tests of a
    module, because most of such a test is its hub's start. It may not be killed, and
    nothing may be left on it that is not a user's: no lack of capacity, for example.
    """
    if not hub_of_module:
        hub_of_module.append(
            HubProcess(tmp_path_factory.mktemp("hub"), cloud, {"cmd": TINY_COMMAND})
        )
        await hub_of_module[0].start()
    (hub,) = hub_of_module
    hub.begin_log()
    try:
        yield hub
        ec2.clear_faults()
        await hub.forget_users()
    except BaseException:
        # Who comes next gets another.
        hub_of_module.remove(hub)
        hub.kill()
        raise


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
