"""HTTP, as far as the agent needs it."""

from __future__ import annotations

import http.client
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
) -> Answer:
    """One HTTP request without proxies. Raises OSError, also for half an answer."""
    parts = urllib.parse.urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(
        parts.hostname or "",
        parts.port,
        timeout=timeout,
        source_address=(source, 0) if source else None,
    )
    try:
        path = parts.path + ("?" + parts.query if parts.query else "")
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), answer.getheader(OURS) is not None)
    except http.client.HTTPException as e:
        raise OSError(repr(e)) from e
    finally:
        connection.close()
