"""A forward proxy that lets through what is on a list, and nothing else.

It tunnels (CONNECT) and it passes on plain HTTP. Names are looked up here, so a machine
without a resolver reaches what is on the list by name.

Run as a script it serves a socket that it is given (`outside.Outside`). Then nothing
else of this package can be imported: only the standard library here.

https://www.rfc-editor.org/rfc/rfc9110#name-connect
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import socket
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

#: seconds for a request's head to arrive, and for the other side to answer a call
_PATIENCE = 30.0
#: longest head of a request, bytes
_LONGEST = 65536
_PIECE = 65536


class Refused(Exception):
    """The proxy does not do this; the text says why, ``status`` is HTTP's."""

    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status


def split_place(text: str, port: int = 0) -> tuple[str, int]:
    """``HOST:PORT`` as a pair, the host in lower case, without brackets.

    :param port: what it is when the text names none; 0 for an error then
    :raises ValueError: when it is not such a text
    """
    parts = urlsplit(f"//{text}")
    if parts.netloc != text or "@" in text or not parts.hostname:
        raise ValueError(f"{text!r} is not HOST:PORT")
    found = parts.port or port
    if not found:
        raise ValueError(f"{text!r} names no port: write HOST:PORT, {text}:443 perhaps")
    return parts.hostname, found


def is_on(allowed: Sequence[str], host: str, port: int) -> bool:
    """Whether a list of ``HOST:PORT``, hosts with wildcards, names this place."""
    places = (split_place(each) for each in allowed)
    return any(
        port == known_port and fnmatch.fnmatchcase(host, known)
        for known, known_port in places
    )


def read_head(head: bytes) -> tuple[str, int, bytes]:
    """Where a request wants to go, and what is to be sent there first.

    A connection carries one request of plain HTTP: the next may be for another place.

    :param head: from the request line to the empty line
    :returns: host, port, bytes; no bytes for a tunnel
    :raises Refused: when it is no request for a proxy
    """
    lines = head.decode("latin-1").split("\r\n")
    try:
        method, target, version = lines[0].split(" ")
        if method == "CONNECT":
            return (*split_place(target), b"")
        url = urlsplit(target)
        if url.scheme != "http":
            raise ValueError("this is a proxy: it has nothing of its own")
        host, port = split_place(url.netloc, 80)
    except ValueError as error:
        raise Refused("400 Bad Request", str(error)) from None
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [
        line
        for line in lines[1:-2]
        if not line.lower().startswith(("proxy-", "connection:", "keep-alive:"))
    ]
    sent = [f"{method} {path} {version}", *kept, "Connection: close", "", ""]
    return host, port, "\r\n".join(sent).encode("latin-1")


class Proxy:
    """Serves connections as long as it runs."""

    def __init__(self) -> None:
        #: ``HOST:PORT`` of what may be reached; can be changed at any time
        self.allowed: Sequence[str] = ()

    async def serve(self, listener: socket.socket) -> asyncio.Server:
        return await asyncio.start_server(
            self._connected, sock=listener, limit=_LONGEST
        )

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.closing(writer):
            try:
                await self._pass_on(reader, writer)
            except Refused as refused:
                print(f"refused: {refused}", file=sys.stderr, flush=True)
                text = f"{refused}\n".encode()
                head = f"HTTP/1.1 {refused.status}\r\nContent-Type: text/plain\r\n"
                head += f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
                writer.write(head.encode() + text)
                with contextlib.suppress(OSError):
                    await writer.drain()
            except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError):
                pass  # the machine went away, or says nothing that we understand

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
        host, port, first = read_head(head)
        if not is_on(self.allowed, host, port):
            why = f"{host}:{port} is not in `outside` of this local EC2"
            raise Refused("403 Forbidden", why)
        try:
            theirs, to_them = await asyncio.wait_for(
                asyncio.open_connection(host, port), _PATIENCE
            )
        except (OSError, asyncio.TimeoutError) as error:
            why = f"{host}:{port} cannot be reached: {error or 'no answer'}"
            raise Refused("502 Bad Gateway", why) from None
        with contextlib.closing(to_them):
            if first:
                to_them.write(first)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_copy(reader, to_them), _copy(theirs, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Until one side ends; the other one is told."""
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
        target.write_eof()


async def _run(listener: socket.socket) -> None:
    """Serve until standard input ends.

    Each line of it is a new list, as JSON, and is answered by one when it is in force.
    """
    proxy = Proxy()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    server = await proxy.serve(listener)
    while line := await lines.readline():
        proxy.allowed = json.loads(line)
        print("in force", flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(_run(socket.socket(fileno=int(sys.argv[1]))))
