"""The tags on what this project creates, and what their values say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone

HUB_TAG = "ec2spawner:hub"
SERVER_TAG = "ec2spawner:server"
LAUNCH_TAG = "ec2spawner:launch"
OWNER_TAG = "ec2spawner:owner"
#: until when a machine may live without a Hub, see below
LEASE_TAG = "ec2spawner:lease"
#: which Hub's database asked for it: two Hubs may have one hub id:
#: see hub/database/name.py
DATABASE_TAG = "ec2spawner:database"
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
#: on a machine: it makes an image, and serves nobody; the value is the image's key
BUILD_TAG = "ec2spawner:build"
#: on a machine: it is ready for somebody, and nobody's yet; the value is its kind, or,
#: once it has been given away, ``given`` and when: see ``read_given``
READY_TAG = "ec2spawner:ready"
#: on an image and its snapshots: its name, of which the newest that is ready is taken
IMAGE_TAG = "ec2spawner:image"
#: on an image: the hash of all that went into it
KEY_TAG = "ec2spawner:key"
#: on an image: only what is ``READY`` is offered. ``TESTING``: it is not tested yet;
#: ``FAILED``: its test has failed; ``RAW``: a copy of somebody's disk
STATUS_TAG = "ec2spawner:status"
READY, TESTING, FAILED, RAW = "ready", "testing", "failed", "raw"
#: on an image: where the repository is, without credentials; the commit that it was
#: first built for; which Python its kernel has; how many packages
SOURCE_TAG = "ec2spawner:source"
COMMIT_TAG = "ec2spawner:commit"
PYTHON_TAG = "ec2spawner:python"
PACKAGES_TAG = "ec2spawner:packages"
#: on an image that was made of somebody's machine: how many secrets are left in it, as
#: far as they can be found; "0" for none
SECRETS_TAG = "ec2spawner:secrets"
#: on such an image: whose machine it was
SAVED_TAG = "ec2spawner:saved"
TAG_PREFIX = "ec2spawner:"

# EC2 user guide, "Tag your Amazon EC2 resources": the characters that every
# service accepts in tag values.
_NOT_IN_TAGS = re.compile(r"[^\w +\-=._:/@]")
_TAG_VALUE_LENGTH = 256

# A lease is a time in UTC as ``2026-11-22T16:40:00Z``, which people and AWS's tools can
# read and compare as text.
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# What is left of a lease, as a share, when it must be renewed: before half of it is
# over. Those that have come nearly so far go along in the same call, so that the
# machines of a hub end up in step.
_MUST, _MAY = 0.6, 0.8


def tag_value(text: str) -> str:
    """As EC2 takes it."""
    return _NOT_IN_TAGS.sub("_", text)[:_TAG_VALUE_LENGTH]


def lease_text(until: float) -> str:
    """The tag's value. ``until`` is seconds since the epoch."""
    return datetime.fromtimestamp(until, timezone.utc).strftime(_FORMAT)


def read_lease(text: str) -> float:
    """Seconds since the epoch; 0 for a text that is no lease, such as none."""
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0


_GIVEN = "given "


def given_text(at: float) -> str:
    """The value of ``READY_TAG`` of a machine that was given away then, in seconds
    since the epoch."""
    return _GIVEN + lease_text(at)


def read_given(text: str) -> float:
    """When a machine was given away, seconds since the epoch; 0 for one that was not.

    :param text: the value of ``READY_TAG``; empty without one
    """
    return read_lease(text.removeprefix(_GIVEN)) if text.startswith(_GIVEN) else 0.0


def to_renew(leases: Mapping[str, float], length: float, now: float) -> list[str]:
    """The ids whose leases are to be renewed now, in one call.

    :param leases: id -> until when
    :param length: seconds of a new lease
    :param now: seconds since the epoch
    """
    if not any(until - now <= _MUST * length for until in leases.values()):
        return []
    return [id for id, until in leases.items() if until - now <= _MAY * length]
