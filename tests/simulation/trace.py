"""All that happens in a world, in order: equal whenever its seed is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

#: of what is sent to EC2, what tells one call from another
_TELLING = ("ClientToken", "InstanceId", "InstanceId.1", "VolumeId", "VolumeId.1")
_NETWORK = re.compile(r"\b127\.\d+\.")


class Trace:
    """A line for each step, commit, call and request, with its time."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, at: float, who: str, what: str, sent: Mapping[str, str]) -> None:
        told = [f"{name}={sent[name]}" for name in _TELLING if name in sent]
        # All of it, in its order; tags have the name of a database in a new folder.
        rest = [each for each in sent.items() if not each[0].startswith("TagSpec")]
        if rest:
            # Each process has a network of its own.
            told.append("#" + _digest(_NETWORK.sub("", repr(rest)))[:6])
        self.lines.append(" ".join([f"{at:12.6f}", who, what, *told]).rstrip())

    @property
    def digest(self) -> str:
        return _digest("\n".join(self.lines))[:16]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
