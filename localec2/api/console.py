"""GetConsoleOutput: the end of what a machine wrote to its console."""

from __future__ import annotations

import base64
import datetime
import time

from ..machines.console import ConsoleEnd


def console_output(end: ConsoleEnd | None, delay: float) -> tuple[str | None, str]:
    """(base64 or None, ISO time of the last write).

    ``delay``: output younger than this many seconds is not shown yet.
    """
    if end is None or time.time() - end.at < delay:
        return None, _iso(time.time())
    return base64.b64encode(end.data).decode("ascii"), _iso(end.at)


def _iso(seconds: float) -> str:
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
