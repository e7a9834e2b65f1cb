"""Whether a home is free, asked before a launch: a machine without it is no use."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..ec2.volumes import Volume
from ..homes.errors import in_use, in_use_by
from .context import Server

_LISTING_SECONDS = 10.0


async def check_free(spawner: Server, home: Volume) -> None:
    """Refuse a start whose home another machine keeps.

    A machine that ends or rests gives it back, and the start waits for that.

    :raises EC2SpawnError: when another server of the user has it, or any machine that
        is not about to end
    """
    holder = home.attached_to
    if not holder or holder in set(_machines_on_their_way_out(spawner)):
        return
    for name, other in spawner.user.spawners.items():
        if other is spawner or other.state.instance_id != holder:
            continue
        if other.pending == "stop":
            return
        if other.active:
            raise in_use_by(home, name)
    listing = await spawner.fleet.inventory.newer_than(
        time.monotonic(), _LISTING_SECONDS
    )
    if listing is None:
        return  # an outage proves nothing
    machine = listing.machines.get(holder)
    # A machine that is not this hub's is not about to give it back either.
    if machine is None or machine.state in ("pending", "running"):
        raise in_use(home)


def _machines_on_their_way_out(spawner: Server) -> Iterator[str]:
    """Those of all servers of the user that rest, or are to end."""
    for each in spawner.user.spawners.values():
        state = each.state
        yield from (grave.instance_id for grave in state.tombstones)
        if state.resting:
            yield state.resting.instance_id
