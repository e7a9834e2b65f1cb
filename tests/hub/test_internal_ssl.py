"""A Hub with ``internal_ssl``: who reaches what, by real connections."""

import asyncio
import json
import os
import signal
import ssl
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from ec2spawner.claim.agent.config import read_config
from ec2spawner.claim.certificates import Authority
from ec2spawner.hub.internal_ssl import authority_of

from .conftest import living
from .hub_process import TINY_COMMAND
from .test_reused_address import answer, lose

ROUTE = "/ec2spawner/claim"


@pytest.fixture
async def hub(make_quick_hub):
    made = make_quick_hub(encrypted=True)
    await made.start()
    return made


def orders_of(machine):
    """What the Hub has told a machine."""
    (path,) = Path(machine.folder).rglob(".ec2spawner/orders")
    return json.loads(path.read_text())


async def status_of(url, method="GET", **options):
    """The status of an answer, or the name of why there is none."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.request(method, url, **options) as got:
                return got.status
        except aiohttp.ClientError as e:
            return type(e).__name__


def lines_in(folder):
    return {
        line
        for path in folder.rglob("*")
        if path.is_file()
        for line in path.read_bytes().splitlines()
    }


async def test_all_between_hub_and_machine_is_encrypted_and_lasts_through_a_restart(
    hub, ec2
):
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    url = hub.server_url(machine)
    assert await answer(hub, "/user/alice/x") == "alice"
    assert await status_of(url, ssl=hub.tls) == 200
    # Nobody else has an answer, be it without TLS or without a certificate.
    assert await status_of(url.replace("https:", "http:")) != 200
    nobody = ssl.create_default_context(cadata=orders_of(machine)["tls"]["issuer"])
    assert await status_of(url, ssl=nobody) != 200
    # No claim comes by way of the proxy, or of the Hub's own port.
    claim = {"data": b"{", "headers": {"X-Forwarded-For": machine.private_ip}}
    assert await status_of(f"{hub.url}/hub/api{ROUTE}", "POST", **claim) == 404
    assert await status_of(hub.hub_api + ROUTE, "POST", ssl=hub.tls, **claim) == 404
    assert await status_of(hub.machines_api + ROUTE, "POST", ssl=hub.tls) == 400
    assert await status_of(hub.machines_api, ssl=hub.tls) == 404
    # The key is on the machine, and nowhere at the Hub or in what it has told AWS.
    key = orders_of(machine)["tls"]["server"].splitlines()[1].encode()
    assert key not in lines_in(hub.folder)
    (launch,) = ec2.requests("RunInstances")
    config = read_config(launch.user_data)
    assert "PRIVATE" not in launch.user_data and "CERTIFICATE" in config["hub_ca"]
    # The Hub needs no key to go on with a server that runs.
    hub.kill()
    await hub.start()
    assert await hub.wait_ready("alice")
    assert await answer(hub, "/user/alice/x") == "alice"
    assert [each.instance_id for each in living(ec2)] == [machine.instance_id]


def authority(hub) -> Authority:
    """The authority of a Hub that is on this computer, as its admin has it."""
    folder = hub.folder / "internal-ssl"
    stored = (folder / "certipy.json").read_text()
    elsewhere = hub.folder / "read"
    elsewhere.mkdir()
    (elsewhere / "certipy.json").write_text(
        stored.replace("internal-ssl/", f"{folder}/")
    )
    bundles = {"notebooks-ca": str(folder / "notebooks-ca_trust.crt")}
    return authority_of(
        SimpleNamespace(
            internal_certs_location=str(elsewhere), internal_trust_bundles=bundles
        )
    )


@pytest.mark.slow
async def test_a_route_to_who_has_the_address_now_brings_nobody_anything(hub, ec2):
    """The Hub has stopped for a while, and its proxy goes on."""
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    assert await answer(hub, "/user/alice/x") == "alice"
    os.kill(hub._process.pid, signal.SIGSTOP)
    try:
        await lose(ec2, machine)
        pem, heard = hub.folder / "later.pem", []
        orders = authority(hub).issue("l-later", machine.private_ip)
        pem.write_text(orders["server"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)

        async def hear(reader, writer):
            heard.append(await reader.read(100))
            writer.close()

        place = (machine.private_ip, 8888)
        async with await asyncio.start_server(hear, *place, ssl=context):
            cookie = {"Cookie": "jupyterhub-user-alice=secret"}
            url = f"{hub.url}/user/alice/x"
            asked = asyncio.ensure_future(status_of(url, headers=cookie))
            done, _ = await asyncio.wait({asked}, timeout=15)
            # The page that says so would come from the Hub.
            assert not done or asked.result() != 200
            asked.cancel()
            assert heard == []
            # It is what it would have believed, but for the name.
            trust = ssl.create_default_context(cadata=orders["issuer"])
            await status_of(hub.server_url(machine), ssl=trust)
            assert heard and heard[0].startswith(b"GET /")
    finally:
        os.kill(hub._process.pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "hibernate"])
async def test_a_machine_that_is_woken_serves_with_tls_again(make_hub, ec2, how):
    settings = {"cmd": TINY_COMMAND, "on_stop": how}
    if how == "hibernate":
        settings |= {"root_volume_size": 30, "root_volume_encrypted": True}
    hub = make_hub(settings=settings, encrypted=True)
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    before = orders_of(machine)["tls"]
    await hub.stop_server("alice")
    await asyncio.to_thread(ec2.wait_for_state, machine.instance_id, "stopped")
    await hub.ready_server("alice")
    assert await answer(hub, "/user/alice/x") == "alice"
    after = orders_of(machine)["tls"]
    # What is in memory goes on with the key that it has.
    assert (before["server"] == after["server"]) is (how == "hibernate")


@pytest.mark.slow
async def test_two_servers_of_a_user_have_nothing_in_common(hub, ec2):
    await hub.ready_server("alice")
    await hub.ready_server("alice", "gpu")
    one, other = (orders_of(machine)["tls"] for machine in living(ec2))
    assert one["server"] != other["server"] and one["agent"] != other["agent"]


@pytest.mark.slow
async def test_a_port_for_machines_can_be_had_without_tls(make_quick_hub, ec2):
    hub = make_quick_hub(encrypted=False)
    options = json.loads((hub.folder / "options.json").read_text())
    options["spawner"]["claim_port"] = options["hub_port"] + 1
    (hub.folder / "options.json").write_text(json.dumps(options))
    await hub.start()
    await hub.ready_server("alice")
    assert await answer(hub, "/user/alice/x") == "alice"
    for base in (f"{hub.url}/hub/api", hub.hub_api):
        assert await status_of(base + ROUTE, "POST", data=b"{") == 404
