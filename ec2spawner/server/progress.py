"""The steps of one start, kept so that every watcher sees them from the first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Step:
    """One line of the progress page. ``seconds`` counts from the start."""

    percent: int
    message: str
    seconds: float

    def as_event(self) -> dict[str, Any]:
        """The form that ``Spawner.progress`` yields (JupyterHub, "Spawners")."""
        return {
            "progress": self.percent,
            "message": str(self),
            # Machines have a say in these words, so they are never HTML.
            "html_message": escape(str(self)),
        }

    def __str__(self) -> str:
        return f"[{self.seconds:.0f} s] {self.message}"


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

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(self._steps)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    def tell(self, percent: int, message: str) -> None:
        """Add a step. The bar never goes back and never reaches 100 by itself."""
        floor = self._steps[-1].percent if self._steps else 0
        step = Step(min(max(percent, floor), 99), message, self.seconds)
        self._steps.append(step)
        self._on_step(step)
        self._wake()

    def end(self) -> None:
        """Let every watcher finish once it has seen the last step."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Every step so far, then each new one, until the end."""
        seen = 0
        while True:
            more = self._more
            while seen < len(self._steps):
                seen += 1
                yield self._steps[seen - 1].as_event()
            if self._ended:
                return
            await more.wait()
