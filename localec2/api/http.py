"""The HTTP server: one address, the API and the control API behind it."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from ..errors import AwsError, render_error
from ..net import peers
from ..requests.faults import Fault
from ..requests.request import ApiRequest
from ..requests.request_log import LoggedRequest
from ..requests.wire import PAGE, PAGE_TYPE
from .control_api import ControlApi
from .dispatch import Answer, Ec2Api

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

log = logging.getLogger(__name__)

_CODE = re.compile(rb"<Code>([^<]*)</Code>")


class Gate:
    """A WSGI application: log, faults, throttling, then the work."""

    def __init__(self, api: Ec2Api, control: ControlApi) -> None:
        self.api = api
        self.control = control

    def __call__(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        refused = _refusal(environ)
        if refused:
            return _send(start_response, 403, "text/plain", refused.encode())
        request = ApiRequest(environ)
        if request.path.startswith("/_local/"):
            status, body = self.control.answer(request)
            return _send(start_response, status, "application/json", body)
        answer, length = self._answer(request)
        sent = _send(
            start_response, answer.status, answer.content_type, answer.body, length
        )
        if length == len(answer.body):
            return sent
        return _then_end(sent, environ["werkzeug.socket"])

    def _answer(self, request: ApiRequest) -> tuple[Answer, int]:
        """What arrives at the client, and how long the answer is said to be."""
        cloud = self.api.cloud
        entry = cloud.log.open(request)
        fault = cloud.faults.take(
            request.service, request.action, request.params, request.region
        )
        time.sleep(fault.delay)
        if fault.lose_request:
            self._cut(request, entry, "RequestLost")
        try:
            answer = self._work(request, fault, entry)
        except AwsError as error:
            kind, body = render_error(error, request.protocol)
            answer = Answer(error.status, kind, body)
        time.sleep(fault.delay_answer)
        if fault.lose_answer:
            self._cut(request, entry, "AnswerLost")
        code_found = _CODE.search(answer.body) if answer.status >= 400 else None
        cloud.log.close(
            entry, answer.status, code_found.group(1).decode() if code_found else None
        )
        return _on_the_wire(answer, fault)

    def _work(self, request: ApiRequest, fault: Fault, entry: LoggedRequest) -> Answer:
        cloud, wire = self.api.cloud, fault.wire
        if fault.error is not None:
            code, status = fault.error[0], fault.error[1]
            message = fault.error[2] if len(fault.error) > 2 else f"{code} (fault)"
            raise AwsError(code, message, status)
        if wire is not None and wire.undone:
            return Answer(wire.page or 200, PAGE_TYPE, PAGE)
        if wire is not None and wire.twice:
            asked, body = dict(request.params), request.body
            with contextlib.suppress(AwsError):
                self.api.answer(request, fault, entry)
            # Some rules rewrite a request before moto sees it.
            request.params, request.body = asked, body
        cloud.buckets.take(
            cloud.settings.throttle,
            request.action,
            _unfiltered(request),
            request.region,
        )
        return self.api.answer(request, fault, entry)

    def _cut(self, request: ApiRequest, entry: LoggedRequest, why: str) -> None:
        self.api.cloud.log.close(entry, -1, why)
        cut_connection(request.environ["werkzeug.socket"])


def _on_the_wire(answer: Answer, fault: Fault) -> tuple[Answer, int]:
    """What arrives of an answer, and the length that it is said to have."""
    wire = fault.wire
    if wire is None:
        return answer, len(answer.body)
    if wire.page is not None:
        answer = Answer(wire.page, PAGE_TYPE, PAGE)
    body = wire.passes(answer.body)
    said = len(body) if wire.reframed else len(answer.body)
    return Answer(answer.status, answer.content_type, body), said


def _then_end(sent: Iterable[bytes], connection: socket.socket) -> Iterator[bytes]:
    """After that the line is dead, whatever the client still expects."""
    # Never empty: the first piece takes the headers along.
    yield b"".join(sent)
    connection.shutdown(socket.SHUT_RDWR)


def cut_connection(connection: socket.socket) -> None:
    """End a connection with a reset instead of an answer.

    Closing the socket object is not enough while files made of it are alive, so its
    descriptor is closed.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
    raise ConnectionResetError("cut by a scripted fault")


def _refusal(environ: dict[str, Any]) -> str | None:
    """Why this request is not for us: another user's, or from a web page."""
    connection: socket.socket = environ["werkzeug.socket"]
    if not peers.is_ours(connection.getpeername()[:2], connection.getsockname()[:2]):
        return "this local EC2 belongs to another user of this computer"
    host = environ.get("HTTP_HOST", "").rsplit(":", 1)[0]
    if host not in ("127.0.0.1", "localhost"):
        return "ask for 127.0.0.1"
    # A page in a browser can neither sign requests nor set headers of its own
    # without asking first (OPTIONS), and is told no.
    if environ["REQUEST_METHOD"] == "OPTIONS" or "HTTP_ORIGIN" in environ:
        return "not for web pages"
    control = environ.get("PATH_INFO", "").startswith("/_local/")
    if control and "HTTP_X_EC2SPAWNER_LOCAL" not in environ:
        return "set the header X-EC2Spawner-Local"
    if not control and "AWS4-HMAC" not in environ.get("HTTP_AUTHORIZATION", ""):
        return "the request is not signed"
    return None


def _unfiltered(request: ApiRequest) -> bool:
    """Neither filters nor ids nor pages: AWS has smaller buckets for these."""
    return not any(
        name.startswith(("Filter.", "MaxResults", "NextToken"))
        or re.search(r"Id\.\d+$", name)
        for name in request.params
    )


def _send(
    start_response: StartResponse,
    status: int,
    content_type: str,
    body: bytes,
    length: int | None = None,
) -> Iterable[bytes]:
    said = len(body) if length is None else length
    headers = [("Content-Type", content_type), ("Content-Length", str(said))]
    start_response(f"{status} {'OK' if status < 400 else 'Error'}", headers)
    return [body]


class _Handler(WSGIRequestHandler):
    # Headers and body are two writes; without this the second waits 10 ms.
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        if self.connection.fileno() < 0:
            # A scripted fault has cut it.
            self.close_connection = True
            return
        super().handle_one_request()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass  # the request log has it

    def address_string(self) -> str:
        return str(self.client_address[0])  # no name lookup


class HttpServer:
    """The server in a thread of its own, each request in another."""

    def __init__(self, app: Callable[..., Any], port: int) -> None:
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, app, threaded=True, request_handler=_Handler
        )
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="http",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
