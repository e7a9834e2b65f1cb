"""One shared listing of a hub's machines, which answers every poll."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from .errors import EC2Error
from .machines import Machine

Lister = Callable[[], Awaitable[Mapping[str, Machine]]]


@dataclass(frozen=True)
class Listing:
    """What one complete listing showed. ``began`` is monotonic seconds.

    What it lacks was absent at most since ``began``: EC2 may hide a machine that
    was made shortly before (EC2 developer guide, "Eventual consistency").
    """

    began: float
    machines: Mapping[str, Machine] = field(default_factory=dict)


class Inventory:
    """Lists all machines of a hub in one paginated call, for everybody at once.

    It lists every ``fast`` seconds while something is changing and every
    ``slow`` seconds otherwise. Listings that fail leave the last one standing.
    """

    def __init__(
        self, lister: Lister, fast: float, slow: float, log: logging.Logger
    ) -> None:
        self._lister = lister
        self.fast = fast
        self.slow = slow
        self._log = log
        self._listing: Listing | None = None
        self._changed = asyncio.Condition()
        self._nudge = asyncio.Event()
        self._hurried = 0
        self._failures = 0
        self._failing_since = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def listing(self) -> Listing | None:
        """The newest complete listing, or None before the first."""
        return self._listing

    @property
    def failing_since(self) -> float:
        """When EC2 ceased to answer, seconds since the epoch; 0 while it answers."""
        return self._failing_since if self._failures else 0.0

    @property
    def failing(self) -> bool:
        """The last listing did not succeed."""
        return self._failures > 0

    def get(self, instance_id: str) -> Machine | None:
        """A machine as last listed."""
        return self._listing.machines.get(instance_id) if self._listing else None

    def of_launch(self, launch_id: str, client_token: str = "") -> Machine | None:
        """The machine of a launch as last listed; one that lives, if any does.

        :param client_token: only one that this attempt of the launch made
        """
        found = [
            machine
            for machine in (self._listing.machines.values() if self._listing else ())
            if machine.launch_id == launch_id
            and client_token in ("", machine.client_token)
        ]
        return min(found, key=lambda m: m.gone, default=None)

    def start(self) -> None:
        """Begin listing, if it has not begun."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """List at the fast interval inside this block."""
        self.start()
        self._hurried += 1
        self._nudge.set()
        try:
            yield
        finally:
            self._hurried -= 1

    async def newer_than(self, moment: float, timeout: float) -> Listing | None:
        """A listing that began after ``moment``, or None if none came in time."""

        def fresh() -> bool:
            return self._listing is not None and self._listing.began > moment

        with self.hurry():
            async with self._changed:
                try:
                    await asyncio.wait_for(self._changed.wait_for(fresh), timeout)
                except asyncio.TimeoutError:
                    return None
        return self._listing

    async def next(self, timeout: float) -> None:
        """Wait for the next listing, ``timeout`` seconds at most."""
        await self.newer_than(time.monotonic(), timeout)

    async def _run(self) -> None:
        while True:
            await self._list_once()
            interval = self.fast if self._hurried else self.slow
            if self._failures:
                # An outage is no reason to call more often than a healthy API.
                interval = min(self.slow, interval * 2 ** min(self._failures, 6))
            self._nudge.clear()
            if interval > self.fast and not self._failures:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._nudge.wait(), interval)
            else:
                await asyncio.sleep(interval)

    async def _list_once(self) -> None:
        began = time.monotonic()
        try:
            machines = await self._lister()
        except Exception as e:
            # Whatever it was, this loop must go on: every poll depends on it.
            if not self._failures:
                self._failing_since = time.time()
            self._failures += 1
            level = logging.WARNING if self._failures in (1, 10) else logging.DEBUG
            self._log.log(
                level,
                "Cannot list machines (failure %i in a row), every server counts "
                "as last known: %s",
                self._failures,
                e,
                exc_info=not isinstance(e, EC2Error),
            )
            return
        if self._failures:
            self._log.warning("Listing machines works again")
        self._failures = 0
        async with self._changed:
            self._listing = Listing(began, machines)
            self._changed.notify_all()
