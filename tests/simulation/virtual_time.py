"""Time that passes only when nobody has anything to do.

The product's code, JupyterHub and the local EC2 all ask one clock, and an event loop
moves it on to the next timer as soon as no call to EC2 is under way. So a minute of
waiting costs nothing, a busy computer changes nothing, and the same choices lead to the
same story.
"""

from __future__ import annotations

import asyncio
import datetime
import heapq
import importlib
import inspect
import itertools
import selectors
import sys
import threading
import time as real_time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.ioloop import IOLoop

# When each world begins, by the calendar and by the clock.
EPOCH = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc).timestamp()
BEGIN = 1000.0


class VirtualTime:
    """What a module finds under the name ``time``."""

    def __init__(self) -> None:
        self._epoch = EPOCH
        self.now = BEGIN
        #: what threads have slept, all in all
        self.slept = 0.0
        #: by how much the Hub's clock is wrong, seconds; EC2's is right
        self.wrong = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self._epoch + self.now - BEGIN + self.wrong

    def sleep(self, seconds: float) -> None:
        """Of a thread: the call that it makes takes so much longer."""
        self.slept += max(0.0, seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(real_time, name)


def datetime_of(time: VirtualTime) -> type[datetime.datetime]:
    """``datetime.datetime`` by that clock."""

    class VirtualDatetime(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> VirtualDatetime:
            return cls.fromtimestamp(time.time(), tz)

    return VirtualDatetime


class EventQueue:
    """What happens at the local EC2 later. Takes the place of its ``Clock``."""

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        #: how many have happened
        self.ran = 0
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []

    def later(self, seconds: float, call: Callable[..., Any], *args: Any) -> None:
        with self._lock:
            at = self.time.now + max(0.0, seconds)
            heapq.heappush(self._heap, (at, next(self._order), call, args))

    def run_due(self) -> None:
        while True:
            with self._lock:
                if not self._heap or self._heap[0][0] > self.time.now:
                    return
                _, _, call, args = heapq.heappop(self._heap)
            self.ran += 1
            call(*args)

    @property
    def next_at(self) -> float:
        with self._lock:
            return self._heap[0][0] if self._heap else float("inf")

    def clear(self) -> None:
        with self._lock:
            self._heap.clear()

    def close(self) -> None:
        self.clear()


class NoThreads(Executor):
    """Takes the place of a pool of threads: what is submitted is done at once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class Stopped(BaseException):
    """The process that this loop stands for is dead."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The event loop of one Hub's life.

    What the product gives to its threads is done at once, in this one, and the answer
    comes later: so a call takes as long as its world says, and two calls never race.

    :param is_over: is asked before every turn whether the life is over
    :param seconds_of_last_call: how long the call takes that has just been made
    """

    def __init__(
        self,
        events: EventQueue,
        is_over: Callable[[], bool],
        seconds_of_last_call: Callable[[], float],
    ) -> None:
        self.events = events
        self.is_over = is_over
        self._seconds_of_last_call = seconds_of_last_call
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.events.time.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.create_future()
        before = self.events.time.slept
        try:
            answer: Any = func(*args)
            deliver: Callable[[Any], None] = future.set_result
        except Exception as e:
            answer, deliver = e, future.set_exception

        def arrive() -> None:
            if not future.done():
                deliver(answer)

        slept = self.events.time.slept - before
        self.call_later(self._seconds_of_last_call() + slept, arrive)
        return future


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for a time it makes it come."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if self._loop.is_over():
            raise Stopped
        events = self._loop.events
        # Or who waits for a deadline that is now would ask for the time for ever.
        events.time.now += 1e-6
        events.run_due()
        ready = super().select(0)
        # What was due may have given the loop something to do.
        if ready or timeout == 0 or self._loop._ready:  # type: ignore[attr-defined]
            return ready
        next_at = events.next_at
        if timeout is not None:
            next_at = min(next_at, events.time.now + timeout)
        assert next_at < float("inf"), "everything waits for what cannot come"
        events.time.now = max(events.time.now, next_at)
        return []


def _functions(module: Any) -> Iterator[Any]:
    for thing in vars(module).values():
        if inspect.isfunction(thing):
            yield thing
        elif inspect.isclass(thing) and thing.__module__ == module.__name__:
            yield from (f for f in vars(thing).values() if inspect.isfunction(f))


def install(time: VirtualTime, patch: pytest.MonkeyPatch) -> None:
    """Let the product, the local EC2 and tornado ask this clock."""
    # All of the product, before its modules are looked at.
    importlib.import_module("ec2spawner.spawner")
    ours = [
        m
        for name, m in sys.modules.items()
        if name.startswith(("ec2spawner.", "localec2."))
    ]
    for module in ours:
        if vars(module).get("time") is real_time:
            patch.setattr(module, "time", time)
        for function in _functions(module):
            kept = function.__defaults__ or ()
            if real_time.monotonic in kept or real_time.time in kept:
                meant = {real_time.monotonic: time.monotonic, real_time.time: time.time}
                new = tuple(meant.get(d, d) if callable(d) else d for d in kept)
                patch.setattr(function, "__defaults__", new)
    patch.setattr("ec2spawner.ec2.clients.ThreadPoolExecutor", NoThreads)
    patch.setattr("botocore.endpoint.time", time)
    virtual_datetime = datetime_of(time)
    patch.setattr("jupyterhub.utils.datetime", virtual_datetime)

    def utcnow() -> datetime.datetime:
        right = time.time() - time.wrong
        utc = datetime.timezone.utc
        return virtual_datetime.fromtimestamp(right, utc).replace(tzinfo=None)

    for module in ("instances", "elastic_block_store"):
        patch.setattr(f"moto.ec2.models.{module}.utcnow", utcnow)
    patch.setattr(IOLoop, "time", lambda self: time.time())
    # What EC2 says that it has done, and when.
    there = SimpleNamespace(**vars(datetime))
    there.datetime = virtual_datetime
    patch.setattr("localec2.world.lifecycle.datetime", there)
