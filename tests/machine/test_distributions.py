"""A user's round on other distributions than the usual one.

Slow, since each needs a root of its own: ``pytest -m "machine and slow" -n0 -s``.
"""

import dataclasses
import time

import pytest

from ec2spawner.demo.visitor import Visitor
from localec2 import LocalCloudProcess

from ..hub.conftest import eventually
from ..localec2.conftest import client
from .conftest import SETTINGS

NAMES = {"trixie": "Debian GNU/Linux 13", "noble": "Ubuntu 24.04"}
PATIENCE = 300


@pytest.fixture(scope="module", params=NAMES)
def settings(request):
    return dataclasses.replace(SETTINGS, suite=request.param)


@pytest.fixture(scope="module")
def cloud(settings):
    with LocalCloudProcess(settings) as started:
        yield started


@pytest.mark.slow
async def test_a_user_works_and_the_machine_boots_again(
    settings, cloud, make_hub, guest
):
    hub = make_hub(settings={"start_timeout": PATIENCE, "http_timeout": 120})
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        began = time.monotonic()
        await alice.choose("small")
        await alice.ready(timeout=PATIENCE)
        ready = time.monotonic() - began
        text, _ = await alice.run_cell("1+1", timeout=PATIENCE)
        assert text == "2"
    assert NAMES[settings.suite] in guest().run("cat /etc/os-release")
    assert "DataSourceEc2Local" in guest().run("cat /run/cloud-init/result.json")
    print(
        f"{settings.suite}: ready after {ready:.1f} s;",
        guest().run("cloud-init --version; systemctl --version | head -n 1"),
    )
    hub.kill()
    machine = guest().machine.instance_id
    api = client(cloud)
    api.stop_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "stopped", PATIENCE)
    assert "Reached target poweroff.target" in guest().console
    api.start_instances(InstanceIds=[machine])
    claiming = "ec2spawner: claiming from"
    eventually(lambda: guest().console.count(claiming) == 2, PATIENCE)
    # What belongs to the first boot was done once.
    assert guest().console.count("Created symlink") == 2
