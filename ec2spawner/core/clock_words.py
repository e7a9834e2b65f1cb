"""Moments and times in words, as users read them, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_DAY = timedelta(days=1)
_MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()
# "15 January at about 12:00 UTC", "15 January, 12:00 UTC", or "12:00 UTC".
_TIME = re.compile(
    rf"(?:(?P<day>\d{{1,2}}) (?P<month>{'|'.join(_MONTHS)})(?:,| at about)? )?"
    r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d) UTC"
)


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


@dataclass(frozen=True)
class Moment:
    """A time in a sentence.

    :ivar start: where its words begin, and ``end`` where they end
    :ivar at: seconds since the epoch
    :ivar has_day: whether its day is said, too
    """

    words: str
    start: int
    end: int
    at: float
    has_day: bool


def moments(text: str, now: float) -> Iterator[Moment]:
    """The times in a sentence, as :func:`clock` and :func:`day` write them.

    Sentences have no years, and some no days: the moment that is nearest to now is
    meant.

    :param now: seconds since the epoch
    """
    for found in _TIME.finditer(text):
        at = _nearest(found, datetime.fromtimestamp(now, timezone.utc))
        if at is not None:
            has_day = found["day"] is not None
            yield Moment(found[0], found.start(), found.end(), at, has_day)


def _nearest(found: re.Match[str], now: datetime) -> float | None:
    hour, minute = int(found["hour"]), int(found["minute"])
    same = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if found["day"] is None:
        candidates = [same - _DAY, same, same + _DAY]
    else:
        month, day_number = _MONTHS.index(found["month"]) + 1, int(found["day"])
        candidates = []
        for year in (now.year - 1, now.year, now.year + 1):
            try:
                candidates.append(same.replace(year=year, month=month, day=day_number))
            except ValueError:
                continue  # 29 February, and what is no day
    nearest = min(candidates, key=lambda each: abs(each - now), default=None)
    return nearest.timestamp() if nearest else None
