"""The folder in which this agent and the user's Jupyter server leave word.

The kit is in it, which the server loads; ``told.json``, which people are shown, and
``said/``, the one place where the account may write. All but that is root's: what is
read in ``said/`` may be anything.
"""

from __future__ import annotations

import calendar
import contextlib
import json
import os
import threading
import time
from typing import Any

from ...words import say

#: what an environment has of it: each reads its configuration there first
CONFIG_PATH = "JUPYTER_CONFIG_PATH"
# EC2 user guide, "Spot Instance interruption notices": "2017-09-18T08:22:00Z".
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


class People:
    """What people in Jupyter are told.

    Nothing here raises: who is told nothing can work all the same.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.told_path = os.path.join(folder, "told.json")
        self.said_path = os.path.join(folder, "said", "said.json")
        self.told: dict[str, Any] = {}
        #: what EC2 has announced, as notices, by the step that is reported
        self.announced: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()

    def welcome(
        self, orders: dict[str, Any], env: dict[str, str], owner: tuple[int, int]
    ) -> dict[str, str]:
        """Lay out the files that the orders bring; the environment with which a server
        finds them, or the same as before.

        :param owner: uid and gid of the account
        """
        files = orders.get("kit") or {}
        if not files:
            # One that has slept may still show what it was told before.
            with contextlib.suppress(OSError):
                os.unlink(self.told_path)
            return env
        said = os.path.dirname(self.said_path)
        try:
            with self.lock:
                for name, text in files.items():
                    write_for_all(os.path.join(self.folder, "kit", name), text)
                os.makedirs(said, mode=0o700, exist_ok=True)
                os.chown(said, *owner)
        except (OSError, ValueError) as e:
            say("people are told nothing in Jupyter: %r" % e)
            return env
        self.tell(orders.get("told"))
        # In front: an image may have a configuration of its own there, and needs it.
        before = env.get(CONFIG_PATH) or os.environ.get(CONFIG_PATH, "")
        paths = [os.path.join(self.folder, "kit", "config"), before]
        return dict(env, **{CONFIG_PATH: os.pathsep.join(filter(None, paths))})

    def tell(self, told: Any) -> None:
        """Show people what the Hub has to say; nothing new when it says nothing."""
        if not isinstance(told, dict) or not told:
            return
        with self.lock:
            # The Hub counts in seconds from now: no two clocks are alike.
            now = time.time()
            self.told = dict(with_times(told, now), now=now)
            self.write()

    def announce(self, step: str, moment: str) -> None:
        """Show at once what EC2 announces: the Hub may not answer in time.

        :param moment: as EC2 writes it
        """
        try:
            until = float(calendar.timegm(time.strptime(moment, _MOMENT)))
        except ValueError:
            until = time.time() + 120  # the least that EC2 promises
        with self.lock:
            notice = {"id": "ec2-" + step, "kind": "warning", "until": until}
            self.announced[step] = notice
            self.write()

    def write(self) -> None:
        words = self.told.get("announced", {})
        if not self.told:
            return
        mine = [
            dict(notice, text=words[step])
            for step, notice in self.announced.items()
            if words.get(step)
        ]
        notices = mine + self.told.get("notices", [])
        try:
            write_for_all(self.told_path, json.dumps(dict(self.told, notices=notices)))
        except OSError as e:
            say("cannot write %s: %r" % (self.told_path, e))


def with_times(told: Any, now: float) -> Any:
    """The same, with a moment beside each number of seconds that are left until it."""
    if isinstance(told, list):
        return [with_times(each, now) for each in told]
    if not isinstance(told, dict):
        return told
    found = {key: with_times(each, now) for key, each in told.items()}
    if isinstance(found.get("left"), (int, float)):
        found["until"] = now + found["left"]
    return found


def write_for_all(path: str, text: str) -> None:
    """A file of ours that everybody can read, and that is there whole or not at all.

    Whatever the umask is: a configuration that cannot be read might keep a server from
    starting.
    """
    folder_for_all(os.path.dirname(path))
    new = path + ".new"
    if os.path.lexists(new):
        os.unlink(new)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(new, flags, 0o444), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o444)
        file.write(text)
    os.replace(new, path)


def folder_for_all(path: str) -> None:
    """A folder in which everybody can look, and those above it that are missing."""
    if not os.path.isdir(path):
        folder_for_all(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, 0o755)
