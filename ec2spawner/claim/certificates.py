"""The certificates of a launch: made in memory, delivered in the orders, kept nowhere.

A certificate is for the address that EC2 gave the machine, and for the launch: an
address has many owners in turn, and a proxy that knows the launch refuses the others
(``hub/proxies.py``). Pure, but for the keys, which are random.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A machine that boots may be behind the time.
_CLOCKS = timedelta(hours=2)


def name_of(launch_id: str) -> str:
    """The name that the certificate of a launch is for, beside its address.

    No DNS has it: a proxy that connects to the address asks for it (RFC 6066, 3).
    """
    return f"{launch_id}.ec2spawner"


@dataclass(frozen=True)
class Authority:
    """What signs the certificates of machines (JupyterHub's ``notebooks-ca``), and whom
    machines trust."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)
    #: PEM of what signs the Hub's own certificate, and nothing else
    hub_ca: str
    #: PEM of what signs the certificates of the Hub and of its proxy: a server admits
    #: nobody else
    clients: str

    @classmethod
    def of(cls, certificate: bytes, key: bytes, hub_ca: str, clients: str) -> Authority:
        """
        :param certificate: PEM
        :param key: PEM, without a password
        :raises ValueError: for what is none
        """
        signing = load_pem_private_key(key, None)
        if not isinstance(signing, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            raise ValueError("the key of notebooks-ca is neither RSA nor ECDSA")
        return cls(
            x509.load_pem_x509_certificate(certificate), signing, hub_ca, clients
        )

    def issue(self, launch_id: str, address: str) -> dict[str, str]:
        """A new key and certificate of a launch, as its orders have them. Secret.

        :param address: the private IP address of its machine
        :returns: PEM texts: ``server``, the server's key and certificate; ``clients``,
            whom the server is to admit; ``agent``, with what the machine's agent asks
            its own server; ``issuer``, what signs the server's certificate
        """
        server, agent = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        names: list[x509.GeneralName] = [x509.DNSName(name_of(launch_id))]
        names.append(x509.IPAddress(ipaddress.ip_address(address)))
        # Python 3.13 wants it (ssl.VERIFY_X509_STRICT).
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self.key.public_key()
        )
        signed = (
            _builder(launch_id, self.certificate.subject, server, self._end)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self.key, SHA256())
        )
        name = _name("agent of " + launch_id)
        own = _builder("agent of " + launch_id, name, agent, self._end)
        # Its own issuer, so that one server trusts it and no other.
        of_agent = own.sign(agent, SHA256())
        return {
            "server": _pem(server) + _pem(signed),
            "clients": self.clients + _pem(of_agent),
            "agent": _pem(agent) + _pem(of_agent),
            "issuer": _pem(self.certificate),
        }

    @property
    def _end(self) -> datetime:
        # No sooner: a server reads its certificate once, and may run for a year. What
        # ends it is that its key is gone with the boot, and nobody asks for its name.
        return self.certificate.not_valid_after_utc


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, end: datetime
) -> x509.CertificateBuilder:
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(timezone.utc) - _CLOCKS)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )


def _name(text: str) -> x509.Name:
    # X.520 has at most 64 characters for it.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem(what: x509.Certificate | ec.EllipticCurvePrivateKey) -> str:
    if isinstance(what, x509.Certificate):
        return what.public_bytes(Encoding.PEM).decode()
    return what.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    ).decode()
