"""The instance metadata service, IMDSv2 only.

Machines that are processes share this computer's network, so each asks at an address
of its own. Machines that boot ask at EC2's address and are told apart by theirs.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

from __future__ import annotations

import hmac
import http.server
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..net import peers

#: the listener's port on the machine's own address (AWS: 80 on 169.254.169.254)
PORT = 8169
#: longest life of a token, seconds
MAX_TTL = 21600
#: versions that somebody asks for: cloud-init the older ones
_VERSIONS = (
    "latest",
    "2009-04-04",
    "2016-09-02",
    "2018-09-24",
    "2021-03-23",
    "2021-07-15",
    "2024-04-11",
)


#: a body, or what makes it when it is asked for
Item = bytes | Callable[[], bytes]


@dataclass(frozen=True)
class MetadataView:
    """What one machine's metadata service answers right now."""

    #: path below /latest/ (e.g. "meta-data/instance-id") -> body
    items: dict[str, Item]
    endpoint_enabled: bool = True


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # A freed address may be given out again at once.
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: str, view: Callable[[], MetadataView]) -> None:
        self._view = view
        #: (who it was given to, token) -> when it ends
        self.tokens: dict[tuple[str, str], float] = {}
        try:
            super().__init__((address, PORT), _Handler)
        except OSError:
            super().__init__((address, 0), _Handler)

    def who(self, peer: str) -> str:
        """Which of the machines it serves has this address."""
        return ""

    def view(self, peer: str) -> MetadataView | None:
        return self._view()

    def admits(self, peer: tuple[str, int], here: tuple[str, int]) -> bool:
        return peers.is_ours(peer, here)

    def server_bind(self) -> None:
        # Not HTTPServer's: that asks the resolver for our name.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        host, port = self.socket.getsockname()
        self.server_name, self.server_port = str(host), int(port)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a machine that went away in the middle of a request


class _SharedListener(_Listener):
    """One address for machines that each have a network of their own."""

    def __init__(
        self, place: tuple[str, int], views: dict[str, Callable[[], MetadataView]]
    ) -> None:
        self._views = views
        self.tokens = {}
        http.server.ThreadingHTTPServer.__init__(self, place, _Handler)

    def who(self, peer: str) -> str:
        return peer

    def view(self, peer: str) -> MetadataView | None:
        view = self._views.get(peer)
        return view() if view else None

    def admits(self, peer: tuple[str, int], here: tuple[str, int]) -> bool:
        # Nobody but machines and root can reach this network.
        return True


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Listener
    server_version = "EC2ws"
    sys_version = ""
    timeout = 10
    disable_nagle_algorithm = True

    def do_PUT(self) -> None:
        if not self._may_ask():
            return
        if self.path != "/latest/api/token":
            return self._answer(404)
        text = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not text.isdigit() or not 1 <= int(text) <= MAX_TTL:
            return self._answer(400)
        token = secrets.token_urlsafe(40)
        who = self.server.who(self.client_address[0])
        self.server.tokens[who, token] = time.monotonic() + int(text)
        self._answer(
            200, token.encode(), {"X-aws-ec2-metadata-token-ttl-seconds": text}
        )

    def do_GET(self) -> None:
        if not self._may_ask():
            return
        token = self.headers.get("X-aws-ec2-metadata-token", "")
        if not self._valid(token):
            return self._answer(401)
        path = self.path.split("?", 1)[0]
        _, version, rest = (path + "//").split("/", 2)
        if version in _VERSIONS:
            return self._serve(rest.rstrip("/"))
        self._answer(404)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self._answer(405)

    def _may_ask(self) -> bool:
        here = self.connection.getsockname()
        view = self._view() if self.server.admits(self.client_address, here) else None
        if view is None or not view.endpoint_enabled:
            self._answer(403)
            return False
        # A request that came through a proxy is refused, so that an open proxy on
        # the machine does not hand out its identity.
        if self.headers.get("X-Forwarded-For") is not None:
            self._answer(403)
            return False
        return True

    def _view(self) -> MetadataView | None:
        return self.server.view(self.client_address[0])

    def _valid(self, token: str) -> bool:
        now = time.monotonic()
        me = self.server.who(self.client_address[0])
        return any(
            who == me and hmac.compare_digest(token.encode(), known.encode())
            for (who, known), end in list(self.server.tokens.items())
            if now < end
        )

    def _serve(self, path: str) -> None:
        view = self._view()
        items = view.items if view else {}
        if path in items:
            found = items[path]
            return self._answer(200, found if isinstance(found, bytes) else found())
        below = path + "/" if path else ""
        entries: list[str] = []
        for name in items:
            if name.startswith(below):
                rest = name[len(below) :]
                entry = rest.split("/", 1)[0] + ("/" if "/" in rest else "")
                if entry not in entries:
                    entries.append(entry)
        if not entries:
            return self._answer(404)
        self._answer(200, "\n".join(sorted(entries)).encode())

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        if status >= 400:
            body = f"{status} {self.responses[status][0]}".encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        kind = "application/octet-stream" if "user-data" in self.path else "text/plain"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class MetadataService:
    """All machines' metadata listeners, served by one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, _Listener] = {}
        self._selector = selectors.DefaultSelector()
        # Changes to the selector come from other threads; this wakes its owner.
        self._wake_read, self._wake_write = socket.socketpair()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(
            target=self._serve, name="metadata service", daemon=True
        )
        self._thread.start()

    def open(self, key: str, address: str, view: Callable[[], MetadataView]) -> str:
        """Start to answer for a machine; returns its endpoint URL."""
        self.close(key)
        listener = _Listener(address, view)
        self._add(key, listener)
        return f"http://{address}:{listener.server_port}"

    def close(self, key: str) -> None:
        """Answer for this machine no more."""
        self._remove(key)

    def _add(self, key: str, listener: _Listener) -> None:
        with self._lock:
            self._listeners[key] = listener
        self._selector.register(listener, selectors.EVENT_READ, listener)
        self._wake()

    def _remove(self, key: str) -> None:
        with self._lock:
            listener = self._listeners.pop(key, None)
        if listener is not None:
            self._selector.unregister(listener)
            listener.socket.close()
            self._wake()

    def close_all(self) -> None:
        self._closing = True
        for key in list(self._listeners):
            self._remove(key)
        self._wake()
        self._thread.join()
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()

    def _wake(self) -> None:
        self._wake_write.send(b"x")

    def _serve(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._wake_read.recv(4096)
                    continue
                try:
                    key.data._handle_request_noblock()
                except (OSError, ValueError):
                    pass  # closed between select and accept


class SharedMetadataService(MetadataService):
    """The same for machines in a network of their own, at one address for all.

    :param inside: makes a socket in that network
    """

    def __init__(
        self, address: str, inside: Callable[[Callable[[], Any]], Any]
    ) -> None:
        super().__init__()
        self._url = f"http://{address}"
        self._views: dict[str, Callable[[], MetadataView]] = {}
        self._addresses: dict[str, str] = {}
        try:
            self._add("", inside(lambda: _SharedListener((address, 80), self._views)))
        except BaseException:
            self.close_all()
            raise

    def open(self, key: str, address: str, view: Callable[[], MetadataView]) -> str:
        self._addresses[key] = address
        self._views[address] = view
        return self._url

    def close(self, key: str) -> None:
        address = self._addresses.pop(key, None)
        if address is not None:
            self._views.pop(address, None)
