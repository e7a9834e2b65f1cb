"""Floods of requests at a real Hub: what they cost its memory, its log, and others."""

import asyncio
import contextlib
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from .conftest import living
from .test_claim import config_in_user_data

MEGABYTES = 1024
AT_ONCE = 20


def memory_of(hub):
    """How much memory the Hub's process has in use, in kB."""
    status = Path(f"/proc/{hub._process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


async def flood(hub, address, requests):
    """Send requests from an address, many at once. Returns status -> how often."""
    answers, left, place = {}, iter(requests), (address, 0)
    connector = aiohttp.TCPConnector(local_addr=place, limit=AT_ONCE, ssl=hub.tls)

    async def send(session):
        for route, body in left:
            url = f"{hub.machines_api}/ec2spawner/{route}"
            async with session.post(url, data=body) as answer:
                answers[answer.status] = answers.get(answer.status, 0) + 1

    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(send(session) for _ in range(AT_ONCE)))
    return answers


async def ask_meanwhile(hub, work):
    """How often others are answered until some work is done, and its result."""
    task, served = asyncio.ensure_future(work), 0
    while not task.done():
        assert await hub.healthy()
        served += 1
    return served, await task


def reports(machine, config, count):
    """What root of a machine may send: all steps in turn, and what is no report."""
    (key,) = Path(machine.folder).rglob(".ec2spawner/machine-key")
    who = {"launch_id": config["launch_id"], "machine_key": key.read_text()}
    steps = ("interruption", "setup", "warning", "restarting", "account", "rebalance")
    for number in range(count):
        body = {
            **who,
            "step": steps[number % len(steps)],
            "message": f"{number} \x1b[2J" + "x" * 490,
            "log": "a line of the log\n" * 200,
            "seconds": number,
        }
        yield "report", json.dumps(body)
        if number % 5 == 0:
            yield "report", "[" * 16_000


@pytest.mark.slow
async def test_a_machine_that_floods_the_hub_costs_little_and_others_are_served(
    quick_hub, ec2
):
    hub = quick_hub
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    config = config_in_user_data(ec2)
    # What Python and the Hub keep for themselves once they have had a flood.
    await flood(hub, machine.private_ip, reports(machine, config, 300))
    memory, log = memory_of(hub), len(hub.log.splitlines())
    many = flood(hub, machine.private_ip, reports(machine, config, 3_000))
    served, answers = await ask_meanwhile(hub, many)
    assert served > 10
    assert set(answers) <= {204, 400, 429} and answers[429] > 1_000
    assert memory_of(hub) - memory < 5 * MEGABYTES
    lines = hub.log.splitlines()[log:]
    others = [line for line in lines if "/hub/health" in line]
    assert len(lines) - len(others) < 100, "\n".join(lines[-120:])
    assert "\x1b" not in hub.log
    assert (await hub.server("alice"))["ready"]


async def test_a_stranger_with_very_large_bodies_costs_little(quick_hub):
    parts = urlsplit(quick_hub.machines_api)
    path = f"{parts.path}/ec2spawner/report"
    chunk, count = b"x" * 65_536, 90 * 16

    async def send(headers, part):
        tls = quick_hub.tls if quick_hub.encrypted else None
        place = (parts.hostname, parts.port)
        reader, writer = await asyncio.open_connection(*place, ssl=tls)
        head = f"POST {path} HTTP/1.1\r\nHost: hub\r\n{headers}\r\n\r\n"
        writer.write(head.encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(count):
                writer.write(part)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            return await reader.read(12)
        return b""

    chunked = b"%x\r\n%s\r\n" % (len(chunk), chunk)
    memory = memory_of(quick_hub)
    answers = await asyncio.gather(
        *(send(f"Content-Length: {len(chunk) * count}", chunk) for _ in range(4)),
        *(send("Transfer-Encoding: chunked", chunked) for _ in range(4)),
    )
    # Closing a connection may overtake the answer.
    assert set(answers) <= {b"HTTP/1.1 413", b"HTTP/1.1 411", b""}
    assert memory_of(quick_hub) - memory < 20 * MEGABYTES
    assert await quick_hub.healthy()
