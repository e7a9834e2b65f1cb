"""What is done again: a call in doubt, a look, a round of work. Words are said once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Container
from typing import TypeVar

from .errors import EC2Error

T = TypeVar("T")


async def repeat_in_doubt(
    call: Callable[[int], Awaitable[T]],
    again: Callable[[EC2Error], bool],
    pause: float = 0.5,
    times: int = 3,
) -> T:
    """The answer to a call that may be repeated, asked for again while it is in doubt.

    :param call: is given how often it was made before
    :param again: whether an error leaves it in doubt
    :param pause: seconds after the first, doubled for each one more. After the last,
        too: whoever then looks for what the calls have done should find it
    :raises EC2Error: of the last, or the first that leaves no doubt
    """
    for repeat in range(times):
        try:
            return await call(repeat)
        except EC2Error as e:
            if not again(e):
                raise
            doubt = e
            await asyncio.sleep(pause * 2**repeat)
    raise doubt


async def patiently(
    call: Callable[[], Awaitable[T]],
    again: Callable[[EC2Error], bool],
    within: float,
) -> T:
    """The answer to a call that may be repeated, asked for until there is one.

    :param again: whether an error is one that passes
    :param within: seconds after which it is not asked for again
    :raises EC2Error: of the last, or the first that does not pass
    """
    trouble: EC2Error | None = None
    async for _ in Looks(slower, within=within):
        try:
            return await call()
        except EC2Error as e:
            if not again(e):
                raise
            trouble = e
    assert trouble is not None, "it is asked for at least once"
    raise trouble


class Looks:
    """``async for waited in Looks(0.5, within=60)``: now, and every half second.

    The loop ends when its time is over, after a last look.

    :param pause: seconds between two looks, or what makes them of those waited so far
    :param within: seconds after which no other look is begun
    """

    def __init__(
        self,
        pause: float | Callable[[float], float],
        within: float = float("inf"),
    ) -> None:
        self._pause = pause
        self._within = within
        self._began: float | None = None

    def __aiter__(self) -> Looks:
        return self

    async def __anext__(self) -> float:
        """Seconds waited so far."""
        if self._began is None:
            self._began = time.monotonic()
            return 0.0
        waited = time.monotonic() - self._began
        if waited >= self._within:
            raise StopAsyncIteration
        await asyncio.sleep(
            self._pause(waited) if callable(self._pause) else self._pause
        )
        return time.monotonic() - self._began


def slower(waited: float) -> float:
    """The pause of those who may have to look for long."""
    return min(1.0 + waited / 10, 5.0)


async def every(
    seconds: float,
    work: Callable[[], Awaitable[None]],
    failed: Callable[[Exception], None],
    at_once: bool = False,
) -> None:
    """Do work again and again, that many seconds after it was done, come what may.

    :param failed: is given what the work raises, while it is being handled
    :param at_once: not only after the first pause
    """
    if not at_once:
        await asyncio.sleep(seconds)
    while True:
        try:
            await work()
        except Exception as e:
            failed(e)
        await asyncio.sleep(seconds)


class OnlyNews:
    """A log that is told the same thing in every round, and says it once."""

    def __init__(self, log: logging.Logger, level: int = logging.ERROR) -> None:
        self._log = log
        self._level = level
        self._said: dict[str, object] = {}

    def say(
        self,
        about: str,
        news: object,
        text: str,
        *args: object,
        trace: bool = False,
        level: int | None = None,
    ) -> None:
        """Log it, unless the last news about the same were the same.

        :param trace: with that of the error that is being handled
        :param level: another than this log's
        """
        if about not in self._said or self._said[about] != news:
            self._said[about] = news
            self._log.log(level or self._level, text, *args, exc_info=trace)

    def over(self, about: str) -> None:
        """There is nothing to say about it: if it comes back, that is news."""
        self._said.pop(about, None)

    def keep(self, abouts: Container[str]) -> None:
        """Forget all others: things come and go, and the Hub stays."""
        self._said = {a: news for a, news in self._said.items() if a in abouts}
