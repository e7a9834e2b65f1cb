"""What keeps ``internal_ssl`` and ``claim_port`` from working."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509


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
    proxy: Any = getattr(app, "proxy", None)
    # By name, as it need not be installed.
    kinds = {each.__name__ for each in type(proxy).__mro__}
    if "TraefikProxy" in kinds and not proxy.should_start:
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
