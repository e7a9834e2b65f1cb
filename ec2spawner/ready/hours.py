"""When something is to be so: ``Mon-Fri 8-18 Europe/Berlin``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TEXT = re.compile(
    r"(?:(?P<days>[A-Za-z]{3}(?:[-,][A-Za-z]{3})*)\s+)?"
    r"(?P<from>\d{1,2})(?::(?P<from_min>\d\d))?\s*-\s*"
    r"(?P<to>\d{1,2})(?::(?P<to_min>\d\d))?"
    r"(?:\s+(?P<zone>\S+))?"
)
_HOW = "write it as 'Mon-Fri 8-18 Europe/Berlin', 'Sat,Sun 9:30-12' or '22-6'"


@dataclass(frozen=True)
class Hours:
    """Times of a week; minutes of the day. ``end`` before ``begin`` is the next day."""

    days: frozenset[int]
    begin: int
    end: int
    zone: tzinfo = timezone.utc

    def include(self, now: float) -> bool:
        """
        :param now: seconds since the epoch
        """
        then = datetime.fromtimestamp(now, self.zone)
        day, minute = then.weekday(), then.hour * 60 + then.minute
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        late = day in self.days and minute >= self.begin
        return late or (day - 1) % 7 in self.days and minute < self.end


ALWAYS = Hours(frozenset(range(7)), 0, 24 * 60)


def read_hours(text: str) -> Hours:
    """
    :param text: days, hours and a time zone by its name, of which days and zone may be
        left out: every day, and UTC. Empty for always
    :raises ValueError: for anything else, with what to write
    """
    if not text.strip():
        return ALWAYS
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} are no hours: {_HOW}")
    begin, end = _minute(match, "from", text), _minute(match, "to", text)
    if begin == end:
        raise ValueError(f"{text!r} end when they begin: {_HOW}")
    return Hours(_days(match["days"], text), begin, end, _zone(match["zone"] or "UTC"))


def _minute(match: re.Match[str], name: str, text: str) -> int:
    hour, minute = int(match[name]), int(match[f"{name}_min"] or 0)
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise ValueError(f"{text!r} has a time that no day has: {_HOW}")
    return hour * 60 + minute


def _days(text: str | None, all_of_it: str) -> frozenset[int]:
    if not text:
        return ALWAYS.days
    found: set[int] = set()
    try:
        for part in text.lower().split(","):
            first, _, last = part.partition("-")
            begin = _DAYS.index(first)
            length = (_DAYS.index(last or first) - begin) % 7 + 1
            found.update((begin + n) % 7 for n in range(length))
    except ValueError:
        raise ValueError(f"{all_of_it!r} has a day that no week has: {_HOW}") from None
    return frozenset(found)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is no time zone that this computer knows: write one as "
            "'Europe/Berlin', or leave it out for UTC"
        ) from None
