"""Commands and files of the machine."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Any, Callable

#: how many of the last lines of a log are shown to people
LOG_LINES = 40


def run_lines(
    command: list[str], on_line: Callable[[str], None], **options: Any
) -> tuple[int, str]:
    """Run a command, hand over each line it prints; (exit code, last lines)."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )
    last: list[str] = []
    over = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            if not over.is_set():
                last.append(raw.decode(errors="replace").rstrip())
                del last[:-LOG_LINES]
                on_line(last[-1])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    code = process.wait()
    # What it has left in the background may hold the pipe open for ever.
    reader.join(1)
    over.set()
    return code, "\n".join(last)


def is_full(folder: str) -> bool:
    """Nobody but root can write there any more."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize < 65536


def write_private(path: str, text: str, mode: int = 0o400) -> None:
    """A file that only its owner can read, and that is there whole or not at all."""
    new = path + ".new"
    if os.path.exists(new):
        os.unlink(new)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(new, flags, mode), "w") as f:
        f.write(text)
    os.replace(new, path)
