"""The key and the certificate of this launch, for the server, and for who asks it."""

from __future__ import annotations

import os
import ssl
from typing import Dict, Mapping

from ..commands import write_private


def keep(tls: Mapping[str, str], folder: str, group: int) -> Dict[str, str]:
    """Put them where the server reads them, and nobody else: what to tell the server.

    :param folder: in memory, so that the key is on no disk
    :param group: the account's
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # One file, so that no key is ever read beside another's certificate.
    server, clients = os.path.join(folder, "server.pem"), os.path.join(folder, "ca.pem")
    for path, text in ((server, tls["server"]), (clients, tls["clients"])):
        write_private(path, text, 0o440)
        os.chown(path, -1, group)
    os.chown(folder, -1, group)
    os.chmod(folder, 0o750)
    # jupyterhub/singleuser and jupyterhub/services/auth.py read these.
    return {
        "JUPYTERHUB_SSL_KEYFILE": server,
        "JUPYTERHUB_SSL_CERTFILE": server,
        "JUPYTERHUB_SSL_CLIENT_CA": clients,
    }


def own_server(tls: Mapping[str, str], run_folder: str) -> ssl.SSLContext:
    """As whom this machine asks its own server, which admits no strangers."""
    trust = ssl.create_default_context(cadata=tls["issuer"])
    path = os.path.join(run_folder, "agent.pem")
    write_private(path, tls["agent"])
    trust.load_cert_chain(path)
    return trust
