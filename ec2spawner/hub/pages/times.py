"""Times in sentences, as HTML that a browser shows in its user's own time zone. Pure.

Without JavaScript the words stay as they are, in UTC.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

from markupsafe import Markup, escape

_DAY = timedelta(days=1)
_MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()
# As server/notices.py writes them: "15 January at about 12:00 UTC",
# "15 January, 12:00 UTC", or "12:00 UTC".
_TIME = re.compile(
    rf"(?:(?P<day>\d{{1,2}}) (?P<month>{'|'.join(_MONTHS)})(?:,| at about)? )?"
    r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d) UTC"
)
#: what shows all of a page's times in its user's zone
SCRIPT = Markup((Path(__file__).parent / "templates" / "ec2_times.html").read_text())


def time_tag(at: float, words: str = "") -> Markup:
    """A moment as HTML.

    :param at: seconds since the epoch
    :param words: what is shown without JavaScript
    """
    moment = datetime.fromtimestamp(at, timezone.utc)
    words = words or f"{moment.day} {moment:%B} {moment:%H:%M} UTC"
    stamp = moment.strftime("%Y-%m-%dT%H:%MZ")
    return Markup('<time datetime="{}">{}</time>').format(stamp, words)


def with_times(text: str, now: float) -> Markup:
    """A sentence as HTML, with the times in it marked as such.

    Sentences have no years, and some no days: the moment that is nearest to now is
    meant.

    :param now: seconds since the epoch
    """
    parts, last = [], 0
    for found in _TIME.finditer(text):
        at = _moment(found, datetime.fromtimestamp(now, timezone.utc))
        if at is not None:
            parts += [escape(text[last : found.start()]), time_tag(at, found[0])]
            last = found.end()
    return Markup("").join([*parts, escape(text[last:])])


def _moment(found: re.Match[str], now: datetime) -> float | None:
    hour, minute = int(found["hour"]), int(found["minute"])
    same = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if found["day"] is None:
        candidates = [same - _DAY, same, same + _DAY]
    else:
        month, day = _MONTHS.index(found["month"]) + 1, int(found["day"])
        candidates = []
        for year in (now.year - 1, now.year, now.year + 1):
            try:
                candidates.append(same.replace(year=year, month=month, day=day))
            except ValueError:
                continue  # 29 February, and what is no day
    nearest = min(candidates, key=lambda each: abs(each - now), default=None)
    return nearest.timestamp() if nearest else None
