"""A scene: what somebody does, and what a reasonable colleague would do then.

    @scene("vim is left open in a terminal", "It waits for somebody who has left")
    async def vim(stage):
        await stage.types("vim.tiny notes")

When its function returns, nobody is there any more, and its clock begins. With
``keeps`` the machine is to stay on, for that reason in the Hub's words; else it is to
be stopped when its idle time is over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .stage import Stage

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

Act = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """One of them.

    :ivar because: why a colleague would stop the machine, or leave it on
    :ivar keeps: the reason why it stays on, as a regular expression; empty for a stop
    :ivar after: seconds after its end when it is to be stopped
    :ivar limit: by which limit
    :ivar unsettled: what is not known of it yet: it is reported, and fails nothing
    :ivar letter: of the table in experience: one of the seven that began all this
    """

    act: Act
    what: str
    because: str
    keeps: str = ""
    after: float = IDLE
    limit: str = "idle"
    profile: str = "usual"
    letter: str = ""
    unsettled: str = ""

    @property
    def name(self) -> str:
        return self.act.__name__.replace("_", "-")


#: in the order in which they were written
SCENES: list[Scene] = []


def scene(what: str, because: str, **more: object) -> Callable[[Act], Act]:
    def note(act: Act) -> Act:
        SCENES.append(Scene(act, what, because, **more))  # type: ignore[arg-type]
        return act

    return note
