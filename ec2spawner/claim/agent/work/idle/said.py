"""What Jupyter on this machine says of itself, in a file of the account's.

Whoever has the account may put anything in its place.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any, Dict, List, NamedTuple, Optional

from .sight import Kernel

LIMIT = 65536
# It is written every 15 seconds.
STALE = 60.0
# A page in the background asks once a minute.
PAGE = 180.0
_MOST = 128


class Said(NamedTuple):
    """What is in it, of a type that can be used; moments by this machine's clock."""

    at: float = 0.0
    #: when somebody has moved or typed in a page
    human: float = 0.0
    #: when a page has asked for news
    page: float = 0.0
    #: how many web sockets are open
    sockets: float = 0.0
    others: List[str] = []
    keep: float = 0.0
    kernels: List[Kernel] = []

    def is_fresh(self, wall: float) -> bool:
        """Somebody has written it just now."""
        return abs(wall - self.at) < STALE

    def sees_people(self, wall: float) -> bool:
        """Who moves or types would be seen: a page with our extension asks for news,
        and a page that is open without asking does not have it."""
        asks = abs(wall - self.page) < PAGE
        return self.is_fresh(wall) and (asks or not self.sockets)

    def human_ago(self, wall: float) -> Optional[float]:
        return max(0.0, wall - self.human) if self.human else None


def read_said(path: str) -> Said:
    """What is there now, or nothing: a link, a pipe, what is too long, too deep or
    of another type says nothing."""
    found = _read(path)
    kernels, others = (_list(found.get(name)) for name in ("kernels", "others"))
    return Said(
        at=_number(found.get("at")),
        human=_number(found.get("human")),
        page=_number(found.get("page")),
        sockets=_number(found.get("sockets")),
        keep=_number(found.get("keep")),
        others=[_word(each) for each in others],
        kernels=[kernel for kernel in map(_kernel, kernels) if kernel],
    )


def _read(path: str) -> Dict[str, Any]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return {}
            found = json.loads(file.read(LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def kernels_in(found: Any) -> Optional[List[Kernel]]:
    """What the server answers when it is asked for its kernels; None for no answer."""
    if not isinstance(found, list):
        return None
    named = [
        {"name": each.get("name"), "state": each.get("execution_state")}
        for each in _list(found)
        if isinstance(each, dict)
    ]
    return [kernel for kernel in map(_kernel, named) if kernel]


def _kernel(value: Any) -> Optional[Kernel]:
    if not isinstance(value, dict):
        return None
    return Kernel(_word(value.get("name")), _word(value.get("state")))


def _word(value: Any) -> str:
    text = value[:40] if isinstance(value, str) else ""
    return (
        "".join(c for c in text if c.isprintable()).encode("ascii", "replace").decode()
    )


def _list(value: Any) -> List[Any]:
    return value[:_MOST] if isinstance(value, list) else []


def _number(value: Any) -> float:
    """A moment or a count as it may be; 0 for what is none."""
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if real and 0 < value < 1e11 else 0.0
