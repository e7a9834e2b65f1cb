"""HTTP, as far as the agent needs it."""

from __future__ import annotations

import errno
import http.client
import random
import ssl
import urllib.parse
from typing import NamedTuple

# Only the Hub's own routes set it: what stands between, a proxy or a page that wants
# people to log in, has answers of every status.
OURS = "X-EC2Spawner"


class Answer(NamedTuple):
    """An answer in full. ``ours``: the Hub's own word, and nobody else's."""

    status: int
    body: bytes
    ours: bool = False


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    source: str = "",
    timeout: float = 15,
    as_root: bool = False,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """One HTTP request without proxies. Raises OSError, also for half an answer.

    :param as_root: from a port that no user's program can have (ip(7)), where we may
    :param trust: whom to believe, of https; None for whom the image believes
    """
    parts = urllib.parse.urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, port, timeout=timeout, context=trust
        )
    elif trust:
        raise OSError("no http where https is wanted")
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        path = parts.path + ("?" + parts.query if parts.query else "")
        _connect(connection, source, as_root)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), answer.getheader(OURS) is not None)
    except http.client.HTTPException as e:
        raise OSError(repr(e)) from e
    finally:
        connection.close()


def _connect(
    connection: http.client.HTTPConnection, source: str, as_root: bool
) -> None:
    ports = random.sample(range(512, 1024), 20) if as_root else []
    for port in ports + [0]:
        where = (source, port) if source or port else None
        connection.source_address = where  # type: ignore[attr-defined]
        try:
            return connection.connect()
        except ssl.SSLError:
            raise  # its numbers are not those of errno
        except OSError as e:
            # In use: by another program, or by our own question of a moment ago.
            taken = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM)
            if not port or e.errno not in taken:
                raise
