"""One sweep of a hub at a time, on this computer."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyLocked(Exception):
    """Another process has it."""


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock on an existing file, which is not changed.

    The system lets go of it when the process ends, however it does. Two sweeps on
    two computers do no harm: ending a machine twice is ending it once.

    :raises AlreadyLocked: when another process holds it
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise AlreadyLocked from e
        except OSError:
            pass  # a file system without locks
        yield
