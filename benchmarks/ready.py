"""JupyterLab on a machine that was ready, from the click to its answer."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from localec2 import LocalCloudProcess, LocalSettings

from .hubs import BenchHub, user
from .results import Row

_READY = re.compile(r"^jupyterhub_ec2_ready_machines (\S+)$", re.M)
#: what a machine needs to import a server, after it has claimed
_IMPORT_SECONDS = 6.0


def run(quick: bool) -> Iterator[Row]:
    rounds = 1 if quick else 5
    os.environ.update(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any")
    cloud = LocalCloudProcess(LocalSettings(machines="process", pending_seconds=1.0))
    with tempfile.TemporaryDirectory() as folder, cloud, ExitStack() as stack:
        hubs = {}
        for name, (kind, traits) in _traits(cloud).items():
            hubs[name] = BenchHub(Path(folder) / name, kind, traits, users=1)
            stack.callback(hubs[name].close)
            hubs[name].start()
        seconds: dict[str, list[float]] = {name: [] for name in hubs}
        # Taking turns: what else this computer does falls on all of them alike.
        for number in range(rounds + 1):
            for name, hub in hubs.items():
                if name == "ready":
                    _wait_for_one(hub)
                took = hub.seconds_to_ready(user(0))
                hub.stop(user(0))
                if number or quick:  # the first makes what the others find
                    seconds[name].append(took)
    ours, simple, fresh = (median(seconds[n]) for n in ("ready", "simple", "fresh"))
    what = "from the request to JupyterLab, ready"
    yield Row(what, "s", ours, simple, "SimpleLocalProcessSpawner", "0.3 times")
    yield Row(what, "s", ours, fresh, "a fresh machine that boots in 1 s")


def _wait_for_one(hub: BenchHub) -> None:
    """As long as it takes until a machine waits, and has imported the server."""
    end = time.monotonic() + 120
    while not _ready(hub):
        if time.monotonic() > end:
            raise TimeoutError((hub.folder / "hub.log").read_text()[-3000:])
        time.sleep(0.1)
    time.sleep(_IMPORT_SECONDS)


def _ready(hub: BenchHub) -> float:
    url = hub.api.removesuffix("/api") + "/metrics"
    headers = {"Authorization": f"token {hub.token}"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers=headers)) as answer:
        found = _READY.search(answer.read().decode())
    return float(found[1]) if found else 0.0


def _traits(cloud: LocalCloudProcess) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name -> the kind of spawner, and its settings."""
    world = cloud.control.resources()
    program = shutil.which("jupyterhub-singleuser", path=Path(sys.executable).parent)
    command = {"cmd": [str(program), "--allow-root"]}
    ours = {
        **command,
        "region": cloud.region,
        "endpoint_url": cloud.endpoint_url,
        "image": world.image_id,
        "subnets": list(world.subnet_ids.values()),
        "security_groups": [world.security_group_id],
        "instance_type": "t3.small",
        "home": "none",
        "prices_region": "",
        # Machines that are processes are whoever runs this.
        "claims_as_root": False,
    }
    return {
        "ready": ("ec2", {**ours, "ready_machines": [{"count": 1}]}),
        "simple": ("simple", command),
        "fresh": ("ec2", ours),
    }
