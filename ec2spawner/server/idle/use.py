"""Whether a server is used: what its machine says, and what the Hub makes of it."""

from __future__ import annotations

from dataclasses import replace

from ...core.idleness import UNKNOWN, Seen, Step, Verdict, decide, prolonged
from ...core.notice_events import Kept
from ...core.state import Launch, Phase

# What a press gives that comes right after another is not worth a commit.
_WORTH_KEEPING = 60.0


class Use:
    """In memory only: nobody writes what changes all the time.

    :ivar seen: what the machine has said last; None before
    :ivar verdict: what follows from it
    :ivar warned_at: since when its user is told that it is about to stop; 0 while not
    """

    def __init__(self) -> None:
        self.seen: Seen | None = None
        self.verdict: Verdict = UNKNOWN
        self.warned_at = 0.0

    def forget(self) -> None:
        """Another machine, or another Hub: nobody knows yet whether it is used."""
        self.seen, self.verdict, self.warned_at = None, UNKNOWN, 0.0

    def saw(self, seen: Seen, launch: Launch, now: float) -> Kept | None:
        """Take note of what its machine has seen.

        :returns: what follows if its user has pressed *Keep* since, and may
        """
        self.seen = replace(seen, at=now)
        if not seen.keep or seen.keep == launch.kept_press:
            return None
        until, kept = prolonged(
            launch.idle, launch.ready_at, launch.kept_until, launch.kept_seconds, now
        )
        if kept - launch.kept_seconds < _WORTH_KEEPING:
            return None
        return Kept(seen.keep, until, kept)

    def judge(self, launch: Launch, last_activity: float, now: float) -> Verdict:
        """What is to be done with the server now.

        :param last_activity: when JupyterHub was last told of some; 0 for never
        """
        if launch.phase is not Phase.READY:
            self.forget()
            return UNKNOWN
        self.verdict = decide(
            launch.idle,
            self.seen,
            launch.ready_at,
            last_activity,
            launch.kept_until,
            now,
            self.warned_at,
        )
        stays = self.verdict.step is Step.STAY
        self.warned_at = 0.0 if stays else self.warned_at or now
        return self.verdict
