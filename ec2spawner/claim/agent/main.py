"""What is asked of the agent on the command line, until there are orders."""

from __future__ import annotations

import sys

from . import metadata_lock
from .service import end, install
from .start import start
from .words import say


def main() -> None:
    """``install``: at the first boot, by the user-data. ``lock``: early at every later
    one. ``run``: whenever the agent starts. ``woken``: without a boot."""
    what = sys.argv[1]
    if what == "install":
        return install()
    if what == "lock":
        return metadata_lock.shut()
    try:
        start(booted=what == "run")
    except Exception as e:
        say("cannot go on: %s" % e)
    end()
