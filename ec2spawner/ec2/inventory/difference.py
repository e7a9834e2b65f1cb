"""A listing read by what has changed: what came before, byte for byte, is known.

boto3 takes most of a second of CPU to read a thousand machines, and the event loop
stands still meanwhile (``docs/explanation/performance.md``). Little of a listing
changes until the next, so a page is cut where its reservations begin. Those that came
before are not read again, and the others by boto3's own parser, a few at a time: a page
is XML, and reading that holds Python's lock until it ends.

A page that does not cut cleanly is left to boto3 as it is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

from botocore import parsers

from ..machines import Machine, read_reservations

_log = logging.getLogger(__name__)

#: where a page has its machines after it went through here
MACHINES = "ec2spawner.Machines"

# The first thing in a reservation (EC2 API reference, DescribeInstances, "Examples").
_BEGINS = b"<reservationId>"
_OPENS = re.compile(rb"<reservationSet>(\s*<item>\s*)$")
_BETWEEN = re.compile(rb"</item>(\s*<item>\s*)$")
_CLOSES = b"</reservationSet>"
_LAST = re.compile(rb"</item>\s*$")
# White space and two tags; more of it than that does not cut.
_LONGEST_BETWEEN = 200
# 5 to 10 ms of boto3's time.
_AT_ONCE = 10


@dataclass(frozen=True)
class Page:
    """One answer of DescribeInstances, in pieces.

    :ivar reservations: each one's bytes, from its id to its end, without its ``<item>``
    :ivar tail: from the end of the list on
    """

    head: bytes
    reservations: Sequence[bytes]
    tail: bytes

    def with_only(self, reservations: Sequence[bytes]) -> bytes:
        """A page as EC2 would send it, had it only these."""
        items = b"".join(b"<item>" + each + b"</item>" for each in reservations)
        return self.head + items + self.tail


def cut(body: bytes) -> Page | None:
    """A page cut at its reservations; None when it does not cut cleanly."""
    head, *pieces = body.split(_BEGINS)
    opens = _OPENS.search(head, max(0, len(head) - _LONGEST_BETWEEN))
    if opens is None or not pieces:
        return None
    last, closes, rest = pieces[-1].rpartition(_CLOSES)
    if not closes:
        return None
    found = []
    for piece, ends in ((p, _BETWEEN) for p in pieces[:-1]):
        end = ends.search(piece, max(0, len(piece) - _LONGEST_BETWEEN))
        if end is None:
            return None
        found.append(_BEGINS + piece[: end.start()])
    end = _LAST.search(last, max(0, len(last) - _LONGEST_BETWEEN))
    if end is None:
        return None
    found.append(_BEGINS + last[: end.start()])
    return Page(head[: opens.start(1)], found, _CLOSES + rest)


class Difference:
    """Reads the pages of one listing after the other. For one thread at a time."""

    def __init__(self) -> None:
        # A hash in place of the bytes, which are seven kilobytes for each machine.
        self._known: dict[bytes, tuple[Machine, ...]] = {}
        self._shown: dict[bytes, tuple[Machine, ...]] = {}
        self._parser = parsers.create_parser("ec2")

    def begin(self) -> None:
        """A listing begins, maybe for the second time."""
        self._known |= self._shown
        self._shown = {}

    def end(self) -> None:
        """Every page of it came: what none of them has shown is forgotten."""
        self._known, self._shown = self._shown, {}

    def read(
        self,
        operation_model: Any,
        response_dict: dict[str, Any],
        customized_response_dict: dict[str, Any],
        **_: Any,
    ) -> None:
        """A ``before-parse`` handler of DescribeInstances.

        Puts the machines of a page into the answer, as ``MACHINES``, and leaves boto3
        the page without them. What is wrong with a page boto3 is to say.
        """
        if response_dict["status_code"] != 200:
            return
        page = cut(response_dict["body"])
        if page is None:
            return
        try:
            machines = self._machines(page, operation_model.output_shape, response_dict)
        except Exception:
            _log.debug("boto3 reads a page whole that could not be cut", exc_info=True)
            return
        response_dict["body"] = page.with_only(())
        customized_response_dict[MACHINES] = machines

    def _machines(
        self, page: Page, shape: Any, response: Mapping[str, Any]
    ) -> list[Machine]:
        shown = [_digest(piece) for piece in page.reservations]
        pieces = dict(zip(shown, page.reservations))
        news = [digest for digest in pieces if digest not in self._known]
        for some in _batches(news, _AT_ONCE):
            body = page.with_only([pieces[digest] for digest in some])
            parsed = self._parser.parse({**response, "body": body}, shape)
            self._learn(some, parsed["Reservations"])
        self._shown |= {digest: self._known[digest] for digest in pieces}
        return [machine for digest in shown for machine in self._known[digest]]

    def _learn(self, digests: Sequence[bytes], reservations: Sequence[Any]) -> None:
        if len(reservations) != len(digests):
            raise ValueError("the page was cut where no reservation begins")
        for digest, reservation in zip(digests, reservations):
            self._known[digest] = tuple(read_reservations([reservation]))


def _digest(piece: bytes) -> bytes:
    return blake2b(piece, digest_size=16).digest()


def _batches(items: Sequence[bytes], size: int) -> Iterator[list[bytes]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
