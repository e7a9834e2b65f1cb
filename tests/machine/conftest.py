"""One local EC2 whose machines really boot, and hubs outside of them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localec2 import LocalCloudProcess, LocalControl, LocalSettings
from localec2.roots import roots

from ..hub.conftest import FreshEC2, eventually, living
from ..hub.hub_process import TINY_SERVER, HubProcess
from ..localec2.conftest import client
from ..localec2.test_volumes import state_of, until
from .guest import Guest
from .here import Here

HERE = Path(__file__).parent
SETTINGS = LocalSettings(machines="nspawn", pending_seconds=0.1, stop_grace_seconds=30)

MakeHub = Callable[..., HubProcess]


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Mark what is in this folder; skip it where no machine can boot."""
    ours = [item for item in items if HERE in item.path.parents]
    why = why_not() if ours else ""
    for item in ours:
        item.add_marker(pytest.mark.machine)
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


def why_not() -> str:
    try:
        roots.check_needs()
    except roots.CannotBoot as error:
        return str(error)
    return ""


@pytest.fixture(scope="session")
def settings() -> LocalSettings:
    return SETTINGS


@pytest.fixture(scope="session")
def cloud(settings: LocalSettings) -> Iterator[LocalCloudProcess]:
    with LocalCloudProcess(settings) as started:
        yield started


@pytest.fixture
def ec2(cloud: LocalCloudProcess, settings: LocalSettings) -> Iterator[LocalControl]:
    """The EC2 behind the hubs of this test, with nothing in it."""
    control = FreshEC2(cloud.endpoint_url)
    control.clear_requests()
    yield control
    control.clear_faults()
    control.change_settings(**settings.as_dict())
    left = [machine.instance_id for machine in living(control)]
    if left:
        client(cloud).terminate_instances(InstanceIds=left)
    eventually(lambda: not living(control))


@pytest.fixture
def here(cloud: LocalCloudProcess, ec2: LocalControl) -> Iterator[Here]:
    """Launches machines without a hub, and gives them volumes."""
    made = Here(cloud)
    yield made
    made.tidy()


@pytest.fixture
def make_hub(
    cloud: LocalCloudProcess, ec2: LocalControl, tmp_path: Path
) -> Iterator[MakeHub]:
    """Makes hubs outside of the machines, not yet started, with JupyterLab."""
    made: list[HubProcess] = []

    def make(**options: Any) -> HubProcess:
        folder = tmp_path / f"hub-{len(made)}"
        folder.mkdir()
        place: dict[str, Any]
        place = {"hub_ip": cloud.hub_address, "hub_connect_ip": cloud.hub_address}
        place["trusted_alt_names"] = [f"IP:{cloud.hub_address}"]  # of internal_ssl
        # A machine that boots beside other tests may take its time.
        options.setdefault("patience", 180)
        hub = HubProcess(folder, cloud, hub_settings=place, **options)
        hub.hub_api = hub.hub_api.replace("127.0.0.1", cloud.hub_address)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.kill()


@pytest.fixture
def make_quick_hub(make_hub: MakeHub) -> MakeHub:
    """Makes hubs whose servers are ready as soon as the machine has booted."""

    def make(settings: dict[str, Any] | None = None) -> HubProcess:
        # The machine has no file of ours: the program travels on the command line.
        server = ["python3", "-c", TINY_SERVER.read_text()]
        return make_hub(settings={"cmd": server, **(settings or {})})

    return make


@pytest.fixture
async def quick_hub(make_quick_hub: MakeHub) -> HubProcess:
    hub = make_quick_hub()
    await hub.start()
    return hub


@pytest.fixture
def guest(ec2: LocalControl) -> Callable[[], Guest]:
    """Looks into the only machine of this test."""

    def look() -> Guest:
        (machine,) = living(ec2)
        return Guest(machine)

    yield look
    with contextlib.suppress(ValueError):
        # Shown when the test has failed.
        print(look().console[-6000:])


@contextlib.contextmanager
def in_use(disk: Path) -> Iterator[Path]:
    """A new file system on a file, mounted."""
    place = disk.with_suffix(".mounted")
    place.mkdir()
    subprocess.run(["mkfs.ext4", "-q", str(disk), "64M"], check=True)
    subprocess.run(["mount", "-o", "loop", str(disk), str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def snapshot(cloud: LocalCloudProcess) -> str:
    """A snapshot of a volume that was in use: its journal is not empty."""
    api = client(cloud)
    zone = cloud.control.resources().zones[0]
    volume = api.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    until(api, volume, "available")
    # Where the local EC2 keeps what is on a volume.
    with in_use(Path(cloud.folder) / "volumes" / volume) as place:
        (place / "dem.txt").write_text("heights")
        subprocess.run(["sync", "-f", str(place)], check=True)
        made: str = api.create_snapshot(VolumeId=volume)["SnapshotId"]
        eventually(lambda: state_of(api, made) == "completed")
    api.delete_volume(VolumeId=volume)
    return made
