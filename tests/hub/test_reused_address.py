"""An address that EC2 gives to another machine at once, before the Hub has noticed."""

import asyncio
import json

import aiohttp
import pytest

from ..localec2.conftest import client, request_for
from .conftest import eventually, living
from .test_claim import config_in_user_data, post


async def answer(hub, path):
    """What somebody gets through the Hub's proxy: the answering server's user."""
    async with aiohttp.ClientSession() as session:
        async with session.get(hub.url + path, allow_redirects=False) as got:
            text = await got.text()
    try:
        return json.loads(text).get("user")
    except ValueError:
        return None


async def lose(ec2, machine):
    ec2.fail_machine(machine.instance_id, "Server.InternalError", "a host is gone")
    await asyncio.to_thread(ec2.wait_for_state, machine.instance_id, "terminated")


async def test_nobody_is_sent_to_the_machine_that_has_the_address_now(
    make_quick_hub, ec2
):
    # The Hub looks after servers so rarely that it cannot notice in time by itself.
    hub = make_quick_hub(settings={"poll_interval": 600, "slow_interval": 600})
    await hub.start()
    await hub.ready_server("alice")
    (before,) = living(ec2)
    assert await answer(hub, "/user/alice/x") == "alice"
    await lose(ec2, before)
    await hub.ready_server("bob")
    (after,) = living(ec2)
    assert after.private_ip == before.private_ip
    assert await answer(hub, "/user/bob/x") == "bob"
    assert await answer(hub, "/user/alice/x") is None
    await hub.wait_gone("alice")


@pytest.mark.slow
async def test_a_machine_cannot_claim_for_the_one_that_had_its_address(
    make_quick_hub, ec2, cloud
):
    ec2.change_settings(pending_seconds=600)
    hub = make_quick_hub(settings={"fast_interval": 8})
    await hub.start()
    starting = asyncio.ensure_future(hub.start_server("alice"))
    (before,) = await asyncio.to_thread(eventually, lambda: living(ec2))
    eventually(lambda: "is booting" in hub.story)
    # Whoever may read user-data knows the nonce.
    config = config_in_user_data(ec2)
    claim = {"launch_id": config["launch_id"], "nonce": config["nonce"]}
    claim["machine_key"] = "somebody-else"
    await lose(ec2, before)
    world = cloud.control.resources()
    wanted = request_for(world, SubnetId=world.subnet_ids[before.zone])
    made = client(cloud).run_instances(**wanted)["Instances"][0]
    assert made["PrivateIpAddress"] == before.private_ip
    # At once: what the Hub has last heard of is a machine that still lives.
    status, _ = await asyncio.to_thread(post, hub, "claim", claim, before.private_ip)
    assert status in (403, 503)
    await asyncio.gather(starting, return_exceptions=True)
    await hub.wait_gone("alice")
    status, _ = await asyncio.to_thread(post, hub, "claim", claim, before.private_ip)
    assert status == 403
    assert "has found this hub" not in hub.story
