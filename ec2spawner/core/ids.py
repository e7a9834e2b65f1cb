"""Who is who: ids of hubs, servers, owners and launches. Never a name alone. Pure."""

from __future__ import annotations

import base64
import hashlib
import secrets


def digest(*parts: str | bytes, length: int = 20) -> str:
    """A short lower-case id of ``length`` characters, 5 bits each.

    The parts are kept apart by a NUL, so ("a", "bc") and ("ab", "c") differ.
    """
    raw = b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)
    return base64.b32encode(hashlib.sha256(raw).digest()).decode().lower()[:length]


def hub_id_from_cookie_secret(cookie_secret: bytes) -> str:
    """The default hub id: two hubs in one account never share one by accident."""
    return digest("ec2spawner hub", cookie_secret, length=16)


def server_id(hub_id: str, user_name: str, server_name: str) -> str:
    """The id of one server of one user on one hub."""
    return digest("ec2spawner server", hub_id, user_name, server_name)


def owner_id(hub_id: str, user_name: str) -> str:
    """The id of one user of one hub."""
    return digest("ec2spawner owner", hub_id, user_name)


def owner_of(hub_id: str, user: str, server: str, kind: str) -> str:
    """The value of a home's tag.

    :param kind: whose it is, as the setting ``home`` has it: "user" or "server"
    """
    if kind == "server":
        return server_id(hub_id, user, server)
    return owner_id(hub_id, user)


def kind_of_tag(hub_id: str, user: str, server: str, tag: str) -> str:
    """Whose home it is that has this tag: of the user, of the server, or "" of none."""
    for kind in ("user", "server"):
        if owner_of(hub_id, user, server, kind) == tag:
            return kind
    return ""


def new_launch_id() -> str:
    """A random id for one try to get a machine for one server. Not a secret."""
    return secrets.token_hex(10)


def client_token(launch_id: str, attempt: int) -> str:
    """EC2's idempotency token for one attempt: at most 64 ASCII characters.

    A token is zonal, so every candidate needs its own (EC2 developer guide,
    "Ensuring idempotency in Amazon EC2 API requests").
    """
    return f"ec2spawner-{launch_id}-{attempt}"


def secret_hash(secret: str) -> str:
    """The SHA-256 of a random secret, in hex. For secrets of full entropy only."""
    return hashlib.sha256(secret.encode()).hexdigest()
