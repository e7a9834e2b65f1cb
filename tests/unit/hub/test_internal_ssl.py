"""Where machines claim with ``internal_ssl``, and by what they know the Hub."""

import ssl
from types import SimpleNamespace

from traitlets.config import Config

from ec2spawner import EC2Spawner
from ec2spawner.hub.internal_ssl import context_for_machines
from tests.authorities import HUB, authority, hub, talk


def spawner(internal_ssl=True, **settings):
    return EC2Spawner(hub=hub().hub, internal_ssl=internal_ssl, **settings)


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


def test_a_machine_without_a_certificate_can_claim_and_knows_the_hub_by_its_ca():
    believes = ssl.create_default_context(cadata=authority().hub_ca)
    assert talk(context_for_machines(hub()), believes, HUB) == b"a token"
    assert context_for_machines(SimpleNamespace(internal_ssl=False)) is None
