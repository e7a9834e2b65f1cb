"""How a machine notices that it has hibernated: nothing boots then."""

from __future__ import annotations

import time

from ..config import read_config, script_of
from ..metadata import Metadata
from ..words import Failed

#: seconds between two looks; at once where time has jumped
EVERY = 5.0
JUMP = 3.0


class Woken(Exception):
    """The Hub has woken this machine: it is to claim anew."""


class Sleep:
    """Looks whether the user-data has another nonce than we claimed with.

    It can be changed on a stopped machine only. So no clock has to be right, and
    nobody but who may do that on AWS can make us claim.
    """

    def __init__(self, nonce: str) -> None:
        self.metadata = Metadata()
        self.nonce = nonce
        self.seen = self.looked = now()

    def check(self) -> None:
        """:raises Woken: when this machine has been woken"""
        if now() - self.seen > JUMP:
            self.looked = 0.0
        self.seen = now()
        if self.seen - self.looked < EVERY:
            return
        try:
            body = self.metadata.find("user-data")
            there = read_config(script_of(body))["nonce"] if body else self.nonce
        except (OSError, ValueError, Failed):
            return  # right after a wake-up there may be no network: look again
        self.seen = self.looked = now()
        if there != self.nonce:
            raise Woken


def now() -> float:
    # It counts the time asleep, too (clock_gettime(2)).
    return time.clock_gettime(time.CLOCK_BOOTTIME)
