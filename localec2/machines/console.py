"""The end of what a machine has written to its console."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: AWS keeps the most recent 64 KB.
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
LIMIT = 64 * 1024


@dataclass(frozen=True)
class ConsoleEnd:
    data: bytes
    #: when it was written, seconds since the epoch
    at: float


def read_end(log: Path) -> ConsoleEnd | None:
    """None when nothing has been written."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LIMIT))
            data = file.read()
            written = os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    return ConsoleEnd(data, written) if data else None
