"""What heartbeats cost the Hub, against JupyterHub's own reports of activity."""

from __future__ import annotations

import asyncio
import datetime
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

from ec2spawner.core.idleness import BEAT

from .hubs import HUB, BenchHub, machine_address, machine_key, stub_hub, user
from .results import Row
from .stub_ec2 import Stub

#: of JupyterHub: JUPYTERHUB_ACTIVITY_INTERVAL is as long as our interval (300 s)
_THAN = "a report of activity by each server"

Ask = Callable[[int], Awaitable[None]]


def run(quick: bool) -> Iterator[Row]:
    known, seconds = (5, 1.0) if quick else (5000, BEAT)
    asked = max(int(known * seconds / BEAT), 3)
    with tempfile.TemporaryDirectory() as folder, Stub() as stub:
        stub.seed(HUB, known)
        hub = stub_hub(Path(folder), stub, "ec2", known)
        try:
            hub.start()
            # The first beat of a server finds out what the next ones know.
            asyncio.run(_ask(heartbeat(hub), known, known, 0.0))
            idle = _cpu(hub, lambda: time.sleep(seconds / 5)) / (seconds / 5)
            found = [
                _cpu(hub, lambda: asyncio.run(_ask(ask, known, asked, seconds)))
                for ask in (heartbeat(hub), activity(hub))
            ]
        finally:
            hub.close()
    ours, theirs = (max(cpu - idle * seconds, 0.0) * 1000 / asked for cpu in found)
    what = f"{asked:,} heartbeats of {known:,} servers in {seconds:.0f} s"
    yield Row(f"{what}: CPU of the Hub", "ms each", ours, theirs, _THAN)
    ours, theirs = (100 * cpu / seconds for cpu in found)
    yield Row(f"{what}: all of its CPU", "% of one", ours, theirs, _THAN)


def _cpu(hub: BenchHub, do: Callable[[], None]) -> float:
    before = hub.cpu_seconds()
    do()
    return hub.cpu_seconds() - before


async def _ask(ask: Ask, known: int, times: int, seconds: float) -> None:
    """One server after the other, spread over that time."""
    began = time.monotonic()
    for count, number in enumerate(islice(cycle(range(known)), times)):
        await asyncio.sleep(began + seconds * count / times - time.monotonic())
        await ask(number)


def heartbeat(hub: BenchHub) -> Ask:
    """As machines' agents send it, each from an address of its own."""
    seen = {"human_idle": 1900.0, "compute_idle": 0.0, "sees_people": True, "keep": 0}
    seen["why_active"] = ["a kernel is busy (python3)", "python3 uses 3.1 CPUs"]

    async def ask(number: int) -> None:
        who = {"launch_id": f"launch-{number:09}", "machine_key": machine_key(number)}
        body = json.dumps({"seen": seen, **who})
        await _post(hub, "/ec2spawner/heartbeat", body, machine_address(number), "200")

    return ask


def activity(hub: BenchHub) -> Ask:
    """As jupyterhub-singleuser sends it (``singleuser/extension.py``)."""

    async def ask(number: int) -> None:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        body = json.dumps({"servers": {"": {"last_activity": now}}})
        path = f"/users/{user(number)}/activity"
        await _post(hub, path, body, machine_address(number), "200")

    return ask


async def _post(hub: BenchHub, path: str, body: str, source: str, wanted: str) -> None:
    """A connection for each, as agents and servers make it."""
    place = urlsplit(hub.api + path)
    reader, writer = await asyncio.open_connection(
        place.hostname, place.port, local_addr=(source, 0)
    )
    head = [f"POST {place.path} HTTP/1.1", f"Host: {place.netloc}"]
    head += [f"Authorization: token {hub.token}", "Content-Type: application/json"]
    head += [f"Content-Length: {len(body)}", "Connection: close", "", body]
    writer.write("\r\n".join(head).encode())
    answer = (await reader.read()).decode()
    writer.close()
    if answer.split()[1] != wanted:
        raise RuntimeError(answer)
