"""One seed for everything that is left to chance, in this process.

Ids and tokens, salts and nonces, jitter, what moto makes up: all of them end in four
places. Whoever asks one of them after the same seed is told the same.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto.moto_api._internal import mock_random

# What these make up, they keep for the whole process: only the first world would ask.
_FOR_ALL_WORLDS = ("sqlalchemy.", "moto.", "botocore.", "urllib3.")


def _asker() -> str:
    """The module that asks for something random, past those that only hand it on."""
    frame = sys._getframe(2)
    while (name := frame.f_globals.get("__name__", "")) in (
        "uuid",
        "random",
        "secrets",
    ):
        assert frame.f_back is not None
        frame = frame.f_back
    return str(name)


class Chance:
    """Where all of this process's randomness comes from, while ``steady`` lasts."""

    def __init__(self) -> None:
        self._bytes = random.Random(0)
        self._real = os.urandom

    def seed(self, seed: int) -> None:
        self._bytes.seed(seed)
        random.seed(seed)
        mock_random.seed(seed)

    def urandom(self, size: int) -> bytes:
        if _asker().startswith(_FOR_ALL_WORLDS):
            return self._real(size)
        return self._bytes.randbytes(size)


@contextmanager
def steady(patch: pytest.MonkeyPatch) -> Iterator[Chance]:
    """Let the operating system's randomness, and so ``secrets``, follow a seed."""
    chance, before = Chance(), random.getstate()
    # ``uuid`` asks the first, ``secrets`` the second.
    patch.setattr(os, "urandom", chance.urandom)
    patch.setattr(random, "_urandom", chance.urandom)
    try:
        yield chance
    finally:
        random.setstate(before)
