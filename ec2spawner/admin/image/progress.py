"""How a build is shown: a bar for people, lines for logs, JSON for programs."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from ...images.builds.follow import Event
from ...images.builds.words import words_of

_BAR = 24


class Show(Protocol):
    """Shows what it is told."""

    def say(self, text: str) -> None: ...

    def event(self, event: Event) -> None: ...

    def end(self) -> None: ...


class Lines:
    """A line for each event, for logs."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def event(self, event: Event) -> None:
        seconds = time.monotonic() - self._began
        minutes = f"{int(seconds) // 60}:{int(seconds) % 60:02}"
        self.say(f"{minutes:>6}  {words_of(event)}")

    def end(self) -> None:
        pass


class Bar(Lines):
    """The same, above a bar that says how far it is."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        super().__init__(out)
        self._line = ""

    def say(self, text: str) -> None:
        self._wipe()
        super().say(text)
        self._draw()

    def event(self, event: Event) -> None:
        filled = round(event.share * _BAR)
        bar = "█" * filled + "░" * (_BAR - filled)
        self._wipe()
        self._line = f"  {bar}  {event.share:4.0%}"
        super().event(event)

    def end(self) -> None:
        self._wipe()
        self._line = ""

    def _wipe(self) -> None:
        if self._line:
            width = shutil.get_terminal_size().columns - 1
            self._out.write("\r" + " " * min(width, len(self._line) + 2) + "\r")

    def _draw(self) -> None:
        self._out.write(self._line)
        self._out.flush()


class Json:
    """An object a line."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out

    def say(self, text: str) -> None:
        pass

    def event(self, event: Event) -> None:
        self.write(
            event=event.word,
            text=event.text,
            machine=event.machine,
            share=round(event.share, 2),
        )

    def write(self, **found: Any) -> None:
        print(json.dumps(found), file=self._out, flush=True)

    def end(self) -> None:
        pass


def show_for(as_json: bool, out: TextIO | None = None) -> Lines | Json:
    """What suits the one who reads."""
    to = out or sys.stdout
    if as_json:
        return Json(to)
    make: Callable[[TextIO], Lines] = Bar if to.isatty() else Lines
    return make(to)
