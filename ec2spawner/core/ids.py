"""Who is who: ids that never rest on a name alone, and the tags that carry them."""

from __future__ import annotations

import base64
import hashlib
import secrets

HUB_TAG = "ec2spawner:hub"
SERVER_TAG = "ec2spawner:server"
LAUNCH_TAG = "ec2spawner:launch"
OWNER_TAG = "ec2spawner:owner"
#: until when a machine may live without a Hub, see lease.py
LEASE_TAG = "ec2spawner:lease"
#: a person's word that a machine must not be swept, whatever we think of it
KEEP_TAG = "ec2spawner:keep"
#: marks a home, whatever its value: no sweep ever deletes what carries it, unless it
#: was discarded
HOME_TAG = "ec2spawner:home"
#: on a volume or snapshot: it is nobody's home any more, and the sweep deletes it as
#: soon as nothing uses it; the value is when that was decided, seconds since the epoch
DISCARD_TAG = "ec2spawner:discard"
#: on a volume: it is nobody's home any more, and the Hub's sweep makes a snapshot of it
#: and then discards it; on that snapshot: the volume that it holds
ARCHIVE_TAG = "ec2spawner:archive"
#: on a home: the move to another zone that is under way, empty for none; on a snapshot
#: and on a volume that is not a home yet: the move that made it. See lineage.py
MOVE_TAG = "ec2spawner:move"
#: on a home that has moved: the volume that has taken its place, and by which move
MOVED_TO_TAG = "ec2spawner:moved-to"
#: on a copy: the volumes whose place it takes, newest first
MOVED_FROM_TAG = "ec2spawner:moved-from"
TAG_PREFIX = "ec2spawner:"


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
