"""What a builder has said on its console. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: the steps of a build, as the builder says them
STEPS = (
    *("begin", "uv", "apt", "server", "python", "install", "content"),
    *("postBuild", "kernel", "test", "clean"),
)
_DONE, _FAILED = "done", "failed"
_LINE = re.compile(r"ec2spawner-build ([0-9a-f]{12}) (\w+) (\d+)(?: ([^\r\n]*))?")


@dataclass(frozen=True)
class Said:
    """One line of a builder."""

    word: str
    #: since the build began
    seconds: int
    text: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a builder is, as far as its console has come."""

    said: tuple[Said, ...] = ()

    @property
    def done(self) -> bool:
        return any(each.word == _DONE for each in self.said)

    @property
    def failed(self) -> str:
        """Why; empty while it has not."""
        return next((s.text or "?" for s in self.said if s.word == _FAILED), "")

    @property
    def step(self) -> str:
        """The one that it is at; empty before the first."""
        return next((s.word for s in reversed(self.said) if s.word in STEPS), "")

    @property
    def secrets(self) -> str:
        """How many places look like secrets; empty while nobody has looked."""
        return next((s.text for s in self.said if s.word == "secrets"), "")

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules that the code imports and no file asks for, with where."""
        return tuple(s.text for s in self.said if s.word == "missing")


def read_console(text: str, key: str) -> Progress:
    """The builder's words among the machine's.

    The console is cut at its beginning when it is long, and the last words are said
    again and again: each is here once.

    :param key: of the image that it makes
    """
    found: dict[tuple[str, str], Said] = {}
    for match in _LINE.finditer(text):
        if match[1] == key[:12]:
            said = Said(match[2], int(match[3]), (match[4] or "").strip())
            found.setdefault((said.word, said.text), said)
    return Progress(tuple(found.values()))
