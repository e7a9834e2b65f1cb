"""The claim, as a thief meets it: real Hub, real machine, real connections."""

import asyncio
import http.client
import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from ec2spawner.claim.agent.config import read_config
from ec2spawner.claim.agent.wire import OURS
from localec2.metadata.identity_document import Signer

from .conftest import eventually, living
from .hub_process import TINY_SERVER

# The test is the machine, and EC2 signs nothing for it.
WITHOUT_EC2S_WORD = {"claim_identity": "off"}


def connect(hub, source="127.0.0.1"):
    """A connection as a machine has it, which has no certificate."""
    parts = urlsplit(hub.machines_api)
    place = {"host": parts.hostname, "port": parts.port, "timeout": 10}
    place["source_address"] = (source, 0)
    if not hub.encrypted:
        return http.client.HTTPConnection(**place)
    ca = hub.folder / "internal-ssl" / "hub-ca" / "hub-ca.crt"
    context = ssl.create_default_context(cafile=ca)
    return http.client.HTTPSConnection(**place, context=context)


def post(hub, what, body, source="127.0.0.1", headers=None):
    """One request to the Hub's claim API from an address of our choice."""
    parts = urlsplit(hub.machines_api)
    connection = connect(hub, source)
    data = body if isinstance(body, bytes) else json.dumps(body)
    try:
        path = f"{parts.path}/ec2spawner/{what}"
        connection.request("POST", path, data, headers or {})
        answer = connection.getresponse()
    except ConnectionError:
        return 0, ""  # the Hub does not even read what is too long
    return answer.status, answer.read().decode()


def config_in_user_data(ec2):
    """What anyone reads who may read the machine's user-data."""
    (launch,) = ec2.requests("RunInstances")
    return read_config(launch.user_data)


@pytest.fixture
async def running(quick_hub, ec2):
    """A hub with a server that is ready, and the machine behind it."""
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    return quick_hub, machine, config_in_user_data(ec2)


async def test_only_what_is_news_of_a_machine_is_a_line_in_the_log(running):
    hub, machine, config = running
    assert "200 POST /hub/api/ec2spawner/claim" in hub.log
    # It has reported and has been heard again and again by now.
    assert "Starting Jupyter" in hub.log
    assert "/ec2spawner/report" not in hub.log
    assert "/ec2spawner/heartbeat" not in hub.log


async def test_the_nonce_is_worthless_after_its_use(running):
    hub, machine, config = running
    claim = {
        "launch_id": config["launch_id"],
        "nonce": config["nonce"],
        "machine_key": "mine",
    }
    assert post(hub, "claim", claim)[0] == 403
    status, text = post(hub, "claim", claim, source=machine.private_ip)
    assert status == 409
    assert "TOKEN" not in text
    assert "Refused a request" in hub.log


async def test_a_thief_with_nonce_and_address_lacks_ec2s_word_on_who_they_are(
    make_quick_hub, ec2, cloud
):
    """The machines of all other tests here have it, from their metadata service."""
    ec2.change_settings(pending_seconds=30)
    hub = make_quick_hub(settings={"claim_identity": "required"})
    await hub.start()
    await hub.start_server("alice")
    (machine,) = eventually(lambda: living(ec2))
    config = config_in_user_data(ec2)
    claim = {name: config[name] for name in ("launch_id", "nonce")}
    claim["machine_key"] = "a thief's"
    others = Signer().pkcs7(b"{}").decode()
    for identity in ({}, {"identity": ""}, {"identity": others}):
        status, text = post(hub, "claim", {**claim, **identity}, machine.private_ip)
        assert (status, "TOKEN" in text) == (403, False)
    assert "sent no identity document (403)" in hub.log
    assert "not signed with the region's key (403)" in hub.log


async def test_before_its_use_the_nonce_is_worthless_from_another_address(
    make_quick_hub, ec2
):
    # A machine that never claims: its server command is not even asked for.
    ec2.change_settings(pending_seconds=30)
    hub = make_quick_hub(settings=WITHOUT_EC2S_WORD)
    await hub.start()
    status, _ = await hub.start_server("alice")
    (machine,) = eventually(lambda: living(ec2))
    config = config_in_user_data(ec2)
    claim = {
        "launch_id": config["launch_id"],
        "nonce": config["nonce"],
        "machine_key": "mine",
    }
    neighbour = machine.private_ip.rsplit(".", 1)[0] + ".200"
    assert post(hub, "claim", claim, source=neighbour)[0] == 403
    forged = {"X-Forwarded-For": machine.private_ip, "X-Real-Ip": machine.private_ip}
    assert post(hub, "claim", claim, neighbour, forged)[0] == 403
    wrong = {**claim, "nonce": claim["nonce"][:-1]}
    assert post(hub, "claim", wrong, source=machine.private_ip)[0] == 403
    # From the right address it would have been good, and only once.
    status, text = post(hub, "claim", claim, source=machine.private_ip)
    assert status == 200
    assert "JUPYTERHUB_API_TOKEN" in json.loads(text)["env"]
    assert post(hub, "claim", claim, source=machine.private_ip) == (200, text)
    other = {**claim, "machine_key": "other"}
    assert post(hub, "claim", other, source=machine.private_ip)[0] == 409


