"""The process that has imported the server, told what to become."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import Any

from .preload import NOTE
from .words import say


class Preloaded:
    """What waits since before the orders, if anything does.

    :param again: who has held the orders back from it has died, so it ends by itself
    """

    def __init__(self, run_folder: str, again: bool) -> None:
        self.note, self.again = os.path.join(run_folder, NOTE), again
        #: it was told, and nobody has seen it serve
        self.told = False
        self.found: dict[str, Any] = {}
        with contextlib.suppress(FileNotFoundError):
            with open(self.note) as file:
                self.found = json.load(file)

    @property
    def waits(self) -> bool:
        """Its process runs, and is no server yet."""
        return bool(self.found)

    def made_account(self, name: str) -> bool:
        """Whether this account was made for it, and is nobody's yet."""
        return bool(self.found) and self.found["made"] and self.found["account"] == name

    def become(
        self, account: str, command: list[str], env: dict[str, str], folder: str
    ) -> bool:
        """Have it start the server, as a plain start would; False when it cannot."""
        if not self.found or self.again or self.found["account"] != account:
            self.forget()
            return False
        told = {"command": command, "env": env, "folder": folder}
        with os.fdopen(self.found["fd"], "w") as orders:
            json.dump(told, orders)
        say("the server was imported ahead, and begins")
        self.told = True
        self.found = {}
        # From now on its process is the server.
        os.unlink(self.note)
        return True

    def forget(self) -> None:
        """There is to be a plain start, which ends it."""
        if self.found:
            shutil.rmtree(self.found["folder"], ignore_errors=True)
            os.unlink(self.note)
        self.found = {}

    def failed(self) -> bool:
        """Whether it was told and has ended; a plain start is to be tried once."""
        told, self.told = self.told, False
        return told
