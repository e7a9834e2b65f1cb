"""A Hub is updated, or put back, while machines boot: their agents stay as they are.

What a machine says and is told is written here as text, as agents of November 2026 have
it. Those run wherever such a machine was stopped or is booting, so none of it may be
changed to make a test pass.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from ec2spawner.core.state import Phase

from .scenarios import SETTINGS
from .virtual_client import Client
from .virtual_world import saved

HUB = "/hub/api/ec2spawner/"
CLAIM = (
    '{"nonce": "%(nonce)s", "booted": true, '
    '"launch_id": "%(launch_id)s", "machine_key": "of-%(launch_id)s"}'
)
REPORT = (
    '{"step": "%(step)s", "message": "", "log": "", "seconds": 3.25, '
    '"launch_id": "%(launch_id)s", "machine_key": "of-%(launch_id)s"}'
)
HEARTBEAT = '{"launch_id": "%(launch_id)s", "machine_key": "of-%(launch_id)s"}'
STEPS = ("account", "home", "mounted", "data", "setup", "starting", "ready")
#: what the program in the user-data takes out of the orders: ``claim/agent/start.py``
TAKEN = {"command": list, "agent": dict, "env": dict, "goes_on": bool}
NEWER = '{"protocol": 7, "boot": {"id": [1, null]}, "\\ud800": "\\u0000", '
USERS = ("alice", "bob")


def of_today(text):
    return text


def of_before(text):
    return text.replace('"booted": true, ', "")


def of_later(text):
    return text.replace("{", NEWER, 1)


@pytest.fixture
def booting(world):
    """A hub that two users have asked for servers, and their machines."""
    world.silent = True
    hub = world.hub(**{**SETTINGS, "home": "none"})
    hub.start()
    for user in USERS:
        hub.call("POST", f"/users/{user}")
    hub.pass_time(2)
    for user in USERS:
        hub.call("POST", f"/users/{user}/server")
    waited = {Phase.BOOTING}
    hub.pass_until(lambda: {launch(hub, u).phase for u in USERS} == waited, 60)
    hub.pass_time(4)
    yield hub, [world.machine(launch(hub, user).instance_id) for user in USERS]
    world.silent = False


def launch(hub, user):
    return saved(hub)[user, ""][1].current


def says(hub, machine, what, text):
    """Send it as it is: (status, answer)."""

    async def send():
        client = Client(machine.address, 700)
        application = hub.app.tornado_application
        await client.ask(application, "POST", HUB + what, text.encode())
        # By it agents tell the Hub from a proxy before it.
        assert client.headers["X-EC2Spawner"] == "1"
        return client.status, client.body

    return hub.run(asyncio.wait_for(send(), 60))


@pytest.mark.parametrize("agents", [of_today, of_before, of_later])
def test_a_machine_with_an_agent_of_another_version_serves(booting, agents):
    hub, machines = booting
    hub.kill()
    hub.start()
    hub.pass_time(10)
    for machine in machines:
        ids = {name: machine.config[name] for name in ("launch_id", "nonce")}
        status, answer = says(hub, machine, "claim", agents(CLAIM % ids))
        assert status == 200
        orders = json.loads(answer)
        assert {name: type(orders[name]) for name in TAKEN} == TAKEN
        assert all(isinstance(text, str) for text in orders["agent"].values())
        machine.serving = True
        for step in STEPS:
            report = agents(REPORT % {**ids, "step": step})
            assert says(hub, machine, "report", report) == (204, b"")
        status, answer = says(hub, machine, "heartbeat", agents(HEARTBEAT % ids))
        assert status == 200 and json.loads(answer)["hub_silence_limit"] > 0
    hub.pass_until(lambda: hub.serving().keys() == set(USERS), 60)


def test_a_user_data_has_what_agents_claim_with(booting):
    for machine in booting[1]:
        taken = {"launch_id": str, "nonce": str, "hub_api_url": str}
        config = dict(machine.config)
        assert isinstance(config.pop("claim_timeout"), (int, float))
        # Agents of before leave it alone.
        assert isinstance(config.pop("preload"), dict)
        assert {name: type(value) for name, value in config.items()} == taken
