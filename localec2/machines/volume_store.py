"""What volumes and snapshots hold.

A volume is a sparse file of its size when machines boot, and a folder when they are
processes. Nothing is made before it is needed: a volume that was never attached holds
nothing, and neither does a root volume (its bytes are the machine's own affair).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ..processes import marked

T = TypeVar("T")

#: how often a folder is copied again when somebody has changed it meanwhile
_TRIES = 5


class VolumeStore:
    """Data by id of a volume or snapshot. All work is done one after the other, so
    what is asked for first is done first: a snapshot shows a volume as it was when it
    was asked for, unless a machine writes to it while it is copied.
    """

    def __init__(self, folder: Path, blocks: bool) -> None:
        self._folder = folder
        self._blocks = blocks
        self._worker = ThreadPoolExecutor(1, "volumes")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def copy(self, source: str, target: str) -> Future[None]:
        """Let ``target`` begin as ``source`` is now."""
        return self._later(self._copy, self._folder / source, self._folder / target)

    def open(self, volume_id: str, gib: int) -> Path:
        """A volume's data, with at least this size. Waits for what is under way."""
        return self._later(self._ready, self._folder / volume_id, gib).result()

    def grow(self, volume_id: str, gib: int) -> Future[None]:
        return self._later(self._grow, self._folder / volume_id, gib)

    def remove(self, some_id: str) -> None:
        self._later(marked.remove_folder, str(self._folder / some_id))

    def close(self) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _later(self, work: Callable[..., T], *args: object) -> Future[T]:
        return self._worker.submit(work, *args)

    def _ready(self, data: Path, gib: int) -> Path:
        if not self._blocks:
            data.mkdir(mode=0o700, exist_ok=True)
            return data
        with open(data, "ab") as file:
            if file.tell() < gib << 30:
                file.truncate(gib << 30)
        return data

    def _grow(self, data: Path, gib: int) -> None:
        if data.exists():
            self._ready(data, gib)

    def _copy(self, source: Path, target: Path) -> None:
        if not source.exists():
            return
        if self._blocks:
            # Only what is not a hole; nothing at all where files can share blocks.
            copy_tree(source, target, "--reflink=auto", "--sparse=always")
            return
        for attempt in range(_TRIES):
            try:
                return copy_tree(source, target)
            except CopyFailed:
                marked.remove_folder(str(target))
                if attempt + 1 == _TRIES:
                    raise


class CopyFailed(Exception):
    """Something could not be copied as it was."""


def copy_tree(source: Path, target: Path, *options: str) -> None:
    """With owners, modes, times, links and extended attributes.

    :raises CopyFailed: with what the command said
    """
    done = subprocess.run(
        ["cp", "-a", *options, "--", str(source), str(target)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise CopyFailed(done.stderr.strip()[-2000:])
