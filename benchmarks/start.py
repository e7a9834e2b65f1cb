"""What a start takes beyond the boot of its machine, against other spawners."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from localec2 import LocalCloudProcess, LocalSettings

from .hubs import BenchHub, user
from .results import Row

#: a server that is ready in a moment: what is measured is the way there
TINY = Path(__file__).parent.parent / "tests" / "hub" / "tiny_server.py"
_USUAL = "a boto3 waiter, a Describe for each poll"
_SIMPLE = "SimpleLocalProcessSpawner"


def run(quick: bool) -> Iterator[Row]:
    boots, rounds = ((0.1,), 1) if quick else ((1.0, 5.0, 20.0), 3)
    os.environ.update(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any")
    cloud = LocalCloudProcess(LocalSettings(machines="process"))
    with tempfile.TemporaryDirectory() as folder, cloud, ExitStack() as stack:
        hubs = {}
        for kind, traits in _traits(cloud).items():
            hubs[kind] = BenchHub(Path(folder) / kind, kind, traits, users=1)
            stack.callback(hubs[kind].close)
            hubs[kind].start()
        for boot in boots:
            cloud.control.change_settings(pending_seconds=boot)
            found = _rounds(hubs, rounds)
            simple = found.pop("simple")
            more = {kind: seconds - boot for kind, seconds in found.items()}
            what = f"boots of {boot:g} s: beyond the boot"
            yield Row(what, "s", more["ec2"], more["usual"], _USUAL)
            goal = "0.25 s more"
            yield Row(what, "s", more["ec2"], simple, _SIMPLE, goal)


def _rounds(hubs: dict[str, BenchHub], rounds: int) -> dict[str, float]:
    """Kind -> median of the seconds to ready."""
    seconds: dict[str, list[float]] = {kind: [] for kind in hubs}
    # Taking turns: what else this computer does falls on all of them alike.
    for number in range(rounds + 1):
        for kind, hub in hubs.items():
            took = hub.seconds_to_ready(user(0))
            hub.stop(user(0))
            if number:  # the first makes what the others find
                seconds[kind].append(took)
    return {kind: median(each) for kind, each in seconds.items()}


def _traits(cloud: LocalCloudProcess) -> dict[str, dict[str, Any]]:
    world = cloud.control.resources()
    subnets, groups = list(world.subnet_ids.values()), [world.security_group_id]
    command = [sys.executable, str(TINY)]
    return {
        "ec2": {
            "cmd": command,
            "region": cloud.region,
            "endpoint_url": cloud.endpoint_url,
            "image": world.image_id,
            "subnets": subnets,
            "security_groups": groups,
            "instance_type": "t3.small",
            "home": "none",
            "prices_region": "",
            # Machines that are processes are whoever runs this.
            "claims_as_root": False,
        },
        "usual": {
            "cmd": command,
            "region": cloud.region,
            "endpoint_url": cloud.endpoint_url,
            "request": {
                "ImageId": world.image_id,
                "InstanceType": "t3.small",
                "SubnetId": subnets[0],
                "SecurityGroupIds": groups,
            },
            "start_timeout": 300,
        },
        "simple": {"cmd": command},
    }
