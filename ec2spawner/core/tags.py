"""The lease of a machine: until when it may live without a Hub. Pure.

It is the value of the tag ``ec2spawner:lease``, a time in UTC as
``2026-11-22T16:40:00Z``, which people and AWS's tools can read and compare as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# What is left of a lease, as a share, when it must be renewed: before half of it is
# over. Those that have come nearly so far go along in the same call, so that the
# machines of a hub end up in step.
_MUST, _MAY = 0.6, 0.8


def lease_text(until: float) -> str:
    """The tag's value. ``until`` is seconds since the epoch."""
    return datetime.fromtimestamp(until, timezone.utc).strftime(_FORMAT)


def read_lease(text: str) -> float:
    """Seconds since the epoch; 0 for a text that is no lease, such as none."""
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0


def to_renew(leases: Mapping[str, float], length: float, now: float) -> list[str]:
    """The ids whose leases are to be renewed now, in one call.

    :param leases: id -> until when
    :param length: seconds of a new lease
    :param now: seconds since the epoch
    """
    if not any(until - now <= _MUST * length for until in leases.values()):
        return []
    return [id for id, until in leases.items() if until - now <= _MAY * length]
