"""What a demo tells of EC2 and its machines."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ec2spawner.demo import interactive
from ec2spawner.demo.watch import Watcher
from localec2 import LocalCloudProcess, LocalControl

from ..localec2.conftest import client, request_for


def test_the_end_of_a_machine_is_told_also_when_the_hub_did_not_wait_for_it(
    cloud: LocalCloudProcess, ec2: LocalControl
) -> None:
    ec2.change_settings(machines="none", shutting_down_seconds=2)
    told: list[str] = []
    watcher = Watcher(ec2, told.append)
    api = client(cloud)
    wanted = request_for(ec2.resources())
    name = api.run_instances(**wanted)["Instances"][0]["InstanceId"]
    ec2.wait_for_state(name, "running")
    api.terminate_instances(InstanceIds=[name])
    interactive._see_machines_end(watcher, watcher.look)
    assert "shutting-down" in "".join(told)
    assert "terminated" in told[-1]


def test_what_is_only_tried_is_not_told_as_a_failure(
    cloud: LocalCloudProcess, ec2: LocalControl
) -> None:
    ec2.change_settings(machines="none")
    told: list[str] = []
    watcher = Watcher(ec2, told.append)
    wanted = request_for(ec2.resources())
    with pytest.raises(ClientError, match="DryRunOperation"):
        client(cloud).run_instances(**wanted, DryRun=True)
    watcher.look()
    assert told == []
    client(cloud).run_instances(**wanted)
    watcher.look()
    assert "RunInstances" in "".join(told)
