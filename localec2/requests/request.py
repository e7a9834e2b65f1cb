"""One request to the API, read once from the wire."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

MUTABLE_ENVIRON = dict[str, Any]


class ApiRequest:
    """Service, action and parameters of a request; the body can be rewritten."""

    def __init__(self, environ: MUTABLE_ENVIRON) -> None:
        self.environ = environ
        length = int(environ.get("CONTENT_LENGTH") or 0)
        self.body: bytes = environ["wsgi.input"].read(length) if length else b""
        self.path: str = environ.get("PATH_INFO", "/")
        self.method: str = environ.get("REQUEST_METHOD", "GET")
        self.service, self.region = _scope(environ.get("HTTP_AUTHORIZATION", ""))
        self.agent: str = environ.get("HTTP_USER_AGENT", "")
        self.params: dict[str, str] = {}
        target: str = environ.get("HTTP_X_AMZ_TARGET", "")
        if target:
            self.protocol = "json"
            self.action = target.rsplit(".", 1)[-1]
            self.params = _flat_json(self.body)
        else:
            text = self.body.decode("utf-8", "replace") or environ.get(
                "QUERY_STRING", ""
            )
            self.params = dict(parse_qsl(text, keep_blank_values=True))
            self.action = self.params.get("Action", "")
            self.protocol = "ec2" if self.service == "ec2" else "query"

    @property
    def is_ec2(self) -> bool:
        return self.service == "ec2"

    def get(self, name: str) -> str | None:
        """A parameter, None when absent or empty."""
        return self.params.get(name) or None

    def flag(self, name: str) -> bool:
        return self.params.get(name, "").lower() == "true"

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.params.get(name, default))
        except ValueError:
            return default

    def numbered(self, name: str) -> list[str]:
        """The values of ``name.1``, ``name.2``, ... in order."""
        pattern = re.compile(re.escape(name) + r"\.(\d+)$")
        found = [
            (int(match.group(1)), value)
            for key, value in self.params.items()
            if (match := pattern.match(key))
        ]
        return [value for _, value in sorted(found)]

    def groups(self, name: str) -> list[dict[str, str]]:
        """``name.1.X``, ``name.1.Y.1`` ... as one flat mapping per number."""
        pattern = re.compile(re.escape(name) + r"\.(\d+)\.(.+)$")
        found: dict[int, dict[str, str]] = {}
        for key, value in self.params.items():
            if match := pattern.match(key):
                found.setdefault(int(match.group(1)), {})[match.group(2)] = value
        return [found[number] for number in sorted(found)]

    def tag_specifications(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """(resource type, [(key, value), ...]) of TagSpecification.N."""
        result = []
        for group in self.groups("TagSpecification"):
            result.append((group.get("ResourceType", ""), tags_of(group)))
        return result

    def rewrite(self, changes: Mapping[str, str], drop: Iterable[str] = ()) -> None:
        """Change parameters of a form request before moto sees them."""
        self.params.update(changes)
        for name in drop:
            self.params.pop(name, None)
        self.body = urlencode(self.params).encode()

    def rewind(self) -> MUTABLE_ENVIRON:
        """The WSGI environment with the body ready to be read again."""
        self.environ["wsgi.input"] = io.BytesIO(self.body)
        self.environ["CONTENT_LENGTH"] = str(len(self.body))
        return self.environ

    def user_data(self) -> bytes | None:
        """The raw bytes of the user-data; None when absent or not base64."""
        text = self.params.get("UserData") or self.params.get("UserData.Value")
        if not text and self.params.get("Attribute") == "userData":
            text = self.params.get("Value")
        if not text:
            return None
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None


def tags_of(group: Mapping[str, str]) -> list[tuple[str, str]]:
    """[(key, value), ...] of Tag.1.Key, Tag.1.Value, ... in a flat group."""
    found: dict[int, list[str]] = {}
    for key, value in group.items():
        match = re.match(r"Tag\.(\d+)\.(Key|Value)$", key)
        if match:
            pair = found.setdefault(int(match.group(1)), ["", ""])
            pair[0 if match.group(2) == "Key" else 1] = value
    return [(pair[0], pair[1]) for _, pair in sorted(found.items())]


def readable(raw: bytes) -> str:
    """User-data as text, gunzipped when it is gzip."""
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError):
            pass
    return raw.decode("utf-8", "replace")


def _scope(authorization: str) -> tuple[str, str]:
    """(service, region) of a SigV4 Authorization header."""
    match = re.search(
        r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request", authorization
    )
    return (match.group(2), match.group(1)) if match else ("", "")


def _flat_json(body: bytes) -> dict[str, str]:
    """The top level of a JSON body, every value as text, so faults can match."""
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    if not isinstance(data, dict):
        return {}
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in data.items()
    }
