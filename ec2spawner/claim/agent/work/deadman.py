"""The dead-man timer: a machine that nobody asks for any more powers itself off."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from typing import Any, Callable, Dict, Optional

from ..commands import write_private
from ..hub import Hub
from ..words import say

# By the monotonic clock only: it goes on where the agent died and came back, and
# nobody who sets the time can make a silence or a life longer or shorter.
BEAT = 300.0
RETRY = 30.0
# What is news for the Hub does not wait for the next beat, but for this.
SOON = 5.0
# Without a Hub nobody stops a machine that nobody uses: it does so itself, when both
# have lasted for so long beyond its idle time.
ALONE = 1800.0
TICK = 60.0
# A machine that was frozen may wake up after any silence: it asks again first.
FAILURES = 3
WARNING = 600.0
# A clock that jumps by more has not seen the machine run.
LONGEST_TICK = 600.0
DAY = 86400.0


class DeadMan(threading.Thread):
    """Asks the Hub now and then, and ends the machine when it is to end.

    ``end`` is called once, with the reason, and ``tell`` with what the Hub says to
    people. What must outlive the agent is in the
    first of ``folders`` for as long as the boot, and in the second for as long as the
    disk: there, how long the machine has run since ``start``, whatever reboots.
    """

    def __init__(
        self,
        hub: Hub,
        orders: dict[str, Any],
        start: str,
        folders: tuple[str, str],
        warn: Callable[[str], None],
        end: Callable[[str], None],
        tell: Callable[[Any], None] = lambda told: None,
    ) -> None:
        super().__init__(daemon=True)
        self.hub, self.started, self.warn, self.end = hub, start, warn, end
        self.tell = tell
        #: what is seen of the machine's use; None while nobody looks
        self.seen: Callable[[], Optional[Dict[str, Any]]] = lambda: None
        #: for how long nobody has used it, for certain
        self.idle: Callable[[float], float] = lambda keep_seconds: 0.0
        self.idle_timeout = float(orders.get("idle_timeout", 0))
        self.keep_seconds = float(orders.get("keep_seconds", 0))
        #: how often the Hub wants to hear of it
        self.pace = BEAT
        self.news = threading.Event()
        self.silence_limit = float(orders.get("hub_silence_limit", DAY))
        self.max_lifetime = float(orders.get("max_lifetime", 0))
        run_folder, disk_folder = folders
        self.heard_path = os.path.join(run_folder, "heard")
        self.ran_path = os.path.join(disk_folder, "ran")
        os.makedirs(disk_folder, mode=0o700, exist_ok=True)
        now = time.monotonic()
        # Without a note the Hub has just answered the claim.
        self.heard = min(read_number(self.heard_path, start), now) or now
        self.ran = read_number(self.ran_path, start)
        self.ticked = self.next_beat = self.beaten = now
        self.failures = 0
        self.warned: set[str] = set()

    def run(self) -> None:
        why = ""
        while not why:
            try:
                why = self.look()
            except Exception as e:
                # Whatever it was: without this thread the machine might run for ever.
                say("the dead-man timer goes on after %r" % e)
            if not why:
                ends = self.life_left() / 2 + 0.1
                beats = max(self.next_beat - time.monotonic(), 0.1)
                self.pause(min(TICK, self.silence_limit / 20, ends, beats))
        self.end(why)

    def pause(self, seconds: float) -> None:
        """Until then, or until there is news."""
        if self.news.wait(seconds):
            self.news.clear()
            self.next_beat = min(
                self.next_beat, max(self.beaten + SOON, time.monotonic())
            )

    def look(self) -> str:
        """Why the machine must end now, or nothing."""
        now = time.monotonic()
        why = self.beat(now) if now >= self.next_beat else ""
        return why or self.abandoned(now) or self.tick(now)

    def abandoned(self, now: float) -> str:
        """Nobody uses the machine, and there is no Hub that would stop it."""
        silent = now - self.heard
        if not self.idle_timeout or silent < ALONE or self.failures < FAILURES:
            return ""
        idle = self.idle(self.keep_seconds)
        if idle < self.idle_timeout + ALONE:
            return ""
        return "nobody has used it for %i s, and no word from the Hub for %i s" % (
            idle,
            silent,
        )

    def beat(self, now: float) -> str:
        """Ask the Hub; why the machine must end, or nothing."""
        interval = min(self.pace, self.silence_limit / 10)
        self.beaten = now
        # Whatever goes wrong, it does not ask without a pause.
        self.next_beat = now + min(RETRY, interval) * random.uniform(0.8, 1.2)
        try:
            seen = self.seen()
            status, body, ours = self.hub.post(
                "heartbeat", {"seen": seen} if seen else {}
            )
            if status == 410 and ours:
                return "the Hub has ended its server"
            why = "HTTP %i" % status
            if status == 200 and ours:
                answer = json.loads(body)
                self.silence_limit = float(answer["hub_silence_limit"])
                self.pace = max(0.5, min(BEAT, float(answer.get("next", BEAT))))
                interval = min(self.pace, self.silence_limit / 10)
                why = ""
                self.tell(answer.get("told"))
        except (OSError, ValueError, KeyError, TypeError) as e:
            why = repr(e)
        if not why:
            self.heard, self.failures = now, 0
            self.warned.discard("silence")
            note_number(self.heard_path, self.started, now)
            self.next_beat = now + interval * random.uniform(0.8, 1.2)
            return ""
        # 403, too: a Hub that lost its database knows no machine, and may get it back.
        self.failures += 1
        silent = now - self.heard
        if silent > self.silence_limit and self.failures >= FAILURES:
            return "no word from the Hub for %i s: %s" % (silent, why)
        if silent > self.silence_limit / 2:
            left = self.silence_limit - silent
            text = "no word from the Hub for %i s (%s)" % (silent, why)
            self.say_once("silence", text, left)
        return ""

    def tick(self, now: float) -> str:
        """Count how long the machine has run; why it must end, or nothing."""
        self.ran += min(now - self.ticked, LONGEST_TICK)
        self.ticked = now
        note_number(self.ran_path, self.started, self.ran)
        if self.life_left() <= 0:
            return "it has run for %i s, which is its max_lifetime" % self.ran
        if self.life_left() < min(WARNING, self.max_lifetime / 10):
            text = "its max_lifetime is nearly over"
            self.say_once("lifetime", text, self.life_left())
        return ""

    def life_left(self) -> float:
        return self.max_lifetime - self.ran if self.max_lifetime else float("inf")

    def say_once(self, about: str, text: str, left: float) -> None:
        if about not in self.warned:
            self.warned.add(about)
            self.warn("%s: this machine powers itself off in %i s" % (text, left))


def note_number(path: str, of: str, number: float) -> None:
    try:
        write_private(path, json.dumps([of, number]))
    except OSError as e:  # a disk that is full must not stop the clock
        say("cannot write %s: %r" % (path, e))


def read_number(path: str, of: str) -> float:
    """A number that was noted; 0 when it is of another start, or none.

    A machine may be woken after a stop, or be made from the disk of another.
    """
    try:
        with open(path) as f:
            whose, number = json.load(f)
        return float(number) if whose == of else 0.0
    except FileNotFoundError:
        return 0.0
    except (OSError, ValueError, TypeError) as e:
        say("cannot read %s: %r" % (path, e))
        return 0.0
