"""Stands in for a Hub that is down, at the place where machines claim their orders.

It gives no orders: it notes who has claimed, and asks for patience.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ....claim.agent.wire import OURS
from ....claim.messages import BODY_LIMIT, Claim, SchemaError

_BODY_SECONDS = 10.0


@dataclass(frozen=True)
class Claimed:
    """Where the claim came from, as the Hub would see it."""

    address: str
    port: int


class Desk:
    """An HTTP server at the Hub's port, in a thread of its own.

    :raises OSError: when nobody can listen there, because the Hub does
    """

    def __init__(self, port: int, launch_id: str, nonce: str) -> None:
        self._launch_id = launch_id
        self._nonce = nonce
        self.claimed: Claimed | None = None
        desk = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _BODY_SECONDS

            def do_POST(self) -> None:
                status = desk.answer(self.path, self._body(), self.client_address)
                self.send_response(status)
                self.send_header(OURS, "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

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

        self._server = Server(("", port), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), daemon=True
        )

    def answer(self, path: str, body: bytes, source: Any) -> HTTPStatus:
        """Of one request: patience for the machine, and no word for others."""
        try:
            claim = Claim.from_json(body)
        except SchemaError:
            return HTTPStatus.BAD_REQUEST
        right = hmac.compare_digest(claim.nonce, self._nonce)
        if not path.endswith("/ec2spawner/claim") or not right:
            return HTTPStatus.FORBIDDEN
        self.claimed = self.claimed or Claimed(source[0], source[1])
        return HTTPStatus.ACCEPTED

    def __enter__(self) -> Desk:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
