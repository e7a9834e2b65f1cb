"""What lies between EC2 and its clients, and what it makes of an answer.

A proxy, a firewall, a load balancer or a broken line: none of them is EC2, and a client
that reads what they say must not take it for EC2's word. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: as a proxy writes it: well-formed, so that an XML parser does not stumble
PAGE = (
    b"<html><head><title>Proxy</title></head>"
    b"<body><h1>This is not EC2</h1><p>Please log in.</p></body></html>"
)
PAGE_TYPE = "text/html"


@dataclass(frozen=True)
class Wire:
    """What becomes of one request and its answer on their way."""

    #: somebody else's page takes the place of the answer, with this HTTP status
    page: int | None = None
    #: how much of the answer's body arrives: 0.5 is its first half
    arrives: float = 1.0
    #: whoever cut it says so in its length; else the connection ends too early
    reframed: bool = False
    #: EC2 never sees the request
    undone: bool = False
    #: EC2 sees the request twice, and its second answer is the one that arrives
    twice: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.arrives <= 1:
            raise ValueError(f"arrives is a share from 0 to 1, not {self.arrives!r}")
        if self.undone and self.page is None:
            raise ValueError("who answers what EC2 has not seen? give a page")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Wire:
        known = {f.name for f in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown fields of a wire: {', '.join(unknown)}")
        return cls(**values)

    def passes(self, body: bytes) -> bytes:
        """What arrives of a body."""
        return body[: int(len(body) * self.arrives)]


#: What can become of any one call, by name: fields of a ``Fault``. Tests go through
#: all of them with each action that a program sends.
WIRE_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "lost before EC2": {"lose_request": True},
    "lost after EC2": {"lose_answer": True},
    "cut after its headers": {"wire": Wire(arrives=0.0)},
    "cut in its middle": {"wire": Wire(arrives=0.5)},
    "cut before its end, and nobody says so": {
        "wire": Wire(arrives=0.9, reframed=True)
    },
    "empty": {"wire": Wire(arrives=0.0, reframed=True)},
    "a page that says 200": {"wire": Wire(page=200)},
    "a page that says 200, and EC2 has seen nothing": {
        "wire": Wire(page=200, undone=True)
    },
    "a page that says 403": {"wire": Wire(page=403, undone=True)},
    "a page that says 502": {"wire": Wire(page=502)},
    "a page that says 503": {"wire": Wire(page=503, undone=True)},
    "seen twice": {"wire": Wire(twice=True)},
}
#: and these, which take as long as they say
LATE_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "40 s late at EC2": {"delay": 40.0},
    "40 s late from EC2": {"delay_answer": 40.0},
}
