"""One request for many: for all who ask together, or while one is in flight."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import EC2Error
from .errors.kinds import Kind
from .errors.table import meaning_of

T = TypeVar("T")

_GATHER_SECONDS = 0.01
# A request that hangs must not hold up those that come after it.
_BEHIND_SECONDS = 1.0
# AWS takes a thousand and asks for smaller batches (EC2 API reference,
# TerminateInstances).
_MOST = 100
_ID = re.compile(r"\bi-[0-9a-f]{8,17}\b")
# The answer says nothing about any one machine: to ask for fewer cannot help.
_ABOUT_ALL = frozenset({Kind.THROTTLED, Kind.AMBIGUOUS})


@dataclass(frozen=True)
class BatchStatistics:
    """What a batcher has sent since it was made."""

    requests: int = 0
    #: ids in all of them
    items: int = 0
    #: ids in the one with most
    largest: int = 0

    def and_one_of(self, size: int) -> BatchStatistics:
        return BatchStatistics(
            self.requests + 1, self.items + size, max(self.largest, size)
        )


class Batcher(Generic[T]):
    """Hands each caller the answer about their id, of a request for many.

    An error about one id fails a whole request at EC2. Those that it names are
    told, and the others are asked for again without them; when it names none, the
    request is halved until each bad one stands alone.

    :param name: what the requests do, for logs and metrics
    :param send: one request for these ids: id -> answer
    """

    def __init__(
        self, name: str, send: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]
    ) -> None:
        self.name = name
        self._send = send
        self._statistics = BatchStatistics()
        self._waiting: dict[str, asyncio.Future[T]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering: asyncio.Task[None] | None = None
        self._in_flight: asyncio.Task[None] | None = None

    async def ask(self, id: str) -> T:
        """The answer about one id.

        Whoever is cancelled takes nothing back: the request may have been sent.

        :raises EC2Error: the error about this id, or about the request as a whole
        """
        if id not in self._waiting:
            self._waiting[id] = asyncio.get_running_loop().create_future()
            # Nobody may be left to hear of it.
            self._waiting[id].add_done_callback(
                lambda f: f.cancelled() or f.exception()
            )
            if self._gathering is None:
                self._gathering = self._begin(self._gather())
        return await asyncio.shield(self._waiting[id])

    def statistics(self) -> BatchStatistics:
        return self._statistics

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for future in self._waiting.values():
            future.cancel()

    def _begin(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _gather(self) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        if self._in_flight is not None:
            await asyncio.wait({self._in_flight}, timeout=_BEHIND_SECONDS)
        batch = dict(list(self._waiting.items())[:_MOST])
        for id in batch:
            del self._waiting[id]
        self._in_flight = self._begin(self._answer(batch))
        self._gathering = self._begin(self._gather()) if self._waiting else None

    async def _answer(self, batch: Mapping[str, asyncio.Future[T]]) -> None:
        try:
            await self._ask_for(list(batch), batch)
        except Exception as e:
            for future in batch.values():
                if not future.done():
                    future.set_exception(e)
        finally:
            for future in batch.values():
                future.cancel()  # of no effect on one that is done

    async def _ask_for(
        self, ids: list[str], batch: Mapping[str, asyncio.Future[T]]
    ) -> None:
        self._statistics = self._statistics.and_one_of(len(ids))
        try:
            answers = await self._send(ids)
        except EC2Error as e:
            await self._split(e, ids, batch)
            return
        for id in ids:
            if id in answers:
                batch[id].set_result(answers[id])
            else:
                batch[id].set_exception(
                    EC2Error("", "NotAnswered", f"of {id}", meaning_of("", 500))
                )

    async def _split(
        self, error: EC2Error, ids: list[str], batch: Mapping[str, asyncio.Future[T]]
    ) -> None:
        if len(ids) == 1 or error.kind in _ABOUT_ALL:
            for id in ids:
                batch[id].set_exception(error)
            return
        named = set(_ID.findall(error.message)) & set(ids)
        for id in named:
            batch[id].set_exception(error)
        rest = [id for id in ids if id not in named]
        parts = [rest] if named else [rest[: len(rest) // 2], rest[len(rest) // 2 :]]
        for part in filter(None, parts):
            await self._ask_for(part, batch)
