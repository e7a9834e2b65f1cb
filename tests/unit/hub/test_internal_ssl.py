"""Where machines claim with ``internal_ssl``, and what keeps that from working."""

import ssl
from pathlib import Path
from types import SimpleNamespace

import pytest
from traitlets.config import Config

from ec2spawner import EC2Spawner
from ec2spawner.hub.internal_ssl import context_for_machines, is_for, mistakes
from tests.authorities import HUB, authority, hub, talk


def spawner(internal_ssl=True, **settings):
    return EC2Spawner(hub=hub().hub, internal_ssl=internal_ssl, **settings)


def said(app=None, **settings):
    return list(mistakes(spawner(**settings), app or hub()))


def with_proxy(should_start):
    class TraefikProxy:
        pass

    proxy = TraefikProxy()
    proxy.should_start = should_start
    return SimpleNamespace(**{**vars(hub()), "proxy": proxy})


def test_machines_claim_at_the_port_after_the_hubs_and_servers_ask_the_hub():
    assert spawner().claim_port == 8082
    assert spawner(claim_port=9000).claim_port == 9000
    assert spawner(internal_ssl=False).claim_port == 0


def test_a_command_that_reads_the_settings_without_a_hub_knows_the_port_too():
    config = Config({"JupyterHub": {"hub_port": 9001}})
    assert EC2Spawner(config=config, internal_ssl=True).claim_port == 9002
    assert EC2Spawner(internal_ssl=True).claim_port == 8082


async def test_the_hub_makes_no_certificate_before_there_is_a_machine():
    made = spawner()
    assert await made.move_certs(await made.create_certs()) == {}


@pytest.mark.parametrize("should_start", [True, None])
def test_of_what_can_work_nothing_is_said(should_start):
    assert said() == []
    assert said(with_proxy(True)) == []
    assert said(SimpleNamespace(internal_ssl=False), internal_ssl=False) == []


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"claim_port": 8081}, "claim_port is 8081, the Hub's own port"),
        ({"claim_port": 0}, "claim_port is 0 and c.JupyterHub.internal_ssl is on"),
        ({"hub_connect_url": "https://10.0.0.5:8081"}, "['IP:10.0.0.5']"),
        ({"hub_connect_url": "https://hub.lab:8081"}, "['DNS:hub.lab']"),
        ({"app": with_proxy(False)}, "does not start its traefik"),
    ],
)
def test_what_cannot_work_is_said_before_the_hub_starts(given, sentence):
    (found,) = said(**given)
    assert sentence in found


def test_what_the_hub_is_called_is_looked_up_in_its_certificate():
    own = Path(hub().internal_ssl_cert).read_bytes()
    assert is_for(own, HUB) and is_for(own, "localhost")
    assert not is_for(own, "10.0.0.5") and not is_for(own, "hub")
    signing = Path(hub().internal_certs_location, "hub-ca", "hub-ca.crt")
    assert not is_for(signing.read_bytes(), HUB)


def test_a_machine_without_a_certificate_can_claim_and_knows_the_hub_by_its_ca():
    believes = ssl.create_default_context(cadata=authority().hub_ca)
    assert talk(context_for_machines(hub()), believes, HUB) == b"a token"
    assert context_for_machines(SimpleNamespace(internal_ssl=False)) is None
