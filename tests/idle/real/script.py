"""A scene: what somebody does, and what a reasonable colleague would do then.

    play("vim", "vim is left open", "It waits for somebody", types("vim", shows="vim"))

When the last of its acts is done, nobody is there any more, and its clock begins. With
``keeps`` the machine is to stay on, for that reason in the Hub's words; else it is to
be stopped when its idle time is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .acts import Act

#: seconds; in place of an hour, and with it all that follows from it
IDLE = 60.0
#: of scenes that have one, in place of 12 hours
BUSY_LIMIT = 90.0
KEEP, KEEP_LIMIT = 90.0, 150.0
#: profile -> what is special about it
PROFILES = {
    "usual": {},
    "busy-limit": {"busy_limit": BUSY_LIMIT},
    "no-kit": {"talk_to_people": False},
}


@dataclass(frozen=True)
class Scene:
    """One of them.

    :ivar because: why a colleague would stop the machine, or leave it on
    :ivar keeps: the reason why it stays on, as a regular expression; empty for a stop
    :ivar after: seconds after its end when it is to be stopped
    :ivar limit: by which limit
    :ivar letter: of the table in experience: one of the seven that began all this
    """

    name: str
    what: str
    because: str
    acts: tuple[Act, ...]
    keeps: str = ""
    after: float = IDLE
    limit: str = "idle"
    profile: str = "usual"
    letter: str = ""


#: in the order in which they were written
SCENES: list[Scene] = []


def play(name: str, what: str, because: str, *acts: Act, **more: Any) -> None:
    """One more scene of these acts, one after the other."""
    SCENES.append(Scene(name, what, because, acts, **more))


def play_too_long(name: str, what: str, *acts: Act) -> None:
    """One whose machine has a busy limit, which is what stops it."""
    because = "Nobody has been here for as long as that"
    more = {"profile": "busy-limit", "after": BUSY_LIMIT, "limit": "busy"}
    play(name, f"{what} on a machine with a busy limit", because, *acts, **more)
