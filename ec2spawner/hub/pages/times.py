"""Times in sentences, as HTML that a browser shows in its user's own time zone. Pure.

Without JavaScript the words stay as they are, in UTC.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from markupsafe import Markup, escape

from ...core.clock_words import moments

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

    :param now: seconds since the epoch
    """
    parts, last = [], 0
    for found in moments(text, now):
        parts += [escape(text[last : found.start]), time_tag(found.at, found.words)]
        last = found.end
    return Markup("").join([*parts, escape(text[last:])])
