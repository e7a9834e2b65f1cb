"""A spawner for EC2 as it is usually written, to compare with.

It waits with boto3's waiter, and asks EC2 about its machine at every poll. Everything
that it tells its machine, secrets too, is in the user-data.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import Any

import boto3
from jupyterhub.spawner import Spawner
from jupyterhub.utils import random_port
from traitlets import Dict, Unicode


class UsualSpawner(Spawner):  # type: ignore[misc]
    """RunInstances, ``instance_running``, DescribeInstances."""

    region = Unicode().tag(config=True)
    endpoint_url = Unicode().tag(config=True)
    request = Dict().tag(config=True)
    instance_id = Unicode()

    @property
    def ec2(self) -> Any:
        return boto3.client(
            "ec2", region_name=self.region, endpoint_url=self.endpoint_url
        )

    def _script(self) -> str:
        url = f"http://0.0.0.0:{self.port}{self.server.base_url}"
        environment = {**self.get_env(), "JUPYTERHUB_SERVICE_URL": url}
        lines = [
            f"export {name}={shlex.quote(str(value))}"
            for name, value in environment.items()
            if name != "PATH"
        ]
        return "\n".join(["#!/bin/sh", *lines, "exec " + shlex.join(self.cmd)])

    async def start(self) -> tuple[str, int]:
        self.port = random_port()
        made = await asyncio.to_thread(
            lambda: self.ec2.run_instances(
                **self.request, MinCount=1, MaxCount=1, UserData=self._script()
            )
        )
        self.instance_id = made["Instances"][0]["InstanceId"]
        waiter = self.ec2.get_waiter("instance_running")
        await asyncio.to_thread(waiter.wait, InstanceIds=[self.instance_id])
        machine = await self._machine()
        return str(machine["PrivateIpAddress"]), int(self.port)

    async def _machine(self) -> Any:
        ids = [self.instance_id]
        answer = await asyncio.to_thread(
            lambda: self.ec2.describe_instances(InstanceIds=ids)
        )
        return answer["Reservations"][0]["Instances"][0]

    async def poll(self) -> int | None:
        if not self.instance_id:
            return 0
        state = (await self._machine())["State"]["Name"]
        return None if state in ("pending", "running") else 1

    async def stop(self, now: bool = False) -> None:
        ids = [self.instance_id]
        await asyncio.to_thread(lambda: self.ec2.terminate_instances(InstanceIds=ids))
        self.instance_id = ""
