"""Stands in for a Hub that is down, at the place where machines claim their orders.

The first machine gets none: it is noted, and asked for patience. The second gets those
of ``orders.py``, and tells whom it reaches.
"""

from __future__ import annotations

import hmac
import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ....claim.agent.wire import OURS
from ....claim.messages import BODY_LIMIT, Claim, SchemaError

_BODY_SECONDS = 10.0
_CLAIM, _TOLD = "/ec2spawner/claim", "/ec2spawner/neighbour"


@dataclass(frozen=True)
class Claimed:
    """Where the claim came from, as the Hub would see it."""

    address: str
    port: int


@dataclass
class Expected:
    """One launch that is to claim, and what it has done.

    :ivar orders: what it gets; nothing but patience without any
    :ivar reaches: whom it has tried: whether there was an answer
    """

    nonce: str
    orders: bytes = b""
    claimed: Claimed | None = None
    reaches: Mapping[str, bool] | None = None


class Desk:
    """An HTTP server at the Hub's port, in a thread of its own.

    :param tls: what the Hub would answer machines with; None for plain HTTP
    :raises OSError: when nobody can listen there, because the Hub does
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.expected: dict[str, Expected] = {}
        desk = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _BODY_SECONDS

            def do_POST(self) -> None:
                status, words = desk.answer(
                    self.path, self._body(), self.client_address
                )
                self.send_response(status)
                self.send_header(OURS, "1")
                self.send_header("Content-Length", str(len(words)))
                self.end_headers()
                self.wfile.write(words)

            def _body(self) -> bytes:
                length = self.headers.get("Content-Length", "")
                if not length.isdecimal() or int(length) > BODY_LIMIT:
                    return b""
                return self.rfile.read(int(length))

            def log_message(self, *about: Any) -> None:
                pass  # anybody may ask

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            # The Hub is another, which must not be listened beside.
            allow_reuse_port = False

            def handle_error(self, *about: Any) -> None:
                pass  # anybody may speak no HTTP, or no TLS

        self._server = Server(("", port), Handler)
        if tls:
            # Each handshake in the thread of who wants it: nobody holds up the rest.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), daemon=True
        )

    def answer(self, path: str, body: bytes, source: Any) -> tuple[HTTPStatus, bytes]:
        """Of one request: a word for a machine that is expected, none for others."""
        try:
            claim = Claim.from_json(body)
        except SchemaError:
            return HTTPStatus.BAD_REQUEST, b""
        launch = self.expected.get(claim.launch_id)
        if launch is None or not hmac.compare_digest(
            claim.nonce.encode(), launch.nonce.encode()
        ):
            return HTTPStatus.FORBIDDEN, b""
        if path.endswith(_CLAIM):
            launch.claimed = launch.claimed or Claimed(source[0], source[1])
            if launch.orders:
                return HTTPStatus.OK, launch.orders
            return HTTPStatus.ACCEPTED, b""
        reaches = json.loads(body).get("reaches")
        if not path.endswith(_TOLD) or not isinstance(reaches, dict):
            return HTTPStatus.FORBIDDEN, b""
        launch.reaches = {str(who): found is True for who, found in reaches.items()}
        return HTTPStatus.OK, b""

    def __enter__(self) -> Desk:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
