"""The steps of one start, kept so that every watcher sees them from the first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from ..core.state import Launch, Phase

# A setup_script may say anything. A page shows the first and the last of it.
MOST_STEPS = 300
_FIRST_STEPS = 50


@dataclass(frozen=True)
class Stage:
    """A part of every start, for a page that shows how far it is.

    :ivar done: from this percentage on
    """

    name: str
    words: str
    done: int


#: of a start that wants a repository; it says nothing of how long others take
IMAGE = Stage("image", "The image of your repository is found or made", 18)
STAGES = (
    Stage("machine", "AWS has a machine for you", 20),
    Stage("boot", "It boots", 45),
    Stage("home", "It is set up, with your home", 75),
    Stage("jupyter", "Jupyter starts", 95),
)


@dataclass(frozen=True)
class Step:
    """One line of the progress page. ``seconds`` counts from the start.

    ``number`` is its place among all that were ever told.
    """

    percent: int
    message: str
    seconds: float
    number: int = 0

    def as_event(self) -> dict[str, Any]:
        """The form that ``Spawner.progress`` yields (JupyterHub, "Spawners")."""
        return {
            "progress": self.percent,
            "message": str(self),
            "seconds": round(self.seconds, 1),
            # Machines have a say in these words, so they are never HTML.
            "html_message": escape(str(self)),
        }

    def __str__(self) -> str:
        return f"[{self.seconds:.0f} s] {self.message}"

    def as_line(self, whose: str, launch: Launch) -> str:
        """For the Hub's log: whose, phase, machine, when, and what."""
        phase, machine = launch.phase, launch.instance_id
        if phase is Phase.OVER or not machine:
            machine = "no machine yet"
        return (
            f"{whose}: {phase.value}, {machine}, {self.seconds:.0f} s: {self.message}"
        )


class Progress:
    """An append-only log of steps that any number of watchers can follow.

    The Hub makes a generator for each watching page, and a reloaded page starts
    a new one: each replays what has happened and then waits for more.
    """

    def __init__(
        self,
        on_step: Callable[[Step], None] = lambda step: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_step = on_step
        self._clock = clock
        self._began = clock()
        self._steps: list[Step] = []
        self._more = asyncio.Event()
        self._ended = False
        #: its image is being found or built, before all else
        self.builds = False
        #: seconds of it that say nothing of other starts: those of its image
        self.apart = 0.0

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(self._steps)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    def begin(self) -> None:
        """It begins now, and not when somebody was shown the form."""
        self._began = self._clock()

    def stages(self) -> dict[str, float]:
        """Seconds that each of the stages took; empty while one is not done."""
        ends = [
            next(
                (
                    s.seconds - self.apart
                    for s in self._steps
                    if s.percent >= stage.done
                ),
                None,
            )
            for stage in STAGES
        ]
        known = [end for end in ends if end is not None]
        if len(known) < len(STAGES):
            return {}
        spans = (end - before for before, end in zip([0.0, *known], known))
        return dict(zip((stage.name for stage in STAGES), spans))

    def tell(self, percent: int, message: str, quiet: bool = False) -> None:
        """Add a step. The bar never goes back and never reaches 100 by itself.

        :param quiet: ``on_step`` is not told
        """
        last = self._steps[-1] if self._steps else Step(0, "", 0.0)
        percent = min(max(percent, last.percent), 99)
        step = Step(percent, message, self.seconds, last.number + 1)
        self._steps.append(step)
        if len(self._steps) > MOST_STEPS:
            del self._steps[_FIRST_STEPS]
        if not quiet:
            self._on_step(step)
        self._wake()

    def tries(self, percent: int) -> Callable[[str], None]:
        """Tells steps that say that it goes on: ``on_step`` is told the first only.

        Whoever reads the log learns at the end why each has failed.
        """
        told = 0

        def tell(message: str) -> None:
            nonlocal told
            told += 1
            self.tell(percent, message, quiet=told > 1)

        return tell

    def build(self, share: float, message: str) -> None:
        """A step of the image's build, which goes before all others.

        :param share: how much of the build is done, 0 to 1
        """
        self.tell(1 + int(share * (IMAGE.done - 2)), message)

    def built(self) -> None:
        """The image is there."""
        self.builds, self.apart = False, self.seconds
        self.tell(IMAGE.done, "The image is there")

    def end(self) -> None:
        """Let every watcher finish once it has seen the last step."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Every step that is kept so far, then each new one, until the end."""
        seen = 0
        while True:
            more = self._more
            for step in [step for step in self._steps if step.number > seen]:
                seen = step.number
                yield step.as_event()
            if self._ended:
                return
            await more.wait()
