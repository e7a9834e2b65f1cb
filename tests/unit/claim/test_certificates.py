"""Whom a server and its Hub, proxy and neighbours believe, by real handshakes."""

import os
import ssl

import pytest
from cryptography import x509

from ec2spawner.claim.agent.work.tls import keep, own_server
from ec2spawner.claim.certificates import name_of
from tests.authorities import as_hub, as_proxy, as_server, authority, hub, talk

ALICES, BOBS = "10.0.1.5", "10.0.1.6"


class Machine:
    """What is on a machine of a launch, and what it can do with it."""

    def __init__(self, folder, launch_id, address):
        self.orders = authority().issue(launch_id, address)
        self.env = keep(self.orders, str(folder / launch_id), os.getgid())
        self.server = as_server(folder, self.env)
        self.agent = own_server(self.orders, str(folder / launch_id))

    def as_client(self):
        """Its root asks another machine, and believes whoever the authority has
        signed for."""
        context = ssl.create_default_context(cadata=self.orders["issuer"])
        pair = self.env["JUPYTERHUB_SSL_CERTFILE"]
        context.load_cert_chain(pair)
        return context


@pytest.fixture
def alice(tmp_path):
    return Machine(tmp_path, "l-alice", ALICES)


@pytest.fixture
def bob(tmp_path):
    return Machine(tmp_path, "l-bob", BOBS)


def test_hub_proxy_and_its_own_agent_reach_a_server(alice):
    for client in (as_hub(), as_proxy(), alice.agent):
        assert talk(alice.server, client, ALICES) == b"a token"


def test_a_neighbour_reaches_no_server_of_others(alice, bob):
    for client in (bob.as_client(), bob.agent):
        with pytest.raises(ssl.SSLError, match="UNKNOWN_CA|VERIFY_FAILED"):
            talk(alice.server, client, ALICES)


def test_who_shows_no_certificate_reaches_no_server(alice):
    stranger = ssl.create_default_context(cadata=alice.orders["issuer"])
    with pytest.raises(ssl.SSLError, match="DID_NOT_RETURN|REQUIRED"):
        talk(alice.server, stranger, ALICES)


def test_nobody_passes_for_a_machine_at_another_address(alice):
    for client in (as_hub(), as_proxy()):
        with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
            talk(alice.server, client, BOBS)


def test_who_has_an_address_now_does_not_pass_for_who_had_it(tmp_path, alice):
    later = Machine(tmp_path, "l-later", ALICES)
    assert talk(later.server, as_proxy(), name_of("l-later")) == b"a token"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        talk(later.server, as_proxy(), name_of("l-alice"))


def test_no_machine_passes_for_the_hub(alice):
    believes = ssl.create_default_context(cadata=authority().hub_ca)
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(alice.server, believes, ALICES)


def test_a_certificate_lasts_as_long_as_what_has_signed_it_and_signs_nothing(alice):
    (signed,) = x509.load_pem_x509_certificates(alice.orders["server"].encode())
    signing = authority().certificate
    assert signed.not_valid_after_utc == signing.not_valid_after_utc
    signed.verify_directly_issued_by(signing)
    rules = signed.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert rules.ca is False
    assert signed.public_key().curve.name == "secp256r1"


def test_no_two_launches_have_a_key_in_common_and_none_is_kept(tmp_path):
    before = sorted(os.listdir(hub().internal_certs_location))
    made = [authority().issue("l-1", ALICES) for _ in range(2)]
    assert made[0]["server"] != made[1]["server"]
    assert made[0]["agent"] != made[1]["agent"]
    assert sorted(os.listdir(hub().internal_certs_location)) == before
    assert "PRIVATE" not in made[0]["clients"] + made[0]["issuer"] + authority().hub_ca
    assert "key" not in repr(authority())


def test_on_the_machine_the_key_is_roots_and_its_accounts(alice, tmp_path):
    path = alice.env["JUPYTERHUB_SSL_KEYFILE"]
    assert os.stat(path).st_mode & 0o777 == 0o440
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o750
    assert os.stat(tmp_path / "l-alice" / "agent.pem").st_mode & 0o777 == 0o400
