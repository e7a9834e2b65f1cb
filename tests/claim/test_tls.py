"""Whom the agent believes to be its Hub, and what it tells others: nothing."""

import socket
import ssl
import threading

import pytest

from ec2spawner.claim.agent import wire
from ec2spawner.claim.agent.hub import Hub
from ec2spawner.claim.agent.words import Failed
from ec2spawner.hub.internal_ssl import context_for_machines
from tests.authorities import HUB, authority, hub


class FakeHub:
    """Answers nobody, and keeps what it is told once somebody believes it."""

    def __init__(self, context):
        self.told, self.asked, self.context = b"", 0, context
        self.socket = socket.create_server((HUB, 0))
        self.url = f"https://{HUB}:{self.socket.getsockname()[1]}/hub/api"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.asked += 1
            with connection:
                try:
                    with self.context.wrap_socket(connection, server_side=True) as tls:
                        while part := tls.recv(65536):
                            self.told += part
                            if b"}" in self.told:
                                break
                except OSError:
                    pass


@pytest.fixture
def serve():
    made = []

    def make(context):
        made.append(FakeHub(context))
        return made[-1]

    yield make
    for each in made:
        each.socket.close()


def claim(url, hub_ca):
    config = {"launch_id": "l-1", "nonce": "a-nonce", "claim_timeout": 0.1}
    config.update(hub_api_url=url, hub_ca=hub_ca)
    with pytest.raises(Failed, match="no answer to the claim"):
        Hub(config, HUB, "a-key").claim(booted=True)


def machines_own(tmp_path):
    """What a neighbour's root has, at the Hub's address as it seems."""
    pem = tmp_path / "neighbour.pem"
    pem.write_text(authority().issue("l-2", HUB)["server"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def test_the_hub_itself_is_told_the_nonce(serve):
    real = serve(context_for_machines(hub()))
    claim(real.url, authority().hub_ca)
    assert b"a-nonce" in real.told


def test_with_another_authority_in_the_user_data_nothing_is_told(serve):
    real = serve(context_for_machines(hub()))
    claim(real.url, authority().issue("l-1", HUB)["issuer"])
    assert real.asked and real.told == b""


def test_who_has_only_a_machines_certificate_is_told_nothing(serve, tmp_path):
    fake = serve(machines_own(tmp_path))
    claim(fake.url, authority().hub_ca)
    assert fake.asked and fake.told == b""


def test_who_is_not_believed_is_asked_once_and_not_from_every_port(serve, tmp_path):
    fake = serve(machines_own(tmp_path))
    trust = ssl.create_default_context(cadata=authority().hub_ca)
    with pytest.raises(ssl.SSLCertVerificationError):
        wire.request("POST", fake.url, b"", source=HUB, as_root=True, trust=trust)
    assert fake.asked == 1


def test_where_tls_is_wanted_nothing_is_said_without():
    with pytest.raises(OSError, match="no http where https is wanted"):
        wire.request("GET", f"http://{HUB}:1/", trust=ssl.create_default_context())
