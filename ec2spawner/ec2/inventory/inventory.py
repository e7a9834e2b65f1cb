"""One shared listing of a hub's machines, which answers every poll."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from ..again import OnlyNews
from ..batcher import Batcher
from ..errors import EC2Error
from ..machines import Machine
from .source import Asker, Lister, may_be_one_zone, zone_by_zone
from .view import Listing, View

# While zones are asked one by one: seconds between two tries to list all at once.
_WHOLE_SECONDS = 30.0
# For so long a question about one machine is waited for before a listing is.
_NEWS_SECONDS = 4.0


class Inventory:
    """Lists all machines of a hub in one paginated call, for everybody at once.

    It lists every ``fast`` seconds while something is changing and every
    ``slow`` seconds otherwise. Listings that fail leave the last one standing, and so
    does what they lack: ``view.py`` says when a machine is given up.

    :param ask: for machines by their ids
    :param on_shown: is told of all machines that EC2 shows, as it shows them, and
        whether they are all that there are
    """

    def __init__(
        self,
        lister: Lister,
        ask: Asker,
        fast: float,
        slow: float,
        log: logging.Logger,
        on_shown: Callable[[Iterable[Machine], bool], None] = lambda rows, all: None,
    ) -> None:
        self._on_shown = on_shown
        self._lister = lister
        self._ask = ask
        self.fast = fast
        self.slow = slow
        self._log = log
        self._news = OnlyNews(log)
        self._view = View()
        self._questions = Batcher("describe", self._ask_for_each)
        self._listing: Listing | None = None
        self._changed = asyncio.Condition()
        self._nudge = asyncio.Event()
        self._hurried = 0
        self._failures = 0
        self._failing_since = 0.0
        #: why all at once cannot be listed; zones are asked one by one meanwhile
        self._disrupted: Exception | None = None
        self._whole_again_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def listing(self) -> Listing | None:
        """What is known since the newest listing, or None before the first."""
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
        """A machine as last known; None for one of which EC2 has not told."""
        return self._view.machines.get(instance_id)

    def is_lost(self, instance_id: str, though_many: bool = False) -> bool:
        """EC2 has a machine no more that was expected: ``View.is_lost``."""
        return self._view.is_lost(instance_id, though_many)

    def expect(self, instance_id: str, zone: str = "") -> None:
        """Somebody has this machine: EC2 is asked for it if no listing shows it."""
        self._view.expect(instance_id, zone)

    def told(self, machine: Machine) -> None:
        """EC2 has named a machine in the answer to another call."""
        self._view.told(machine, time.monotonic())
        self._on_shown([machine], False)

    async def ask(self, instance_id: str) -> Machine | None:
        """A machine by its id, asked for now; None when EC2 does not know it.

        That is no proof that it is gone: see ``is_lost``.

        :raises EC2Error: when EC2 does not answer
        """
        return await self._questions.ask(instance_id)

    async def look(self, instance_id: str) -> Machine | None:
        """A machine as last known, or asked for by its id when no listing shows it.

        :raises EC2Error: when EC2 does not answer that question
        """
        return self.get(instance_id) or await self.ask(instance_id)

    async def surely(self, machine: Machine) -> Machine | None:
        """A machine that listings show as over, as EC2 tells of it by its id.

        Nothing comes back from its end. That it is stopped may be old news, of before
        it was woken. None when EC2 does not say.
        """
        if machine.gone:
            return machine
        try:
            return await self.ask(machine.id)
        except EC2Error as e:
            self._log.debug("Cannot ask for machine %s: %s", machine.id, e)
            return None

    async def news_of(self, instance_id: str) -> Machine | None:
        """A machine as EC2 tells of it now; None when it does not, or not soon.

        All who ask at once share a call, which is a matter of milliseconds where a
        listing of thousands takes seconds, and the next one may be a while away.
        """
        with suppress(EC2Error, asyncio.TimeoutError):
            return await asyncio.wait_for(self.ask(instance_id), _NEWS_SECONDS)
        return None

    async def goes_on(self, instance_id: str, within: float) -> bool:
        """Whether a machine has not ended, as EC2 says after this was asked.

        While EC2 does not answer, it is as last known.

        :param within: seconds after which an EC2 that answers has not said it
        """
        end = time.monotonic() + within
        if (machine := await self.news_of(instance_id)) is not None:
            return not machine.over
        # EC2 may not know yet by its id what it has made: a listing may have it.
        now = time.monotonic()
        if await self.newer_than(now, end - now) is None and not self.failing:
            return False
        known = self.get(instance_id)
        if known is not None and known.over:
            # A listing may be of before it was woken.
            known = await self.surely(known)
            return known is not None and not known.over
        return True

    def of_launch(self, launch_id: str, client_token: str = "") -> Machine | None:
        """The machine of a launch as last known; one that lives, if any does.

        :param client_token: only one that this attempt of the launch made
        """
        found = [
            machine
            for machine in self._view.machines.values()
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
        self._questions.close()

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
            await self._ask_for_absent()
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

    # -- listings ----------------------------------------------------------------

    async def _list_once(self) -> None:
        began = time.monotonic()
        failure = self._disrupted
        if failure is None or began >= self._whole_again_at:
            try:
                rows = await self._lister()
            except Exception as e:
                # Whatever it was, this loop must go on: every poll depends on it.
                failure = e
            else:
                self._works_again()
                await self._publish(rows, began, complete=True)
                return
        assert failure is not None
        if may_be_one_zone(failure, self._failures) or self._disrupted is not None:
            if await self._list_zones(began, failure):
                return
        self._failed(failure)

    async def _list_zones(self, began: float, failure: Exception) -> bool:
        """:returns: whether some zone has answered"""
        if self._disrupted is None or began >= self._whole_again_at:
            self._whole_again_at = began + max(_WHOLE_SECONDS, self.slow)
        try:
            found = await zone_by_zone(self._ask, self._view.zones())
        except Exception as e:
            self._log.debug("Cannot ask for machines zone by zone: %s", e)
            found = None
        if found is None:
            self._disrupted = None
            return False
        self._disrupted, self._failures = failure, 0
        self._news.say(
            "zones",
            found.blind,
            "Listing machines fails again and again, but EC2 answers for some of "
            "them. Machines of these zones count as last known: %s. %s",
            ", ".join(found.blind) or "none",
            failure,
        )
        await self._publish(found.machines, began, complete=False)
        return True

    def _works_again(self) -> None:
        if self._failures or self._disrupted is not None:
            self._log.warning("Listing machines works again")
        self._failures, self._disrupted = 0, None
        self._news.over("zones")

    def _failed(self, e: Exception) -> None:
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
            exc_info=None if isinstance(e, EC2Error) else e,
        )

    async def _publish(
        self, rows: Mapping[str, Machine], began: float, complete: bool
    ) -> None:
        self._view.take(rows, began, complete)
        self._on_shown(rows.values(), complete)
        async with self._changed:
            self._listing = Listing(began, dict(self._view.machines), complete)
            self._changed.notify_all()

    # -- what listings lack ------------------------------------------------------

    async def _ask_for_absent(self) -> None:
        if self._failures or not (ids := self._view.questions(time.monotonic())):
            self._say_absent()
            return
        try:
            found = await self._ask(ids)
            self._view.answered(ids, found, time.monotonic())
            self._on_shown(found.values(), False)
        except Exception as e:
            self._log.debug("Cannot ask for %s by id: %s", ", ".join(ids), e)
        self._say_absent()
        if self._listing is not None:
            known = dict(self._view.machines)
            self._listing = Listing(self._listing.began, known, self._listing.complete)

    def _say_absent(self) -> None:
        if absent := self._view.absent:
            self._news.say(
                "absent",
                absent,
                "EC2's listing lacks machines that exist as far as is known. They "
                "count as last known, and EC2 is asked for them by id: %s",
                ", ".join(sorted(absent)),
                level=logging.INFO,
            )
        else:
            self._news.over("absent")
        if braked := self._view.braked:
            self._news.say(
                "braked",
                braked,
                "EC2 knows %i machines no more, all at once, which is more likely a "
                "mistake than their end: none is taken for gone. Are the region, the "
                "account and the credentials of this Hub as before? If these "
                "machines have really ended, stop their servers on the Hub's admin "
                "page: %s",
                len(braked),
                ", ".join(sorted(braked)),
            )
        else:
            self._news.over("braked")

    async def _ask_for_each(self, ids: Sequence[str]) -> dict[str, Machine | None]:
        found = await self._ask(ids)
        self._view.answered(ids, found, time.monotonic())
        self._on_shown(found.values(), False)
        return {id: found.get(id) for id in ids}
