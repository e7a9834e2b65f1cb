"""What a machine writes, made fit for logs, pages and the database. Pure.

Root on a machine may be its user, and may write anything.
"""

from __future__ import annotations

import unicodedata

MESSAGE_LIMIT = 500
LOG_LIMIT = 4_000
#: a log line for each: what is longer hides the others' lines
LOG_LINES = 30

# Control characters (a terminal obeys them), lone surrogates (UTF-8 has none), and
# what turns the direction of the text that follows (Unicode TR 9, 2.1 to 2.4).
_UNFIT = {"Cc", "Cs"}
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e") | frozenset(
    "\u2066\u2067\u2068\u2069"
)


def one_line(text: str) -> str:
    """A message of one line, of 500 characters at most."""
    return " ".join(_clean(text[: 4 * MESSAGE_LIMIT]).split())[:MESSAGE_LIMIT]


def last_lines(text: str) -> str:
    """The end of a log: of 4,000 characters and 30 lines at most."""
    lines = text[-LOG_LIMIT:].splitlines()
    kept = [line for each in lines if (line := _clean(each).rstrip())]
    return "\n".join(kept[-LOG_LINES:])


def is_plain(text: str, limit: int = 200) -> bool:
    """Whether it can be an id or a secret of ours: printable ASCII, and short."""
    return len(text) <= limit and text.isascii() and (not text or text.isprintable())


def _clean(text: str) -> str:
    return "".join(" " if _is_unfit(char) else char for char in text)


def _is_unfit(char: str) -> bool:
    return char in _TURNS or unicodedata.category(char) in _UNFIT
