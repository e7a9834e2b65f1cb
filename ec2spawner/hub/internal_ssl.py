"""JupyterHub's ``internal_ssl``, as machines of ours need it: who signs, and for whom.

JupyterHub makes a server's certificate before its start, on the Hub's disk, one for all
servers of a user, and for addresses that are known then. Ours are made when a machine
claims (``claim/certificates.py``), by the same authority.
"""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from certipy import Certipy
from jupyterhub.spawner import Spawner
from jupyterhub.utils import url_path_join
from traitlets import HasTraits, default

from ..claim.certificates import Authority
from ..settings.network import machines_url

# The names of JupyterHub (``JupyterHub.init_internal_ssl``).
_HUB, _MACHINES, _PAIR = "hub-ca", "notebooks-ca", "hub-internal"
_HUB_PORT = 8081  # its default of JupyterHub.hub_port


class OwnCertificates(HasTraits):
    """What of a spawner is about ``internal_ssl``, and where its machines claim."""

    config: Any
    hub: Any
    claim_port: int
    internal_ssl: bool
    user: Any
    hub_connect_url: str | None
    environment: dict[str, Any]

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
        if self.user is not None:
            url = str(Spawner.get_env(self)["JUPYTERHUB_API_URL"])
        else:
            url = self._api_url_for_all()
        return machines_url(url, self.claim_port, self.internal_ssl)

    def _api_url_for_all(self) -> str:
        """As JupyterHub tells each server (``Spawner.get_env``), without one."""
        url = str(self.hub.api_url)
        if self.hub_connect_url:
            url = url_path_join(self.hub_connect_url, urlsplit(url).path)
        return str(self.environment.get("JUPYTERHUB_API_URL", url))

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


def given_to_machines(app: Any) -> tuple[ssl.SSLContext, str] | None:
    """With what a Hub that does not run would answer machines, and whom they trust.

    :param app: the JupyterHub application, not started
    :returns: the PEM of the Hub's authority beside it; None before its first start
    :raises OSError: when this user may not read them
    """
    # Certipy itself would make the folder.
    store = Path(app.internal_certs_location, "certipy.json")
    if not store.is_file():
        return None
    records = json.loads(store.read_text())
    pair, ca = (records[name]["files"] for name in (_PAIR, _HUB))
    return _context(pair["cert"], pair["key"]), Path(ca["cert"]).read_text()


def context_for_machines(app: Any) -> ssl.SSLContext | None:
    """With what the Hub answers machines, which have no certificate yet; None without
    ``internal_ssl``."""
    if not app.internal_ssl:
        return None
    return _context(app.internal_ssl_cert, app.internal_ssl_key)


def _context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context
