"""Wall time of commands, against what they are made of."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .hubs import HUB
from .results import Row
from .stub_ec2 import Stub

_OURS = "from ec2spawner.cli import main; main()"
_CONFIG = """
c.JupyterHub.spawner_class = "ec2"
c.EC2Spawner.hub_id = {hub!r}
c.EC2Spawner.region = {region!r}
c.EC2Spawner.endpoint_url = {url!r}
c.EC2Spawner.prices_region = ""
"""
_SCRIPT = """
import boto3
ec2 = boto3.client("ec2", region_name={region!r}, endpoint_url={url!r})
filters = [dict(Name="tag:ec2spawner:hub", Values=[{hub!r}])]
for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
    for reservation in page["Reservations"]:
        for machine in reservation["Instances"]:
            print(machine["InstanceId"], machine["State"]["Name"])
"""


def run(quick: bool) -> Iterator[Row]:
    machines, rounds = (3, 1) if quick else (200, 7)
    with tempfile.TemporaryDirectory() as folder, Stub() as stub:
        stub.seed(HUB, machines)
        known = {"hub": HUB, "region": stub.region, "url": stub.endpoint_url}
        (Path(folder) / "jupyterhub_config.py").write_text(_CONFIG.format(**known))

        def seconds(*argv: str) -> float:
            return _seconds(Path(folder), rounds, [sys.executable, *argv])

        nothing = seconds("-c", "pass")
        for words in (["--help"], ["ls", "--help"]):
            name = " ".join(["ec2spawner", *words])
            goal = "0.3 s" if len(words) == 1 else ""
            ours = seconds("-c", _OURS, *words)
            yield Row(name, "s", ours, nothing, "Python that does nothing", goal)
        script = seconds("-c", _SCRIPT.format(**known))
        ours = seconds("-c", _OURS, "ls")
        yield Row(f"ec2spawner ls, {machines} machines", "s", ours, script, "boto3")


def _seconds(folder: Path, rounds: int, argv: list[str]) -> float:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "no_proxy": "127.0.0.1",
    }
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        done = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True
        )
        found.append(time.perf_counter() - began)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
    return median(found)
