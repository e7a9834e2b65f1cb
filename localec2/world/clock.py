"""Things that happen later: one timer thread and a pool of workers."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

log = logging.getLogger(__name__)


class Clock:
    """Calls functions after a time, on worker threads, where they may block."""

    def __init__(self, workers: int = 64) -> None:
        self._pool = ThreadPoolExecutor(workers, "local-ec2")
        self._wake = threading.Condition()
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._thread.start()

    def later(self, seconds: float, call: Callable[..., Any], *args: Any) -> None:
        with self._wake:
            if self._closed:
                return
            at = time.monotonic() + max(0.0, seconds)
            heapq.heappush(self._heap, (at, next(self._order), call, args))
            self._wake.notify()

    def close(self) -> None:
        """Forget what has not begun, wait for what has."""
        with self._wake:
            self._closed = True
            self._heap.clear()
            self._wake.notify()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._closed:
                    if not self._heap:
                        self._wake.wait()
                        continue
                    left = self._heap[0][0] - time.monotonic()
                    if left <= 0:
                        break
                    self._wake.wait(left)
                if self._closed:
                    return
                _, _, call, args = heapq.heappop(self._heap)
            self._pool.submit(self._call, call, args)

    @staticmethod
    def _call(call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            call(*args)
        except Exception:
            log.exception("%s failed", getattr(call, "__name__", call))
