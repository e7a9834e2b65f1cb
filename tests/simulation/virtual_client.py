"""The client's end of a request to a Hub in this process, without a socket."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from tornado.httputil import HTTPHeaders, RequestStartLine


class Client:
    """The client's end of one request, from an address."""

    def __init__(self, address: str, port: int) -> None:
        self.context = SimpleNamespace(remote_ip=address, protocol="http")
        peer = SimpleNamespace(getpeername=lambda: (address, port))
        self.stream = SimpleNamespace(socket=peer)
        self.status = 0
        self.body = b""
        self.headers = HTTPHeaders()
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def set_close_callback(self, callback: Any) -> None:
        pass

    def set_body_timeout(self, seconds: float) -> None:
        pass

    def set_max_body_size(self, size: int) -> None:
        pass

    def write_headers(self, start_line: Any, headers: Any, chunk: Any = None) -> Any:
        self.status, self.headers = start_line.code, headers
        return self.write(chunk or b"")

    def write(self, chunk: bytes) -> Any:
        self.body += chunk
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)

    async def ask(
        self, application: Any, method: str, uri: str, body: Any, token: str = ""
    ) -> None:
        """Send one request, and wait until it is answered.

        :param body: bytes as they are, text as a form, anything else as JSON
        """
        headers = HTTPHeaders({"Host": "127.0.0.1"})
        form = isinstance(body, str)
        if body is not None:
            kind = "x-www-form-urlencoded" if form else "json"
            headers["Content-Type"] = f"application/{kind}"
        if isinstance(body, bytes):
            data = body
        else:
            text = body if form else json.dumps(body)
            data = b"" if body is None else text.encode()
        headers["Content-Length"] = str(len(data))
        if token:
            headers["Authorization"] = f"token {token}"
        # Some handlers are asked before the body is there.
        receiver = application.start_request(None, self)
        start_line = RequestStartLine(method, uri, "HTTP/1.1")
        if (prepared := receiver.headers_received(start_line, headers)) is not None:
            await prepared
        if data and not self.finished.done():
            receiver.data_received(data)
        if not self.finished.done():
            receiver.finish()
        await self.finished