def test_every_answer_to_a_machine_says_that_it_is_the_hubs(quick_hub):
    """A machine believes no other, and a 404 of the Hub's pages is one of those."""
    url = urlsplit(quick_hub.machines_api)
    for what, signed in (
        *(("claim", True), ("report", True), ("heartbeat", True)),
        *(("no-such-thing", False), ("", False)),
    ):
        connection = connect(quick_hub)
        connection.request("POST", f"{url.path}/ec2spawner/{what}", b"{")
        answer = connection.getresponse()
        assert answer.status == (400 if signed else 404)
        assert (answer.getheader(OURS) is not None) is signed, what


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"launch_id": 1, "nonce": 2, "machine_key": 3}',
        b"\xff" * 100,
        b"x" * 100_000,
    ],
)
async def test_a_body_that_is_no_claim_is_refused_without_a_word(quick_hub, body):
    before = len(quick_hub.log)
    status, text = post(quick_hub, "claim", body)
    assert status in ((0, 413) if len(body) > 65_536 else (400,))
    assert "Traceback" not in quick_hub.log[before:]


async def test_a_stranger_learns_nothing_about_launches(quick_hub):
    claim = {"launch_id": "0" * 20, "nonce": "x", "machine_key": "x"}
    unknown = post(quick_hub, "claim", claim)
    assert unknown[0] == 403
    assert "launch" not in unknown[1]


async def test_nothing_secret_is_in_anything_that_ec2_was_sent(running, ec2):
    hub, machine, config = running
    secrets = server_secrets(machine)
    assert len(secrets) >= 2
    sent = ec2.requests_text()
    assert config["launch_id"] in sent  # so this text is the right one to search
    for secret in secrets:
        assert secret not in sent
        assert secret not in json.dumps(hub.saved_state("alice"))
        assert secret not in hub.log
        assert secret not in open(machine.console_log).read()
    assert config["nonce"] not in json.dumps(hub.saved_state("alice"))


async def test_no_secret_is_on_a_command_line_and_its_file_is_private(running):
    _, machine, _ = running
    secrets = server_secrets(machine)
    lines = [open(f"/proc/{pid}/cmdline").read() for pid in machine.pids]
    # A quick hub's server is the one that tests name.
    assert any(str(TINY_SERVER) in line for line in lines)
    assert not any(secret in line for line in lines for secret in secrets)
    (key,) = Path(machine.folder).rglob(".ec2spawner/machine-key")
    assert key.stat().st_mode & 0o777 == 0o400
    assert key.parent.stat().st_mode & 0o777 == 0o700


async def test_a_token_dies_with_its_server(running):
    hub, machine, _ = running
    token, *_ = server_secrets(machine)
    assert await whoami(hub, token) == 200
    await hub.stop_server("alice")
    assert await whoami(hub, token) in (401, 403)
    assert (await hub.api("GET", "/users/alice/tokens"))[1]["api_tokens"] == []


@pytest.mark.slow
async def test_an_answer_that_was_lost_is_given_again_to_the_same_machine(
    make_quick_hub, ec2
):
    """The Hub is killed right after it has marked a launch claimed."""
    ec2.change_settings(pending_seconds=30)
    hub = make_quick_hub(settings=WITHOUT_EC2S_WORD)
    await hub.start()
    await hub.start_server("alice")
    (machine,) = eventually(lambda: living(ec2))
    config = config_in_user_data(ec2)
    claim = {
        "launch_id": config["launch_id"],
        "nonce": config["nonce"],
        "machine_key": "mine",
    }
    first = json.loads(post(hub, "claim", claim, machine.private_ip)[1])
    hub.kill()
    await hub.start()
    status, text = post(hub, "claim", claim, machine.private_ip)
    assert status == 200
    again = json.loads(text)
    old, new = (o["env"].pop("JUPYTERHUB_API_TOKEN") for o in (first, again))
    assert old != new
    assert await whoami(hub, old) in (401, 403)
    assert await whoami(hub, new) == 200
    first["env"].pop("JPY_API_TOKEN"), again["env"].pop("JPY_API_TOKEN")
    # What people are told is of the moment.
    assert first.pop("told")["bar"] == again.pop("told")["bar"] == "Small"
    # The Hub keeps no key: with internal_ssl each answer has its own certificates.
    first.pop("tls", None), again.pop("tls", None)
    assert first == again


async def test_a_machine_that_cannot_claim_ends_itself(make_quick_hub, ec2):
    ec2.change_settings(pending_seconds=3)
    hub = make_quick_hub(settings={"claim_timeout": 3})
    await hub.start()
    asked = asyncio.ensure_future(hub.start_server("alice"))
    (machine,) = await asyncio.to_thread(eventually, lambda: living(ec2))
    hub.kill()
    with pytest.raises(aiohttp.ClientError):
        await asked
    eventually(lambda: not living(ec2))
    ended = ec2.machine(machine.instance_id)
    assert "Client.InstanceInitiatedShutdown" in ended.state_reason
    assert ec2.requests("TerminateInstances") == []


def server_secrets(machine):
    """The secrets in the environment of the machine's server."""
    for pid in machine.pids:
        env = open(f"/proc/{pid}/environ").read().split("\0")
        values = dict(e.split("=", 1) for e in env if "=" in e)
        if "JUPYTERHUB_API_TOKEN" in values:
            (key,) = Path(machine.folder).rglob(".ec2spawner/machine-key")
            return [values["JUPYTERHUB_API_TOKEN"], key.read_text()]
    raise AssertionError("no process of the machine has a token")


async def whoami(hub, token):
    headers = {"Authorization": f"token {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{hub.hub_api}/user", ssl=hub.tls) as answer:
            return answer.status
