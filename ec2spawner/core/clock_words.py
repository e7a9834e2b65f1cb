"""Moments in words, as users read them. Pure."""

from __future__ import annotations

from datetime import datetime, timezone


def clock(moment: float) -> str:
    """``14:05 UTC``. The moment is in seconds since the epoch."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%H:%M UTC")


def day(moment: float) -> str:
    """``26 November at about 14:05 UTC``, for what may stand for days."""
    at = datetime.fromtimestamp(moment, timezone.utc)
    return f"{at.day} {at:%B} at about {clock(moment)}"
