"""Limits of this computer that many booted machines would reach."""

from __future__ import annotations

import contextlib
from pathlib import Path

#: systemd and its services on one machine use about ten; the usual limit is 128
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_ENOUGH = 1024


def raised() -> contextlib.ExitStack:
    """Raise them as far as needed; closing the result puts them back."""
    undo = contextlib.ExitStack()
    before = int(_INOTIFY.read_text())
    if before < _ENOUGH:
        _INOTIFY.write_text(str(_ENOUGH))
        undo.callback(_INOTIFY.write_text, str(before))
    return undo
