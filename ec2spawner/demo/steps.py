"""A table of steps: what was done, what was seen, how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_WIDTH, _NOTE_WIDTH = 34, 52


@dataclass
class Step:
    """One step that is being done. ``note`` is what was seen, for the reader."""

    name: str
    note: str = ""


class StepFailed(Exception):
    """A step went wrong. The text says which and why."""

    def __init__(self, name: str, why: BaseException) -> None:
        super().__init__(name)
        self.name = name
        self.why = str(why) or type(why).__name__


class Steps:
    """Prints a line for each step, as soon as it is done."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._began = time.monotonic()

    def head(self) -> None:
        self._say(_line("step", "what was seen", "seconds"))
        self._rule()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """
        :raises StepFailed: for any error inside
        """
        step, began = Step(name), time.monotonic()
        try:
            yield step
        except Exception as e:
            step.note = "FAILED"
            raise StepFailed(name, e) from e
        finally:
            seconds = time.monotonic() - began
            self._say(_line(name, step.note, f"{seconds:.2f}"))

    def tell(self, text: str) -> None:
        """Say what is being done in a step that takes long."""
        self._say(f"  {text}")

    def total(self) -> None:
        self._rule()
        self._say(_line("total", "", f"{time.monotonic() - self._began:.2f}"))

    def _rule(self) -> None:
        self._say("-" * len(_line("", "", "")))


def _line(name: str, note: str, seconds: str) -> str:
    return f"{name:<{_WIDTH}} {note:<{_NOTE_WIDTH}} {seconds:>8}"
