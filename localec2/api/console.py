"""GetConsoleOutput: the end of what a machine wrote to its console."""

from __future__ import annotations

import base64
import datetime
import os
import time
from pathlib import Path

#: AWS keeps the most recent 64 KB.
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
LIMIT = 64 * 1024


def console_output(log: Path, delay: float) -> tuple[str | None, str]:
    """(base64 of the last 64 KB or None, ISO time of the last write).

    ``delay``: output younger than this many seconds is not shown yet.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LIMIT))
            data = file.read()
            written = os.fstat(file.fileno()).st_mtime
    except OSError:
        return None, _iso(time.time())
    if not data or time.time() - written < delay:
        return None, _iso(time.time())
    return base64.b64encode(data).decode("ascii"), _iso(written)


def _iso(seconds: float) -> str:
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
