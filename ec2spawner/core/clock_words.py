"""Moments and times in words, as users read them. Pure."""

from __future__ import annotations

from datetime import datetime, timezone


def clock(moment: float) -> str:
    """``14:05 UTC``. The moment is in seconds since the epoch."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%H:%M UTC")


def day(moment: float) -> str:
    """``26 November at about 14:05 UTC``, for what may stand for days."""
    at = datetime.fromtimestamp(moment, timezone.utc)
    return f"{at.day} {at:%B} at about {clock(moment)}"


def span(seconds: float) -> str:
    """``40 s``, ``13 min``, ``2 h 13 min``, ``3 days``."""
    if seconds < 100:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(minutes / 1440)} days"
