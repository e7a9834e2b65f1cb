"""HTTP, as far as the agent needs it."""

from __future__ import annotations

import http.client
import urllib.parse


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    source: str = "",
    timeout: float = 15,
) -> tuple[int, bytes]:
    """One HTTP request without proxies: (status, body). Raises OSError."""
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
        return answer.status, answer.read()
    except http.client.HTTPException as e:
        raise OSError(repr(e)) from e
    finally:
        connection.close()
