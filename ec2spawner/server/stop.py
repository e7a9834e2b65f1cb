"""What becomes of a machine when its server stops: its end, or a rest."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial

from sqlalchemy import inspect

from ..claim.registry import desk
from ..core.state import Phase, Rest, Tombstone
from ..fleet.power import Laid
from .context import Server
from .start import Starting


class Ending:
    """Ends or stops the machines of one server, for as long as that takes."""

    def __init__(self, spawner: Server) -> None:
        self._spawner = spawner
        self._laying: asyncio.Task[None] | None = None
        #: EC2 has confirmed that nothing of the present launch is left
        self.nothing_left = False

    async def run(self, starting: Starting) -> None:
        """Stop the server's machine; return once EC2 confirms what becomes of it.

        What is not confirmed in time goes on in the background.

        :param starting: the start that may still be on its way
        """
        spawner, state = self._spawner, self._spawner.state
        state.phase = Phase.STOPPING
        spawner.save_state()
        timeout = float(spawner.stop_timeout)
        deadline = time.monotonic() + timeout
        await starting.in_flight(timeout)
        left = max(deadline - time.monotonic(), 1.0)
        if state.may_rest and not starting.failed:
            # Before EC2 is asked: a Hub that is killed now must not end the machine.
            state.lay_down(time.time())
            spawner.save_state()
            rests = spawner.fleet.rests
            self._laid(
                await rests.lay_down(
                    state.instance_id, left, _hibernates(state.resting)
                )
            )
        else:
            self.nothing_left = starting.refused or await self._end(starting, left)
        self._log_outcome()

    async def _end(self, starting: Starting, timeout: float) -> bool:
        """True when nothing of this launch is left."""
        state, fleet = self._spawner.state, self._spawner.fleet
        if not state.instance_id:
            machine = await fleet.find(state.launch_id, timeout, state.client_token)
            if machine is None:
                return False
            starting.found(machine)
        return await fleet.terminate(state.instance_id, timeout)

    def _log_outcome(self) -> None:
        spawner, state = self._spawner, self._spawner.state
        log, whose = spawner.log, spawner._log_name
        machine = state.instance_id or "not yet named"
        if self.nothing_left:
            log.info("The machine of %s, %s, is ending", whose, machine)
        elif state.resting and state.rests and state.resting.certain:
            log.info("The machine of %s, %s, goes to rest", whose, machine)
        else:
            log.error(
                "EC2 has not confirmed the end of the machine of %s, %s; it is tried "
                "again in the background",
                whose,
                machine,
            )

    def go_on(self) -> None:
        """See in the background to what is still to be ended or stopped."""
        state = self._spawner.state
        for grave in state.tombstones:
            fleet = self._spawner.fleet_in(grave.region)
            desk.bury(grave)
            fleet.bury(grave, partial(self._buried, grave))
        rest = state.resting
        if rest and not (rest.certain or state.rests):
            self._laying = asyncio.ensure_future(self._lay_to_rest(rest))

    async def settled(self) -> None:
        """Return when nothing tries to stop a machine that is about to be woken."""
        if self._laying is not None:
            await asyncio.wait({self._laying}, timeout=self._spawner.stop_timeout)
            self._laying.cancel()
            self._laying = None

    def _buried(self, grave: Tombstone) -> None:
        desk.forget(grave)
        state = self._spawner.state
        state.tombstones = [t for t in state.tombstones if t != grave]
        self._save()

    async def _lay_to_rest(self, rest: Rest) -> None:
        spawner, laid = self._spawner, Laid.UNKNOWN
        rests = spawner.fleet_in(rest.region).rests
        while laid is Laid.UNKNOWN:
            laid = await rests.lay_down(
                rest.instance_id, spawner.stop_timeout, _hibernates(rest)
            )
        if spawner.state.resting == rest:
            self._laid(laid)
            self._save()
            self.go_on()

    def _laid(self, laid: Laid) -> None:
        """Take note of what EC2 has said to the wish that the machine should rest."""
        spawner, state = self._spawner, self._spawner.state
        rest = state.resting
        assert rest is not None, "a machine was asked to rest"
        if laid is Laid.RESTS:
            state.resting = replace(rest, certain=True)
        elif laid is Laid.GONE:
            self.nothing_left = state.rests
            state.resting = None
        elif laid is Laid.CANNOT:
            spawner.log.warning(
                "Machine %s of %s cannot rest, so it is terminated",
                rest.instance_id,
                spawner._log_name,
            )
            state.bury_rest()

    def _save(self) -> None:
        # The row of a deleted server is gone, and that of a renamed one has another
        # spawner, whose memory is newer.
        spawner = self._spawner
        if inspect(spawner.orm_spawner).session is None:
            return
        if spawner.user.spawners.get(spawner.orm_spawner.name, spawner) is spawner:
            spawner.save_state()


def _hibernates(rest: Rest | None) -> bool:
    return rest is not None and rest.how == "hibernate"
