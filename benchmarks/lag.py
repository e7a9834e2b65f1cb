"""How late the Hub's event loop is, with thousands of servers and many that start."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .hubs import HUB, stub_hub, user
from .results import Row
from .stub_ec2 import Stub


def run(quick: bool) -> Iterator[Row]:
    known, starting, seconds = (5, 2, 2.0) if quick else (5000, 200, 20.0)
    ways = {
        "ours": _late(known, starting, seconds),
        "listings read by boto3": _late(known, starting, seconds, cuts=False),
        "a spawner that does nothing": _late(known, starting, seconds, kind="nothing"),
    }
    ours = ways.pop("ours")
    what = f"{known:,} known, {starting} starting"
    for name, theirs in ways.items():
        for share, goal in ((0.5, ""), (0.99, "25 ms"), (1.0, "")):
            label = "longest" if share == 1 else f"p{share * 100:.0f}"
            mine, other = at(ours, share), at(theirs, share)
            yield Row(f"{what}: {label} lag", "ms", mine, other, name, goal)


def at(late: list[float], share: float) -> float:
    return late[min(int(share * len(late)), len(late) - 1)]


def _late(
    known: int, starting: int, seconds: float, cuts: bool = True, kind: str = "ec2"
) -> list[float]:
    with tempfile.TemporaryDirectory() as folder, Stub() as stub:
        stub.seed(HUB, known)
        stub.cut(cuts)
        hub = stub_hub(Path(folder), stub, kind, known, starting, fast_interval=0.5)
        try:
            hub.start()

            def click(number: int) -> int:
                return hub.call("POST", f"/users/{user(known + number)}/server", {})

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(click, range(starting)))
            return hub.lag(seconds)
        finally:
            hub.close()
