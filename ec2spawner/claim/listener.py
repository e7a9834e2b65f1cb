"""A listener of the Hub for machines alone: their routes, and nothing else.

The Hub's own port is behind the public proxy, and with ``internal_ssl`` it wants a
certificate of everybody, which a machine has only once it has its orders.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any

from jupyterhub.utils import url_path_join
from tornado import web
from tornado.httpserver import HTTPServer

from .api import ROUTES
from .rate_limits import RateLimits
from .registry import Registry

# Who connects has so long to say what it wants.
_SILENT_SECONDS = 30.0
# With it tornado adds routes of its own.
_OF_PAGES = "static_path"


class Nothing(web.RequestHandler):
    """Whatever is not a machine's route: 404, without a line in the log."""

    def check_xsrf_cookie(self) -> None:
        """Tornado's hook: it would say 403."""

    def prepare(self) -> None:
        raise web.HTTPError(404)

    def write_error(self, status_code: int, **about: Any) -> None:
        self.finish()

    def _log(self) -> None:
        pass


def listen(
    address: str,
    port: int,
    hub_path: str,
    settings: Mapping[str, Any],
    registry: Callable[[], Registry],
    rate_limits: Callable[[], RateLimits],
    tls: ssl.SSLContext | None,
) -> HTTPServer:
    """Answer machines at a port, for as long as the Hub runs.

    :param address: as ``JupyterHub.hub_ip``; empty for every address
    :param hub_path: ``/hub/``
    :param settings: those of the Hub's own application
    :param tls: None for plain HTTP
    :raises OSError: when nobody can listen there
    """
    given = {"registry": registry, "rate_limits": rate_limits}
    routes = [(url_path_join(hub_path, path), kind, given) for path, kind in ROUTES]
    kept = {name: value for name, value in settings.items() if name != _OF_PAGES}
    application = web.Application(routes, **{**kept, "default_handler_class": Nothing})
    server = HTTPServer(
        application, ssl_options=tls, idle_connection_timeout=_SILENT_SECONDS
    )
    server.listen(port, address=address)
    return server
