"""A machine whose disk is full, where its server has to write."""

import asyncio

import pytest

from ec2spawner.demo.visitor import SpawnFailed, Visitor

from ..hub.conftest import eventually, living
from ..localec2.conftest import client

FULL_HOME = """#!/bin/sh -e
mount -t tmpfs -o size=64k,mode=755 tmpfs /home/jovyan
chown jovyan: /home/jovyan
head -c 1M /dev/zero > /home/jovyan/full 2> /dev/null || true
"""


@pytest.mark.slow
async def test_a_full_home_fails_the_start_and_its_user_reads_why(make_hub, ec2, cloud):
    hub = make_hub(settings={"setup_script": FULL_HOME, "start_timeout": 150})
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        with pytest.raises(SpawnFailed, match="no space is left in its home"):
            await alice.ready(timeout=160)
    await asyncio.to_thread(eventually, lambda: not living(ec2), 60)
    (request,) = ec2.requests("RunInstances")
    (machine,) = request.instance_ids
    console = client(cloud).get_console_output(InstanceId=machine)
    assert "No space left on device" in console["Output"]
