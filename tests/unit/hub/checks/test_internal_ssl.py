"""What keeps ``internal_ssl`` from working is said before the Hub starts."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ec2spawner import EC2Spawner
from ec2spawner.hub.checks.internal_ssl import is_for, mistakes
from tests.authorities import HUB, hub


def said(app=None, **settings):
    settings = {"hub": hub().hub, "internal_ssl": True, **settings}
    return list(mistakes(EC2Spawner(**settings), app or hub()))


def with_proxy(should_start):
    class TraefikProxy:
        pass

    proxy = TraefikProxy()
    proxy.should_start = should_start
    return SimpleNamespace(**{**vars(hub()), "proxy": proxy})


def test_of_what_can_work_nothing_is_said():
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
