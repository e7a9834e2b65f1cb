"""A restart of the Hub with thousands of servers, against the least of spawners."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .hubs import HUB, stub_hub
from .results import Row
from .stub_ec2 import Stub

THAN = "a spawner that does nothing"
#: what is there a moment after it answers
_SETTLED_SECONDS = 5


def run(quick: bool) -> Iterator[Row]:
    servers, rounds = (5, 1) if quick else (2000, 2)
    ours = [_restart(servers, "ec2") for _ in range(rounds)]
    theirs = [_restart(servers, "nothing") for _ in range(rounds)]

    def row(what: str, unit: str, key: str, goal: str = "") -> Row:
        mine, other = (median(each[key] for each in way) for way in (ours, theirs))
        return Row(f"{servers:,} servers: {what}", unit, mine, other, THAN, goal)

    yield row("until the Hub answers", "s", "seconds", "2.5 s")
    yield row("CPU until then", "CPU s", "cpu")
    yield row("calls to EC2 until then", "calls", "calls", "6")
    yield row("memory of the Hub", "MB", "megabytes", "60 MB more")


def _restart(servers: int, kind: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, Stub() as stub:
        stub.seed(HUB, servers)
        hub = stub_hub(Path(folder), stub, kind, servers)
        try:
            seconds = hub.start()
            cpu, calls = hub.cpu_seconds(), sum(stub.calls().values())
            time.sleep(_SETTLED_SECONDS)
            megabytes = hub.megabytes()
        finally:
            hub.close()
    return {"seconds": seconds, "cpu": cpu, "calls": calls, "megabytes": megabytes}
