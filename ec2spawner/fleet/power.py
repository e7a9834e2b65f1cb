"""Stopped machines: stop, hibernate and start, until EC2 confirms it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from functools import partial

from ..ec2.again import Looks, patiently, slower
from ..ec2.batcher import Batcher
from ..ec2.clients import Clients, NotSent
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.errors.kinds import Kind
from ..ec2.inventory import Inventory
from ..ec2.machines import (
    STOPPED_STATES,
    Machine,
    set_instance_type,
    set_user_data,
    start_machines,
    stop_machines,
)

_AWAKE = frozenset({"pending", "running"})
# What an error says of EC2, and nothing of the machine.
_PASSES = frozenset({Kind.AMBIGUOUS, Kind.THROTTLED})
# A call that nobody has answered may still reach EC2. How late, AWS does not say: ours
# are given up after 15 s (``ec2/clients.py``).
_LATE_SECONDS = 120.0


class StopOutcome(Enum):
    """What EC2 has said to the wish that a machine should stop."""

    STOPPING = "it is stopped or stopping"
    GONE = "it has ended"
    CANNOT = "it is of a kind that cannot be stopped"
    UNKNOWN = "EC2 has not confirmed anything yet"


class Power:
    """Stops and starts the machines of one fleet, until EC2 confirms it."""

    def __init__(
        self, clients: Clients, inventory: Inventory, log: logging.Logger
    ) -> None:
        self._clients = clients
        self._inventory = inventory
        self._log = log
        #: machine -> when the last StopInstances was given up to which no answer came
        self._unanswered: dict[str, float] = {}
        self._stops = Batcher("stop", self._stop)
        self._hibernations = Batcher("hibernate", partial(self._stop, hibernate=True))
        self._starts = Batcher(
            "start", lambda ids: start_machines(clients.launching, ids)
        )

    def close(self) -> None:
        self._stops.close()
        self._hibernations.close()
        self._starts.close()

    async def stop_until_confirmed(
        self, instance_id: str, timeout: float, hibernate: bool = False
    ) -> StopOutcome:
        """Stop a machine; return once EC2 has confirmed what becomes of it.

        :param hibernate: with what is in its memory, if it can
        """
        self._inventory.expect(instance_id)
        with self._inventory.hurry():
            async for _ in Looks(slower, within=timeout):
                ask = self._hibernations if hibernate else self._stops
                outcome = await self._stop_once(instance_id, ask)
                if outcome is StopOutcome.CANNOT and hibernate:
                    self._log.warning(
                        "Machine %s cannot hibernate, so it is stopped: what is in its "
                        "memory is lost",
                        instance_id,
                    )
                    hibernate = False
                    outcome = await self._stop_once(instance_id, self._stops)
                if outcome:
                    return outcome
                machine = self._inventory.get(instance_id)
                if machine is not None and machine.gone:
                    return StopOutcome.GONE
                if self._inventory.is_lost(instance_id, though_many=True):
                    return StopOutcome.GONE
        return StopOutcome.UNKNOWN

    async def _stop(
        self, ids: Sequence[str], hibernate: bool = False
    ) -> dict[str, str]:
        def doubted() -> None:
            self._unanswered |= dict.fromkeys(ids, time.monotonic())

        return await stop_machines(self._clients.killing, ids, hibernate, doubted)

    async def _stop_once(
        self, instance_id: str, stops: Batcher[str]
    ) -> StopOutcome | None:
        try:
            state = await stops.ask(instance_id)
        except EC2Error as e:
            self._log.warning("Machine %s: %s", instance_id, admin_hint(e))
            # Not InvalidInstanceID.NotFound: EC2 may be late to know a machine.
            cannot = e.code.startswith("Unsupported")
            return StopOutcome.CANNOT if cannot else None
        if state in STOPPED_STATES:
            return StopOutcome.STOPPING
        return StopOutcome.GONE if state in ("shutting-down", "terminated") else None

    def may_stop_late(self, instance_id: str) -> bool:
        """A stop of ours may still reach EC2, when the machine is wanted again."""
        limit = time.monotonic() - _LATE_SECONDS
        kept = {id: at for id, at in self._unanswered.items() if at > limit}
        self._unanswered = kept
        return instance_id in kept

    async def wait_stopped(self, instance_id: str, timeout: float) -> Machine | None:
        """The machine once it has stopped; None when it has ended.

        That it is not shown proves nothing: it has ended when no listing of a minute
        has it, and EC2 does not know it by its id.

        :raises asyncio.TimeoutError: when it is still stopping, or EC2 does not answer
        """
        end = time.monotonic() + timeout
        self._inventory.expect(instance_id)
        # Most have stopped long ago, and a listing of thousands takes seconds.
        known = await self._inventory.news_of(instance_id)
        if known is not None and known.state == "stopped":
            return known
        listing = await self._inventory.newer_than(time.monotonic(), timeout)
        while listing is not None:
            # As last known, if the listing lacks it: that is no proof of its end.
            machine = self._inventory.get(instance_id)
            lost = self._inventory.is_lost(instance_id)
            if lost or machine is not None and machine.gone:
                return None
            if machine is not None and machine.state == "stopped":
                return machine
            if machine is not None and machine.state in _AWAKE:
                # Somebody else has started it: its user-data cannot be changed.
                await self.stop_until_confirmed(
                    instance_id, max(end - time.monotonic(), 1)
                )
            listing = await self._inventory.newer_than(
                time.monotonic(), end - time.monotonic()
            )
        raise asyncio.TimeoutError

    async def start(
        self,
        machine: Machine,
        user_data: bytes | None,
        instance_type: str,
        wanted: Callable[[], bool],
        troubled: Callable[[EC2Error], None],
        within: float,
    ) -> None:
        """Start a stopped machine, with other user-data and in the given size.

        What passes is waited for: EC2 that limits requests, or does not answer.

        :param user_data: None leaves it as it is
        :param wanted: asked before each call whether it is still to start
        :param troubled: is told of each error that may pass
        :param within: seconds after which what does not pass is an error
        :raises EC2Error: when EC2 refuses, or its answer stays in doubt
        :raises NotSent: when it is not wanted any more
        """
        lane, end = self._clients.launching, time.monotonic() + within

        async def ask(call: Callable[[], Awaitable[object]]) -> None:
            async def if_wanted() -> object:
                if not wanted():
                    raise NotSent()
                return await call()

            def passes(error: EC2Error) -> bool:
                if error.kind not in _PASSES:
                    return False
                self._log.warning("Machine %s: %s", machine.id, admin_hint(error))
                troubled(error)
                return True

            # What is already so is no error: each of these can be repeated.
            await patiently(if_wanted, passes, end - time.monotonic())

        if (data := user_data) is not None:
            await ask(lambda: set_user_data(lane, machine.id, data))
        if machine.instance_type != instance_type:
            await ask(lambda: set_instance_type(lane, machine.id, instance_type))
        await ask(lambda: self._start_once(machine.id))

    async def _start_once(self, instance_id: str) -> None:
        try:
            await self._starts.ask(instance_id)
        except EC2Error as e:
            if e.kind is not Kind.AMBIGUOUS or not await self._is_awake(instance_id):
                raise

    async def _is_awake(self, instance_id: str) -> bool:
        listing = await self._inventory.newer_than(time.monotonic(), 5)
        shown = listing.machines.get(instance_id) if listing else None
        return shown is not None and shown.state in _AWAKE
