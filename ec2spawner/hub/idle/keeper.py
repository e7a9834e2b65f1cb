"""Warns the users of servers whose time is over, and stops those servers.

One task for the whole Hub. It asks nobody: what machines see comes with their
heartbeats, and the verdicts are made of that (``core/idleness.py``).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from ...core.idleness import Step, Verdict
from ...core.notice_events import OutOfTime
from ...core.state import LastStop, Phase, Wish
from ...costs.words import dollars
from ...ec2.again import every
from ...server.context import HasContext, ServerContext
from ...server.notices import out_of_time
from ..pages.expectation import speaks_of_prices
from .record import UseRecord

#: seconds between two looks at all servers
ROUND = 15.0
# After a longer pause the Hub has slept, or its clock was set: what it knows of anybody
# is of before.
_PAUSE = 5 * ROUND
# A verdict takes some 40 microseconds: with thousands of servers others must have
# their turn between.
_AT_ONCE = 100


class IdleKeeper:
    """Looks at all servers that run, again and again, as long as the Hub does.

    :param app: the JupyterHub application
    :param record: where it is written down for others
    :param dry: only write to the log what would be done
    """

    def __init__(
        self,
        app: Any,
        log: logging.Logger,
        record: UseRecord,
        dry: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._log = log
        self._record = record
        self._dry = dry
        self._clock = clock
        self._looked = 0.0
        #: servers of which the log has told what is about to be done
        self._told: dict[ServerContext, Step] = {}

    async def keep(self) -> None:
        await every(ROUND, self.once, self._failed)

    async def once(self) -> None:
        """One look at all servers. Those that are to stop do so at the same time."""
        now, before = self._clock(), self._looked
        self._looked = now
        servers = list(self._running())
        if before and not 0 <= now - before < _PAUSE:
            self._log.warning(
                "This hub has looked at no server for %i s: nobody is stopped before "
                "their machine has spoken again",
                now - before,
            )
            for *_, spawner in servers:
                spawner.context.use.forget()
        over = []
        for number, (user, name, spawner) in enumerate(servers):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            context = spawner.context
            verdict = context.judge(now)
            self._tell(context, verdict, now)
            if verdict.step is Step.STOP or _is_half_stopped(context):
                over.append(self._stop(user, name, spawner))
        known = {spawner.context for *_, spawner in servers}
        await self._record.keep(known, now)
        self._told = {c: step for c, step in self._told.items() if c in known}
        for failure in await asyncio.gather(*over, return_exceptions=True):
            if isinstance(failure, Exception):
                self._log.error("An idle server is stopped later", exc_info=failure)

    def _running(self) -> Iterator[tuple[Any, str, Any]]:
        for user in list(self._app.users.values()):
            for name, spawner in list(dict.items(user.spawners)):
                ours = isinstance(spawner, HasContext)
                if ours and spawner.active and not spawner.pending:
                    yield user, name, spawner

    def _tell(self, context: ServerContext, verdict: Verdict, now: float) -> None:
        if verdict.step is self._told.get(context, Step.STAY):
            return
        self._told[context] = verdict.step
        if verdict.step is Step.WARN:
            left, would = verdict.at - now, "would be" if self._dry else "is"
            text = "%s %s stopped in %i s: %s"
            self._log.info(text, context.label, would, left, verdict.why)
        elif verdict.step is Step.STOP and self._dry:
            self._log.warning("%s would be stopped now: %s", context.label, verdict.why)

    async def _stop(self, user: Any, name: str, spawner: Any) -> None:
        """As JupyterHub does with a server that has ended."""
        context: ServerContext = spawner.context
        if not spawner.active or spawner.pending:
            return
        now = self._clock()
        # Once more, in the turn of the loop in which it is done: its machine may have
        # spoken since, and somebody may have come.
        verdict = context.judge(now)
        if verdict.step is Step.STOP and not self._dry:
            self._note(context, verdict, now)
        if not _is_half_stopped(context):
            return
        await self._app.proxy.delete_user(user, name)
        if spawner.active and not spawner.pending:
            await user.stop(name)

    def _note(self, context: ServerContext, verdict: Verdict, now: float) -> None:
        assert verdict.limit is not None, "something has stopped it"
        spent = context.runtime.ledger.of_machine(context.launch.instance_id, now)
        usd = round(spent.usd, 4) if spent else 0.0
        cost = dollars(usd) if usd and speaks_of_prices(context) else ""
        stop = LastStop(verdict.limit.value, now, verdict.idle_since, usd)
        name = context.hub.server_name
        if context.applied(OutOfTime(out_of_time(stop, name, cost), stop)):
            self._log.warning("%s is stopped: %s", context.label, verdict.why)

    def _failed(self, _: Exception) -> None:
        self._log.exception("Idle servers are looked for later")


def _is_half_stopped(context: ServerContext) -> bool:
    """It is to stop for its time is over, and the Hub could not do the rest so far."""
    launch, last = context.launch, context.state.last_stop
    wanted = launch.phase is Phase.READY and launch.wish is not Wish.SERVE
    return bool(wanted and last and last.at >= launch.ready_at)
