"""Ten users at once. Slow: ``pytest -m "machine and slow" -n0 -s``."""

import asyncio
import time
from pathlib import Path

import pytest

from ec2spawner.demo.visitor import Visitor

from ..hub.conftest import living

COUNT = 10


def memory(pids):
    """What these processes need, in MB, with shared pages counted once."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


@pytest.mark.slow
async def test_ten_users_at_once_each_compute_on_a_machine_of_their_own(make_hub, ec2):
    hub = make_hub(settings={"start_timeout": 300, "http_timeout": 60})
    await hub.start()
    began = time.monotonic()

    async def round_of(name):
        async with Visitor(hub.url, name, "any") as visitor:
            await visitor.log_in()
            await visitor.choose("small")
            await visitor.ready(timeout=300)
            ready = time.monotonic() - began
            code = "import socket; print(socket.gethostname())"
            text, _ = await visitor.run_cell(code, timeout=300)
            return text.strip(), ready

    answers = await asyncio.gather(*(round_of(f"user{i}") for i in range(COUNT)))
    machines = living(ec2)
    assert len(machines) == COUNT
    assert len({name for name, _ in answers}) == COUNT
    each = [memory(machine.pids) for machine in machines]
    print(
        f"ready after {min(r for _, r in answers):.0f} to "
        f"{max(r for _, r in answers):.0f} s; "
        f"{sum(each) / COUNT:.0f} MB a machine with a kernel"
    )
