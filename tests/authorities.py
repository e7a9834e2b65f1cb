"""The authorities of a JupyterHub with ``internal_ssl``, as certipy makes them."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

from certipy import Certipy

from ec2spawner.hub.internal_ssl import authority_of

# JupyterHub.init_internal_ssl, as far as it is about the Hub, its proxy and servers.
_TRUST = {
    "hub-ca": ["hub-ca", "notebooks-ca", "proxy-client-ca"],
    "notebooks-ca": ["hub-ca", "proxy-client-ca"],
    "proxy-client-ca": ["hub-ca", "notebooks-ca"],
}
HUB = "127.0.0.1"


@cache
def hub() -> Any:
    """What JupyterHub has of it, made once: that takes a second."""
    folder = mkdtemp(prefix="authorities-")
    certipy = Certipy(store_dir=folder)
    bundles = certipy.trust_from_graph(_TRUST)
    names = [f"IP:{HUB}", "DNS:localhost"]
    pairs = {
        name: certipy.create_signed_pair(name, f"{name}-ca", alt_names=names)["files"]
        for name in ("hub", "proxy-client")
    }
    own, proxy = pairs["hub"], pairs["proxy-client"]
    return SimpleNamespace(
        internal_ssl=True,
        internal_certs_location=folder,
        internal_trust_bundles=bundles,
        internal_ssl_key=own["key"],
        internal_ssl_cert=own["cert"],
        internal_ssl_ca=bundles["hub-ca"],
        internal_proxy_certs={
            "proxy-client": {"keyfile": proxy["key"], "certfile": proxy["cert"]}
        },
        hub=SimpleNamespace(port=8081, api_url=f"https://{HUB}:8081/hub/api"),
    )


@cache
def authority():
    """Who signs for machines."""
    return authority_of(hub())


def as_hub() -> ssl.SSLContext:
    """As the Hub asks a server (``jupyterhub.utils.make_ssl_context``)."""
    context = ssl.create_default_context(cafile=hub().internal_ssl_ca)
    context.load_cert_chain(hub().internal_ssl_cert, hub().internal_ssl_key)
    return context


def as_proxy() -> ssl.SSLContext:
    pair = hub().internal_proxy_certs["proxy-client"]
    bundle = hub().internal_trust_bundles["proxy-client-ca"]
    context = ssl.create_default_context(cafile=bundle)
    context.load_cert_chain(pair["certfile"], pair["keyfile"])
    return context


def as_server(folder: Path, kept: dict[str, str]) -> ssl.SSLContext:
    """As Jupyter listens (``jupyter_server/serverapp.py``), by its environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        kept["JUPYTERHUB_SSL_CERTFILE"], kept["JUPYTERHUB_SSL_KEYFILE"]
    )
    context.load_verify_locations(kept["JUPYTERHUB_SSL_CLIENT_CA"])
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def talk(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bytes:
    """What a client can tell a server, in memory.

    :param name: what the client believes to have connected to
    :raises ssl.SSLError: by whoever refuses the other
    """
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(back, there, server_hostname=name)
    other = server.wrap_bio(there, back, server_side=True)
    left = [one.do_handshake, other.do_handshake]
    while left:
        for step in list(left):
            try:
                step()
            except ssl.SSLWantReadError:
                continue
            left.remove(step)
    one.write(b"a token")
    return other.read()
