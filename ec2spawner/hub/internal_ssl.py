"""JupyterHub's ``internal_ssl``, as machines of ours need it: who signs, and for whom.

JupyterHub makes a server's certificate before its start, on the Hub's disk, one for all
servers of a user, and for addresses that are known then. Ours are made when a machine
claims (``claim/certificates.py``), by the same authority.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from certipy import Certipy
from cryptography import x509
from jupyterhub.spawner import Spawner
from traitlets import HasTraits, default

from ..claim.certificates import Authority
from ..settings.network import machines_url

# The names of JupyterHub (``JupyterHub.init_internal_ssl``).
_HUB, _MACHINES = "hub-ca", "notebooks-ca"
_HUB_PORT = 8081  # its default of JupyterHub.hub_port


class OwnCertificates(HasTraits):
    """What of a spawner is about ``internal_ssl``, and where its machines claim."""

    config: Any
    hub: Any
    claim_port: int
    internal_ssl: bool

    @default("claim_port")
    def _claim_port(self) -> int:
        # The Hub's own port admits nobody without a certificate then.
        if not self.internal_ssl:
            return 0
        # Commands for admins read the settings without a Hub.
        given = self.config.JupyterHub.get("hub_port", _HUB_PORT)
        return int(self.hub.port if self.hub else given) + 1

    @property
    def hub_api_url(self) -> str:
        """Where machines claim, and report."""
        url: str = Spawner.get_env(self)["JUPYTERHUB_API_URL"]
        return machines_url(url, self.claim_port, self.internal_ssl)

    async def create_certs(self) -> dict[str, str]:
        """None yet: the machine and its address are not known."""
        return {}

    async def move_certs(self, paths: dict[str, str]) -> dict[str, str]:
        """None: the machine's agent tells the server where they are."""
        return {}


def authority_of(app: Any) -> Authority:
    """Who signs for the machines of a Hub with ``internal_ssl``.

    :param app: the JupyterHub application, after ``init_internal_ssl``
    """
    store = Certipy(store_dir=app.internal_certs_location).store
    signing, hub = (store.get_record(name)["files"] for name in (_MACHINES, _HUB))
    return Authority.of(
        Path(signing["cert"]).read_bytes(),
        Path(signing["key"]).read_bytes(),
        Path(hub["cert"]).read_text(),
        Path(app.internal_trust_bundles[_MACHINES]).read_text(),
    )


def context_for_machines(app: Any) -> ssl.SSLContext | None:
    """With what the Hub answers machines, which have no certificate yet; None without
    ``internal_ssl``."""
    if not app.internal_ssl:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(app.internal_ssl_cert, app.internal_ssl_key)
    return context


def mistakes(spawner: Any, app: Any) -> Iterator[str]:
    """What keeps ``internal_ssl`` and ``claim_port`` from working.

    :param spawner: an instance without a user, to read the settings from
    :param app: the JupyterHub application; one that does not start has no certificates
    """
    if spawner.claim_port and spawner.claim_port == app.hub.port:
        yield (
            f"c.EC2Spawner.claim_port is {spawner.claim_port}, the Hub's own port: "
            f"give another, for example {spawner.claim_port + 1}."
        )
    if not app.internal_ssl:
        return
    if not spawner.claim_port:
        yield (
            "c.EC2Spawner.claim_port is 0 and c.JupyterHub.internal_ssl is on: the "
            "Hub's own port wants a certificate of machines, which have none before "
            "they claim. Take the setting out, or give a port."
        )
    host = urlsplit(spawner.hub_connect_url or app.hub.api_url).hostname or ""
    certificate = app.internal_ssl_cert
    if certificate and not is_for(Path(certificate).read_bytes(), host):
        kind = "IP" if _address(host) else "DNS"
        yield (
            f"machines would be told to find the Hub at {host}, and the Hub's "
            "certificate (c.JupyterHub.internal_ssl) is not for that. Set "
            f"c.JupyterHub.trusted_alt_names = ['{kind}:{host}'], and while no server "
            f"runs remove the folder {app.internal_certs_location}: the Hub makes it "
            "anew."
        )
    proxy = getattr(app, "proxy", None)
    if "TraefikProxy" in _kinds(proxy) and not proxy.should_start:
        yield (
            "c.JupyterHub.internal_ssl is on, and the Hub does not start its traefik "
            "(should_start = False), which would not know the Hub's certificates. Let "
            "the Hub start it."
        )


def is_for(certificate: bytes, host: str) -> bool:
    """Whether a certificate is for a name or an IP address.

    :param certificate: PEM
    """
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    if address := _address(host):
        return address in names.get_values_for_type(x509.IPAddress)
    return host in names.get_values_for_type(x509.DNSName)


def _address(host: str) -> Any:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _kinds(proxy: Any) -> set[str]:
    # It need not be installed.
    return {each.__name__ for each in type(proxy).__mro__}
